// SPDX-License-Identifier: Apache-2.0
//
// A check, and the test in which one is run.
//
// Each check runs in a process of its own: a plugin that crashes, hangs or scribbles fails that check and no
// other, and a check that fails just ends, by test_fail() or one of the want_…() functions, none of which
// return then. What a test allocates lives until its end.
#ifndef CONFORMANCE_TEST_H
#define CONFORMANCE_TEST_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct plugin;
struct stand;
struct test;

enum check_flag {
    CHECK_DURABLE = 1,  ///< needs data that outlives a process: skipped for a volatile plugin
    CHECK_ISOLATED = 2, ///< needs a backend that nobody else uses: skipped with -c, unless settings_isolate()
    CHECK_FULL = 4,     ///< from level full on
    CHECK_STRESS = 8    ///< only at level stress
};

/// One rule and the function that proves it.
struct check {
    const char *name; ///< "deliver.repeat"
    const char *rule; ///< one line
    void (*run)(struct test *test);
    uint32_t flags; ///< enum check_flag
};

/// A kind's checks.
struct suite {
    const struct check *checks;
    size_t count;
};
#define SUITE(array)                                \
    {                                               \
        (array), sizeof(array) / sizeof((array)[0]) \
    }

/// Memory of a test: one region, so that it can be made unreadable (see test_seal).
struct region {
    unsigned char *base;
    size_t size;
    size_t used;
};

struct test {
    const struct check *check;
    const struct plugin *plugin;
    const void *config;      ///< the plugin's config struct, filled
    const char *folder;      ///< an empty folder of this test's own
    const char *secret_name; ///< of a secret that exists, or NULL
    const char *secret_value;
    uint64_t seed;
    unsigned level;      ///< 0 basic, 1 full, 2 stress
    bool isolated;       ///< nobody else uses this backend
    int report;          ///< where the outcome is written
    char tag[16];        ///< in all names of this test, so that tests do not meet
    char step[512];      ///< what is being asked, for the report
    struct stand *stand; ///< NULL before the first subject_open()
    struct region region;
};

/// A test about to run; ends the process when there is no memory.
void test_init(struct test *test);

/// Zeroed memory until the end of the test.
void *test_alloc(struct test *test, size_t size);
/// A copy with a NUL behind it.
struct ph_text test_text(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct ph_text test_bytes(struct test *test, const void *bytes, size_t length);

/// Begins a new page of memory and returns where it begins.
size_t test_page(struct test *test);
/// Protects what was allocated since test_page(): `protection` as for mprotect().
void test_protect(struct test *test, size_t from, int protection);

/// Says what is being asked now; shown when something fails.
void test_step(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));

/// Ends the test: failed. `expected` is a sentence, `came` is formatted.
_Noreturn void test_fail(struct test *test, const char *expected, const char *came, ...)
    __attribute__((format(printf, 3, 4)));
/// Ends the test: it cannot be run, and why.
_Noreturn void test_skip(struct test *test, const char *why);
/// Ends the test: passed. Closes nothing.
_Noreturn void test_pass(struct test *test);

void want_true(struct test *test, bool holds, const char *expected);
void want_number(struct test *test, const char *what, uint64_t came, uint64_t expected);
void want_time_between(struct test *test, const char *what, int64_t came, int64_t low, int64_t high);
void want_text(struct test *test, const char *what, struct ph_text came, struct ph_text expected);
void want_id(struct test *test, const char *what, const struct ph_id *came, const struct ph_id *expected);

bool text_equal(struct ph_text left, struct ph_text right);
int text_order(struct ph_text left, struct ph_text right);
bool id_equal(const struct ph_id *left, const struct ph_id *right);
struct ph_id id_new(void);

/// Milliseconds since 1970, and since some moment.
int64_t time_wall(void);
int64_t time_steady(void);

/// A process beside this one, for several daemons on one backend; must be started before this process opens
/// an instance. `run` gets a test of its own (same config, no stand); when it returns the child ends well.
struct child {
    pid_t pid;
};
struct child child_start(struct test *test, void (*run)(struct test *test, void *context), void *context);
/// Waits for a child; a check that failed in the child fails here.
void child_wait(struct test *test, struct child child);
/// Kills it with SIGKILL and waits.
void child_kill(struct test *test, struct child child);
/// Zeroed memory that is shared with children started later.
void *test_share(struct test *test, size_t size);

/// Waits until *counter, which a child raises, has reached `least`; fails after 20 s.
void test_wait_counter(struct test *test, const volatile uint32_t *counter, uint32_t least);

#endif
