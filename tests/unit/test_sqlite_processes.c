// SPDX-License-Identifier: Apache-2.0
//
// Several processes on one file: readers that follow a cursor miss nothing, and what was answered survives SIGKILL.
#include "tests/unit/storage_sqlite.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WRITERS = 3, MESSAGES = 120, ROUNDS = 6 };

/// A process that appends and delivers, and tells each number that was answered.
struct writer {
    pid_t process;
    int pipe;
};

// What a started process does; answers go to its standard output.
static int write_messages(const char *path, unsigned first)
{
    host = test_host_new();
    test_plugin_load(&storage, host, "storage", path);
    if (!test_plugin_open(&storage))
        return 1;
    for (unsigned i = 0; i < MESSAGES; i++) {
        unsigned number = first + i;
        if (storage_append(storage_message(number), NULL) != PH_OK)
            return 2;
        if (write(STDOUT_FILENO, &number, sizeof(number)) != (ssize_t)sizeof(number))
            return 3;
        if (storage_deliver(number) != PH_OK)
            return 4;
    }
    test_plugin_close(&storage);
    test_host_free(host);
    return 0;
}

// A process of its own from the start: SQLite's state must not be carried over a fork.
static struct writer writer_start(unsigned first)
{
    int ends[2];
    char number[16];
    snprintf(number, sizeof(number), "%u", first);
    assert_int_equal(pipe(ends), 0);
    struct writer writer = {.process = fork(), .pipe = ends[0]};
    assert_true(writer.process >= 0);
    if (writer.process == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "writer", storage.config.path, number, (char *)NULL);
        _exit(5);
    }
    close(ends[1]);
    return writer;
}

static unsigned number_of(const struct ph_id *id)
{
    unsigned number = 0;
    for (size_t i = 12; i < 16; i++)
        number = number << 8 | id->bytes[i];
    return number;
}

// Reads on from `after`; marks what it sees, each once.
static uint64_t follow(uint64_t after, bool *seen, size_t count)
{
    struct test_call *call = storage_inbox("ben", after, 50);
    const struct ph_page *page = OUTPUT(call, struct ph_page);
    assert_int_equal(test_outcome(call, 0), PH_OK);
    for (size_t i = 0; i < page->count; i++) {
        unsigned number = number_of(&page->records[i]->id);
        // Without purge, positions have no gaps: one that is missing would come later, below the cursor.
        assert_int_equal(page->records[i]->position, after + 1);
        assert_true(number < count);
        assert_false(seen[number]);
        seen[number] = true;
        after = page->records[i]->position;
    }
    test_call_free(call);
    return after;
}

static void test_cursor_over_processes(void **state)
{
    (void)state;
    static bool seen[WRITERS * MESSAGES];
    struct writer writers[WRITERS];
    uint64_t after = 0;
    int running = WRITERS;
    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < WRITERS; i++)
        writers[i] = writer_start(i * MESSAGES);
    while (running > 0) {
        int status;
        after = follow(after, seen, WRITERS * MESSAGES);
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            running--;
        }
    }
    for (uint64_t before = after + 1; before != after;) {
        before = after;
        after = follow(after, seen, WRITERS * MESSAGES);
    }
    assert_int_equal(after, WRITERS * MESSAGES);
    for (unsigned i = 0; i < WRITERS; i++)
        close(writers[i].pipe);
}

static void test_killed_writers(void **state)
{
    (void)state;
    static bool accepted[ROUNDS * MESSAGES];
    static bool seen[ROUNDS * MESSAGES];
    uint64_t after = 0;
    memset(accepted, 0, sizeof(accepted));
    memset(seen, 0, sizeof(seen));
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct writer writer = writer_start(round * MESSAGES);
        unsigned number;
        unsigned answers = 0;
        // Killed in the middle of what follows a given answer; what is still in the pipe was answered too.
        while (read(writer.pipe, &number, sizeof(number)) == (ssize_t)sizeof(number)) {
            accepted[number] = true;
            if (++answers == 10 + round * 15)
                kill(writer.process, SIGKILL);
        }
        int status;
        assert_int_equal(waitpid(writer.process, &status, 0), writer.process);
        assert_true(WIFSIGNALED(status));
        close(writer.pipe);
        after = follow(after, seen, ROUNDS * MESSAGES);
    }
    storage_reopen();
    for (unsigned i = 0; i < ROUNDS * MESSAGES; i++) {
        if (!accepted[i])
            continue;
        // Recorded before the kill, or to be done still: never lost, never twice.
        enum ph_outcome outcome = storage_deliver(i);
        assert_true(outcome == PH_OK || outcome == PH_DUPLICATE);
    }
    for (uint64_t before = after + 1; before != after;) {
        before = after;
        after = follow(after, seen, ROUNDS * MESSAGES);
    }
    for (unsigned i = 0; i < ROUNDS * MESSAGES; i++)
        assert_true(seen[i] || !accepted[i]);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return write_messages(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cursor_over_processes, storage_set_up, storage_tear_down),
        cmocka_unit_test_setup_teardown(test_killed_writers, storage_set_up, storage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
