// SPDX-License-Identifier: Apache-2.0
//
// core/ini and core/findings: what is read, what is refused, and that one error does not hide another.
#include "tests/unit/unit.h"

#include "core/ini.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct findings findings;
    struct ini_file *file;
};

static void read_text(struct fixture *fixture, const char *text, size_t length)
{
    // A copy of exactly that length, so that a sanitizer sees a byte read too far.
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    char *exact = realloc(copy, length > 0 ? length : 1);
    fixture->findings = (struct findings){0};
    fixture->file = ini_read_bytes("t.ini", exact, length, &fixture->findings);
    free(exact);
}

static void end(struct fixture *fixture)
{
    ini_free(fixture->file);
    findings_free(&fixture->findings);
}

static const char *value_of(const struct fixture *fixture, const char *section, const char *key)
{
    const struct ini_key *found = ini_key_find(ini_section_find(fixture->file, section), key);
    return found == NULL ? NULL : found->value;
}

// The findings as they are printed.
static char *printed(struct findings *findings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    findings_print(findings, out);
    fclose(out);
    return text;
}

static void test_good_file(void **state)
{
    static const char text[] = "; a comment\n"
                               "# another; with = signs [and brackets]\n"
                               "   ; an indented comment\n"
                               "\n"
                               "[daemon]            ; roles, state_dir\n"
                               "[storage]\n"
                               "plugin = sqlite\n"
                               "url=postgresql://a@b/c?x=y;z#f\n"
                               "empty =\n"
                               "odd =\t a:b=c;d  \n"
                               "[alarm backlog]     # documented\n"
                               "call.deadline=5s";
    struct fixture fixture;
    (void)state;
    read_text(&fixture, text, sizeof text - 1);
    assert_int_equal(fixture.findings.errors, 0);
    assert_int_equal(fixture.file->count, 3);
    assert_string_equal(fixture.file->sections[0].name, "daemon");
    assert_int_equal(fixture.file->sections[0].count, 0);
    assert_int_equal(fixture.file->sections[0].place.line, 5);
    assert_string_equal(value_of(&fixture, "storage", "plugin"), "sqlite");
    assert_string_equal(value_of(&fixture, "storage", "url"), "postgresql://a@b/c?x=y;z#f");
    assert_string_equal(value_of(&fixture, "storage", "empty"), "");
    assert_string_equal(value_of(&fixture, "storage", "odd"), "a:b=c;d");
    assert_string_equal(value_of(&fixture, "alarm backlog", "call.deadline"), "5s");
    assert_int_equal(ini_key_find(ini_section_find(fixture.file, "storage"), "odd")->place.line, 10);
    end(&fixture);
}

static void test_long_values(void **state)
{
    char text[INI_LINE_MAX + 200];
    struct fixture fixture;
    (void)state;
    // Lengths around the 200 bytes at which inih cuts, and around our own limit.
    for (size_t length = 1; length <= INI_LINE_MAX - 5; length += length < 300 ? 1 : 4001) {
        int head = snprintf(text, sizeof text, "[a]\nkey =");
        memset(text + head, 'v', length);
        text[(size_t)head + length] = '\n';
        memcpy(text + (size_t)head + length + 1, "next=1\n", 7);
        read_text(&fixture, text, (size_t)head + length + 8);
        assert_int_equal(fixture.findings.errors, 0);
        assert_int_equal(strlen(value_of(&fixture, "a", "key")), length);
        assert_string_equal(value_of(&fixture, "a", "next"), "1");
        end(&fixture);
    }
    int head = snprintf(text, sizeof text, "[a]\nkey =");
    memset(text + head, 'v', INI_LINE_MAX);
    read_text(&fixture, text, (size_t)head + INI_LINE_MAX);
    assert_int_equal(fixture.findings.errors, 1);
    end(&fixture);
}

// Each text and all that is printed about it.
static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        size_t length; // 0: to its NUL
        const char *expected;
    } cases[] = {
        {"a = 1\nb = 2\n", 0, "t.ini:1: \"a\" stands before any section; begin with [section]\n"},
        {"[a\nb = 1\n", 0, "t.ini:1: \"]\" is missing after the section's name\n"},
        {"[]\n", 0, "t.ini:1: the section has no name\n"},
        {"[a] b = 1\n", 0, "t.ini:1: text after \"]\": put keys on lines of their own\n"},
        {"[a;b]\n", 0, "t.ini:1: the section's name \"a;b\" holds one of [ ; # = or a tab\n"},
        {"[12345678901234567890123456789012345678901234567890]\n", 0,
         "t.ini:1: the section's name has 50 bytes; at most 49 are allowed\n"},
        {"[a]\nplugin\n", 0, "t.ini:2: expected \"key = value\"\n"},
        {"[a]\nplugin: sqlite\n", 0, "t.ini:2: expected \"key = value\"; \":\" does not separate them here\n"},
        {"[a]\n= sqlite\n", 0, "t.ini:2: no key before \"=\"\n"},
        {"[a]\nmy key = 1\n", 0,
         "t.ini:2: \"my key\" cannot be a key; keys are letters, digits, \"_\", \".\" and \"-\"\n"},
        {"[a]\nb = 1\n  c = 2\n", 0,
         "t.ini:3: the line is indented; remove the white space before it (a value cannot go on in a second line)\n"},
        {"[a]\nb = x ; y\n", 0,
         "t.ini:2: b: \" ;\" or \" #\" in a value may be a comment or not; put comments on lines of their own (a value "
         "that needs it can come from ${ENV})\n"},
        {"[a]\nb = ;y\n", 0,
         "t.ini:2: b: \" ;\" or \" #\" in a value may be a comment or not; put comments on lines of their own (a value "
         "that needs it can come from ${ENV})\n"},
        {"[a]\nb = 1\nb = 2\n", 0, "t.ini:3: b is there already, on line 2; keep one of them\n"},
        {"[a]\nb = 1\n[c]\n[a]\nb = 2\n", 0, "t.ini:4: [a] is there already, on line 1; make one section of both\n"},
        {"\xef\xbb\xbf[a]\nb = 1\n", 0,
         "t.ini:1: the file begins with a byte order mark; save it as UTF-8 without one\n"},
        {"\xff\xfe[\0a\0]\0", 8, "t.ini:1: the file is UTF-16; save it as UTF-8\n"},
        {"[a]\r\nb = 1\r\nc = 2\r\n", 0,
         "t.ini:1: the line ends with CR LF, as on Windows; save the file with LF alone\n"},
        {"[a]\nb = 1\0002\n", 12, "t.ini:2: byte 6 is NUL; a value cannot hold it\n"},
        {"[a]\nb = \xc3\x28\n", 0, "t.ini:2: byte 5 (0xc3) is not valid UTF-8; save the file as UTF-8\n"},
        {"[a]\nb = \x1b[31m\n", 0, "t.ini:2: byte 5 is a control character (U+001B); remove it\n"},
        {"[a]\nb = 1\rc = 2\n", 0, "t.ini:2: byte 6 is a control character (U+000D); remove it\n"},
        {"[a]\xff\nb = 1\n[c]\n", 0, "t.ini:1: byte 4 (0xff) is not valid UTF-8; save the file as UTF-8\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        read_text(&fixture, cases[i].text, cases[i].length == 0 ? strlen(cases[i].text) : cases[i].length);
        char *text = printed(&fixture.findings);
        assert_string_equal(text, cases[i].expected);
        free(text);
        end(&fixture);
    }
}

static void test_all_errors_and_the_rest(void **state)
{
    static const char text[] = "lost = 1\n"
                               "[a]\n"
                               "b : 1\n"
                               "c = 1\n"
                               "c = 2\n"
                               " d = 3\n"
                               "e = x ;y\n"
                               "[b\n"
                               "not = counted\n"
                               "[d]\n"
                               "f = kept\n";
    struct fixture fixture;
    (void)state;
    read_text(&fixture, text, sizeof text - 1);
    assert_int_equal(fixture.findings.errors, 6);
    static const unsigned lines[] = {1, 3, 5, 6, 7, 8};
    findings_sort(&fixture.findings);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(fixture.findings.items[i].line, lines[i]);
    }
    assert_int_equal(fixture.file->count, 2);
    assert_string_equal(value_of(&fixture, "a", "c"), "1");
    assert_true(ini_key_find(ini_section_find(fixture.file, "a"), "e")->broken);
    assert_string_equal(value_of(&fixture, "d", "f"), "kept");
    end(&fixture);
}

static void test_limits(void **state)
{
    struct fixture fixture;
    size_t size = (size_t)20 * (INI_KEYS_MAX + INI_SECTIONS_MAX + 10);
    char *text = malloc(size);
    (void)state;
    assert_non_null(text);
    size_t length = (size_t)snprintf(text, size, "[many]\n");
    for (int i = 0; i < INI_KEYS_MAX + 3; i++) {
        length += (size_t)snprintf(text + length, size - length, "k%d=1\n", i);
    }
    for (int i = 1; i < INI_SECTIONS_MAX + 1; i++) {
        length += (size_t)snprintf(text + length, size - length, "[s%d]\nk = 1\n", i);
    }
    read_text(&fixture, text, length);
    assert_int_equal(fixture.findings.errors, 2);
    assert_int_equal(fixture.file->count, INI_SECTIONS_MAX);
    assert_int_equal(fixture.file->sections[0].count, INI_KEYS_MAX);
    end(&fixture);
    free(text);
}

static void test_many_findings(void **state)
{
    struct findings findings = {0};
    struct place place = {"f", 1};
    (void)state;
    for (int i = 0; i < FINDINGS_MAX + 7; i++) {
        findings_error(&findings, place, "bad\n\x1b%d", i);
    }
    char *text = printed(&findings);
    assert_int_equal(findings.errors, FINDINGS_MAX + 7);
    assert_int_equal(strncmp(text, "f:1: bad??0\nf:1: bad??1\n", 24), 0);
    assert_non_null(strstr(text, "and 7 more\n"));
    free(text);
    findings_free(&findings);
}

static void test_files(void **state)
{
    char path[] = "/tmp/test_ini.XXXXXX";
    struct findings findings = {0};
    int descriptor = mkstemp(path);
    (void)state;
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "[a]\nb = 1\n", 10), 10);
    close(descriptor);
    struct ini_file *file = ini_read(path, 10, &findings);
    assert_int_equal(findings.errors, 0);
    assert_int_equal(file->count, 1);
    ini_free(file);
    ini_free(ini_read(path, 9, &findings));
    assert_int_equal(findings.errors, 1);
    unlink(path);
    ini_free(ini_read(path, 10, &findings));
    ini_free(ini_read("/", 10, &findings));
    assert_int_equal(findings.errors, 3);
    char *text = printed(&findings);
    assert_non_null(strstr(text, ": cannot be read: No such file or directory\n"));
    assert_non_null(strstr(text, "/: cannot be read: Is a directory\n"));
    assert_non_null(strstr(text, ": is longer than 9 bytes; this is no configuration\n"));
    free(text);
    findings_free(&findings);
}

static void test_set(void **state)
{
    struct fixture fixture;
    struct place place = {"environment X", 0};
    (void)state;
    read_text(&fixture, "[a]\nb = 1\n", 10);
    assert_true(ini_set(fixture.file, "a", "b", "2", place));
    assert_true(ini_set(fixture.file, "a", "c", "3", place));
    assert_true(ini_set(fixture.file, "n", "d", "4", place));
    assert_string_equal(value_of(&fixture, "a", "b"), "2");
    assert_string_equal(value_of(&fixture, "a", "c"), "3");
    assert_string_equal(value_of(&fixture, "n", "d"), "4");
    assert_int_equal(ini_key_find(ini_section_find(fixture.file, "a"), "b")->place.line, 0);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_file), cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_all_errors_and_the_rest),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_many_findings),
        cmocka_unit_test(test_files),     cmocka_unit_test(test_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
