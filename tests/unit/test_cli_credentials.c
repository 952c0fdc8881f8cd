// SPDX-License-Identifier: Apache-2.0
//
// cli/credentials and cli/cursor_file: small files that must be whole, and in the one case private.
#include "tests/unit/unit.h"

#include "cli/credentials.h"
#include "cli/cursor_file.h"
#include "core/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/posthouse-credentials-XXXXXX";
static char *file;

static const struct credentials ada = {.server = "https://post.example", .token = "secret", .user = "ada"};

static void write_text(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path, mode), 0);
}

static int begin(void **state)
{
    (void)state;
    file = xasprintf("%s/in/a/credentials", folder);
    unsetenv("XDG_CONFIG_HOME");
    return setenv("POSTHOUSE_CREDENTIALS", file, 1);
}

static int end(void **state)
{
    (void)state;
    credentials_remove();
    free(file);
    return 0;
}

static void test_round(void **state)
{
    (void)state;
    struct credentials read = {.server = "?"};
    struct stat status;
    assert_false(credentials_peek(&read));
    assert_false(credentials_read(&read));
    assert_true(credentials_write(&ada)); // makes the folders
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_true(credentials_read(&read));
    assert_string_equal(read.server, ada.server);
    assert_string_equal(read.token, ada.token);
    assert_string_equal(read.user, ada.user);
    assert_true(credentials_write(&ada)); // over the old one
    credentials_wipe(&read);
    assert_string_equal(read.token, "");
    credentials_remove();
    assert_int_equal(access(file, F_OK), -1);
    assert_false(credentials_peek(&read));
}

static void test_open_to_others(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0660, 0602, 0610, 0777};
    struct credentials read;
    assert_true(credentials_write(&ada));
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(file, modes[i]), 0);
        assert_false(credentials_read(&read));
    }
    assert_true(credentials_write(&ada)); // a login mends it
    assert_true(credentials_read(&read));
}

static void test_broken(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "[]", "{\"server\":\"https://a\",\"user\":\"b\"}",
                                        "{\"server\":\"https://a\",\"user\":\"b\",\"token\":7}"};
    char *long_token = xasprintf("{\"server\":\"https://a\",\"user\":\"b\",\"token\":\"%0200d\"}", 1);
    struct credentials read;
    assert_true(credentials_write(&ada));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(file, texts[i], 0600);
        assert_false(credentials_read(&read));
    }
    write_text(file, long_token, 0600);
    assert_false(credentials_read(&read));
    free(long_token);
}

static void test_place(void **state)
{
    (void)state;
    struct credentials read;
    char *path = xasprintf("%s/xdg/posthouse/credentials", folder);
    char *xdg = xasprintf("%s/xdg", folder);
    unsetenv("POSTHOUSE_CREDENTIALS");
    setenv("XDG_CONFIG_HOME", xdg, 1);
    assert_true(credentials_write(&ada));
    assert_int_equal(access(path, F_OK), 0);
    assert_true(credentials_read(&read));
    credentials_remove();
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", xdg, 1);
    assert_false(credentials_peek(&read));
    free(path);
    path = xasprintf("%s/.config/posthouse/credentials", xdg);
    assert_true(credentials_write(&ada));
    assert_int_equal(access(path, F_OK), 0);
    free(path);
    free(xdg);
}

static void test_no_place(void **state)
{
    (void)state;
    setenv("POSTHOUSE_CREDENTIALS", "/proc/none/credentials", 1);
    assert_false(credentials_write(&ada));
}

static void test_cursor(void **state)
{
    (void)state;
    char cursor[LIST_CURSOR_SIZE] = "start";
    char *path = xasprintf("%s/cursor", folder);
    assert_true(cursor_file_read(path, cursor)); // none yet
    assert_string_equal(cursor, "start");
    assert_true(cursor_file_write(path, "iAAAAAAAAAAAWWjQMS"));
    assert_true(cursor_file_read(path, cursor));
    assert_string_equal(cursor, "iAAAAAAAAAAAWWjQMS");
    write_text(path, "", 0600);
    assert_false(cursor_file_read(path, cursor));
    write_text(path, "a&b=c\n", 0600);
    assert_false(cursor_file_read(path, cursor));
    assert_string_equal(cursor, "iAAAAAAAAAAAWWjQMS");
    assert_false(cursor_file_read(folder, cursor));
    assert_false(cursor_file_write("/proc/none/cursor", "start"));
    unlink(path);
    free(path);
}

// The tests have removed the files.
static int tidy(void **state)
{
    (void)state;
    static const char *const folders[] = {"in/a", "in", "xdg/.config/posthouse", "xdg/.config", "xdg/posthouse",
                                          "xdg",  ""};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char *path = xasprintf("%s/%s", folder, folders[i]);
        assert_int_equal(rmdir(path), 0);
        free(path);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round, begin, end),
        cmocka_unit_test_setup_teardown(test_open_to_others, begin, end),
        cmocka_unit_test_setup_teardown(test_broken, begin, end),
        cmocka_unit_test_setup_teardown(test_place, begin, end),
        cmocka_unit_test_setup_teardown(test_no_place, begin, end),
        cmocka_unit_test_setup_teardown(test_cursor, begin, end),
    };
    return mkdtemp(folder) != NULL ? cmocka_run_group_tests(tests, NULL, tidy) : 1;
}
