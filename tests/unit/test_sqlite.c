// SPDX-License-Identifier: Apache-2.0
//
// Trouble with the database file: damaged, foreign, of a newer release, read-only, full, locked, gone, replaced. While
// running, every one is PH_UNAVAILABLE with a text that names the file, loses nothing, and ends when it is mended.
#include "tests/unit/storage_sqlite.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void write_file(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void run_sql(const char *name, const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(name, &database), SQLITE_OK);
    sqlite3_busy_timeout(database, 1000);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

// Opens another file; the outcome, and its text must hold these words.
static enum ph_outcome open_other(const char *name, const char *words)
{
    struct test_plugin other;
    test_plugin_load(&other, host, "storage", name);
    other.config.busy_timeout = 100;
    if (test_plugin_open(&other)) {
        test_plugin_close(&other);
        return PH_OK;
    }
    if (words != NULL && strstr(other.text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, other.text);
    assert_non_null(strstr(other.text, name));
    return other.opened;
}

static enum ph_outcome append_text(unsigned number, char *text, size_t size)
{
    struct ph_message entry = storage_message(number);
    struct test_call *call = RUN(PH_STORAGE_APPEND, append, entry, struct ph_accepted);
    enum ph_outcome outcome = test_outcome(call, 0);
    if (text != NULL)
        snprintf(text, size, "%s", test_text(call, 0));
    test_call_free(call);
    return outcome;
}

static enum ph_outcome health(void)
{
    struct test_call *call =
        test_call_run(&storage, PH_HEALTH, storage.descriptor->common->health, 1, NULL, 0, sizeof(struct ph_health));
    enum ph_outcome outcome = test_outcome(call, 0);
    if (outcome == PH_OK)
        assert_non_null(strstr(OUTPUT(call, struct ph_health)->version, "SQLite"));
    test_call_free(call);
    return outcome;
}

// ------------------------------------------------------------------------------------------ at open

static void test_new_file_is_private(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(stat(storage.config.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(health(), PH_OK);
}

static void test_not_a_database(void **state)
{
    (void)state;
    char *name = test_path(storage_folder(), "text.db");
    char text[8192];
    memset(text, 'x', sizeof(text));
    write_file(name, text, sizeof(text));
    assert_int_equal(open_other(name, "not an SQLite database"), PH_INVALID);
    assert_int_equal(open_other(storage_folder(), "is not a file"), PH_INVALID);
    free(name);
}

static void test_other_programs_database(void **state)
{
    (void)state;
    char *name = test_path(storage_folder(), "foreign.db");
    run_sql(name, "CREATE TABLE theirs(a)");
    assert_int_equal(open_other(name, "another program"), PH_INVALID);
    run_sql(name, "DROP TABLE theirs; PRAGMA application_id = 77");
    assert_int_equal(open_other(name, "another program"), PH_INVALID);
    run_sql(name, "PRAGMA application_id = 0");
    assert_int_equal(open_other(name, NULL), PH_OK);
    free(name);
}

static void test_damaged_database(void **state)
{
    (void)state;
    char *name = test_path(storage_folder(), "damaged.db");
    assert_int_equal(open_other(name, NULL), PH_OK);
    FILE *file = fopen(name, "r+e");
    assert_non_null(file);
    char noise[3996];
    memset(noise, 0x5a, sizeof(noise));
    fseek(file, 100, SEEK_SET);
    assert_int_equal(fwrite(noise, 1, sizeof(noise), file), sizeof(noise));
    fclose(file);
    assert_int_equal(open_other(name, "damaged"), PH_INVALID);
    free(name);
}

static void test_newer_schema(void **state)
{
    (void)state;
    char *name = test_path(storage_folder(), "newer.db");
    assert_int_equal(open_other(name, NULL), PH_OK);
    // A newer version that this program can still use, and one that it cannot.
    run_sql(name, "UPDATE posthouse_schema SET version = 2 WHERE kind = 'storage'");
    assert_int_equal(open_other(name, NULL), PH_OK);
    run_sql(name, "UPDATE posthouse_schema SET oldest_program = '99.1.0'");
    assert_int_equal(open_other(name, "need posthouse 99.1.0"), PH_INVALID);
    free(name);
}

static void test_no_folder(void **state)
{
    (void)state;
    char *name = test_path(storage_folder(), "none/test.db");
    assert_int_equal(open_other(name, "No such file or directory"), PH_UNAVAILABLE);
    free(name);
}

// ------------------------------------------------------------------------------------------ while running

static void test_locked_by_another_program(void **state)
{
    (void)state;
    char text[512];
    sqlite3 *database;
    storage.config.busy_timeout = 100;
    storage_reopen();
    assert_int_equal(sqlite3_open(storage.config.path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(append_text(1, text, sizeof(text)), PH_UNAVAILABLE);
    assert_non_null(strstr(text, "locked by another program"));
    assert_int_equal(health(), PH_UNAVAILABLE);
    // Readers do not mind.
    assert_int_equal(storage_inbox_count("ben"), 0);
    assert_int_equal(sqlite3_exec(database, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_int_equal(health(), PH_OK);
    assert_int_equal(append_text(1, NULL, 0), PH_OK);
    assert_int_equal(storage_stats().outbox_waiting, 1);
}

static void test_file_is_gone_and_back(void **state)
{
    (void)state;
    char text[512];
    char *away = test_path(storage_folder(), "away.db");
    assert_int_equal(append_text(1, NULL, 0), PH_OK);
    assert_int_equal(rename(storage.config.path, away), 0);
    assert_int_equal(append_text(2, text, sizeof(text)), PH_UNAVAILABLE);
    assert_non_null(strstr(text, "is gone"));
    assert_int_equal(access(storage.config.path, F_OK), -1);
    assert_int_equal(rename(away, storage.config.path), 0);
    assert_int_equal(append_text(2, NULL, 0), PH_OK);
    assert_int_equal(storage_stats().outbox_waiting, 2);
    free(away);
}

static void test_file_is_replaced(void **state)
{
    (void)state;
    char *copy = test_path(storage_folder(), "copy.db");
    char *wal = test_path(storage_folder(), "test.db-wal");
    char *shm = test_path(storage_folder(), "test.db-shm");
    char sql[600];
    assert_int_equal(append_text(1, NULL, 0), PH_OK);
    snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", copy);
    run_sql(storage.config.path, sql);
    assert_int_equal(append_text(2, NULL, 0), PH_OK);
    unlink(wal);
    unlink(shm);
    assert_int_equal(rename(copy, storage.config.path), 0);
    // The restored copy knows the first message only.
    assert_int_equal(storage_stats().outbox_waiting, 1);
    assert_int_equal(append_text(3, NULL, 0), PH_OK);
    assert_int_equal(storage_stats().outbox_waiting, 2);
    free(copy);
    free(wal);
    free(shm);
}

static void test_damage_while_running(void **state)
{
    (void)state;
    char text[512];
    for (unsigned i = 1; i <= 200; i++)
        assert_int_equal(append_text(i, NULL, 0), PH_OK);
    run_sql(storage.config.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    FILE *file = fopen(storage.config.path, "r+e");
    assert_non_null(file);
    char page[4096];
    assert_int_equal(fread(page, 1, sizeof(page), file), sizeof(page));
    char noise[4096];
    memset(noise, 0x5a, sizeof(noise));
    fseek(file, 0, SEEK_SET);
    fwrite(noise, 1, sizeof(noise), file);
    fclose(file);
    enum ph_outcome outcome = append_text(300, text, sizeof(text));
    assert_int_equal(outcome, PH_UNAVAILABLE);
    assert_non_null(strstr(text, storage.config.path));
    // Mended: works again without a restart, with all that was accepted.
    file = fopen(storage.config.path, "r+e");
    assert_non_null(file);
    fwrite(page, 1, sizeof(page), file);
    fclose(file);
    assert_int_equal(append_text(301, NULL, 0), PH_OK);
    assert_int_equal(storage_stats().outbox_waiting, 201);
}

// What a started process does: gives up the rights of root, opens the file, ends with the outcome.
static int open_and_tell(const char *name)
{
    struct test_plugin other;
    struct test_host *own = test_host_new();
    test_plugin_load(&other, own, "storage", name);
    if (geteuid() == 0 && setuid(65534) != 0)
        return 99;
    bool opened = test_plugin_open(&other);
    int result = opened || strstr(other.text, name) == NULL ? 98 : (int)other.opened;
    test_host_free(own);
    return result;
}

static int open_without_rights(const char *name)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "opener", name, (char *)NULL);
        _exit(97);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_read_only_file(void **state)
{
    (void)state;
    char *name = test_path(storage_folder(), "protected.db");
    assert_int_equal(open_other(name, NULL), PH_OK);
    assert_int_equal(chmod(name, 0444), 0);
    assert_int_equal(chmod(storage_folder(), 0777), 0);
    assert_int_equal(open_without_rights(name), PH_UNAVAILABLE);
    assert_int_equal(chmod(name, 0), 0);
    assert_int_equal(open_without_rights(name), PH_UNAVAILABLE);
    free(name);
}

static void fill_disk(unsigned *accepted)
{
    static char body[64 * 1024];
    memset(body, 'x', sizeof(body));
    char text[512] = "";
    enum ph_outcome outcome = PH_OK;
    for (unsigned i = 0; outcome == PH_OK && i < 1000; i++) {
        struct ph_message entry = storage_message(1000 + i);
        entry.body = (struct ph_text){.bytes = body, .length = sizeof(body)};
        struct test_call *call = RUN(PH_STORAGE_APPEND, append, entry, struct ph_accepted);
        outcome = test_outcome(call, 0);
        snprintf(text, sizeof(text), "%s", test_text(call, 0));
        test_call_free(call);
        *accepted += outcome == PH_OK;
    }
    assert_int_equal(outcome, PH_UNAVAILABLE);
    assert_non_null(strstr(text, "disk is full"));
}

static void test_full_disk(void **state)
{
    (void)state;
    unsigned accepted = 0;
    char *disk = test_path(storage_folder(), "disk");
    char *name = test_path(disk, "test.db");
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("posthouse-test", disk, "tmpfs", 0, "size=2m") != 0) {
        rmdir(disk);
        free(disk);
        free(name);
        skip();
        return;
        return; // for those who read the code without running it: skip() does not come back
    }
    const char *before = storage.config.path;
    test_plugin_close(&storage);
    storage.config.path = name;
    assert_true(test_plugin_open(&storage));
    storage_add_user("ann", 1);
    storage_add_user("ben", 2);
    fill_disk(&accepted);
    assert_int_equal(health(), PH_UNAVAILABLE);
    // Readers go on, and nothing of what was accepted is lost.
    assert_int_equal(storage_stats().outbox_waiting, accepted);
    assert_int_equal(mount("posthouse-test", disk, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    assert_int_equal(health(), PH_OK);
    assert_int_equal(append_text(1, NULL, 0), PH_OK);
    assert_int_equal(storage_stats().outbox_waiting, accepted + 1);
    test_plugin_close(&storage);
    storage.config.path = before;
    assert_true(test_plugin_open(&storage));
    assert_int_equal(umount(disk), 0);
    rmdir(disk);
    free(disk);
    free(name);
}

static void test_reload(void **state)
{
    (void)state;
    storage.config.busy_timeout = 3600000;
    storage_reopen();
    struct sqlite_config config = storage.config;
    config.busy_timeout = 50;
    config.cache = 1024 * 1024;
    struct ph_reload entry = {.config = &config};
    struct test_call *call =
        test_call_run(&storage, PH_RELOAD, storage.descriptor->common->reload, 1, &entry, sizeof(entry), 0);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    test_call_free(call);
    assert_int_equal(append_text(1, NULL, 0), PH_OK);
    // The new timeout is in force: this would last an hour with the old one.
    sqlite3 *database;
    assert_int_equal(sqlite3_open(storage.config.path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(append_text(2, NULL, 0), PH_UNAVAILABLE);
    sqlite3_close(database);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_set_up, storage_tear_down)

int main(int argc, char **argv)
{
    if (argc == 2)
        return open_and_tell(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(test_new_file_is_private),
        TEST(test_not_a_database),
        TEST(test_other_programs_database),
        TEST(test_damaged_database),
        TEST(test_newer_schema),
        TEST(test_no_folder),
        TEST(test_locked_by_another_program),
        TEST(test_file_is_gone_and_back),
        TEST(test_file_is_replaced),
        TEST(test_damage_while_running),
        TEST(test_read_only_file),
        TEST(test_full_disk),
        TEST(test_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
