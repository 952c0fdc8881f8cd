// SPDX-License-Identifier: Apache-2.0
//
// See conformance/test.h.
#include "conformance/test.h"

#include "core/outcome.h"
#include "core/random.h"
#include "core/uuid.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REGION_SIZE ((size_t)1 << 30)
#define COUNTER_WAIT_MS 20000
#define PAGE 4096u

// --- Memory ------------------------------------------------------------------------------------------------

void test_init(struct test *test)
{
    void *base = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        perror("posthouse: memory for a test");
        _exit(70);
    }
    test->region = (struct region){.base = base, .size = REGION_SIZE};
    snprintf(test->tag, sizeof test->tag, "c%08llx", (unsigned long long)(random_u64() & 0xffffffffu));
}

void *test_alloc(struct test *test, size_t size)
{
    struct region *region = &test->region;
    size_t step = (size + 15) & ~(size_t)15;
    if (step > region->size - region->used) {
        test_fail(test, "a test within its memory", "it used %zu bytes", region->used);
    }
    void *memory = region->base + region->used;
    region->used += step;
    return memory;
}

struct ph_text test_bytes(struct test *test, const void *bytes, size_t length)
{
    char *copy = test_alloc(test, length + 1);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return (struct ph_text){.bytes = copy, .length = length};
}

struct ph_text test_text(struct test *test, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return test_bytes(test, text, length > 0 ? strlen(text) : 0);
}

size_t test_page(struct test *test)
{
    test->region.used = (test->region.used + PAGE - 1) & ~(size_t)(PAGE - 1);
    return test->region.used;
}

void test_protect(struct test *test, size_t from, int protection)
{
    size_t to = test_page(test);
    if (to > from && mprotect(test->region.base + from, to - from, protection) != 0) {
        test_fail(test, "memory that can be protected", "%s", strerror(errno));
    }
}

void *test_share(struct test *test, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        test_fail(test, "memory to share with a process", "%s", strerror(errno));
    }
    return memory;
}

// --- The end of a test -------------------------------------------------------------------------------------

static void test_report(const struct test *test, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(test->report, text, length);
        if (written <= 0) {
            return;
        }
        text += written;
        length -= (size_t)written;
    }
}

void test_step(struct test *test, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(test->step, sizeof test->step, format, arguments);
    va_end(arguments);
}

void test_fail(struct test *test, const char *expected, const char *came, ...)
{
    char text[2048];
    char what[1024];
    va_list arguments;
    va_start(arguments, came);
    vsnprintf(what, sizeof what, came, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "fail\n%s\n%s\n%s\n", test->step[0] != '\0' ? test->step : "the check itself", expected,
             what);
    test_report(test, text, strlen(text));
    _exit(1);
}

void test_skip(struct test *test, const char *why)
{
    char text[512];
    snprintf(text, sizeof text, "skip\n%s\n", why);
    test_report(test, text, strlen(text));
    _exit(0);
}

void test_pass(struct test *test)
{
    test_report(test, "pass\n", 5);
    exit(0); // with its handlers, so that leaks are found where a sanitizer looks for them
}

// --- What is wanted ----------------------------------------------------------------------------------------

void want_true(struct test *test, bool holds, const char *expected)
{
    if (!holds) {
        test_fail(test, expected, "something else");
    }
}

void want_number(struct test *test, const char *what, uint64_t came, uint64_t expected)
{
    if (came != expected) {
        char text[256];
        snprintf(text, sizeof text, "%s %llu", what, (unsigned long long)expected);
        test_fail(test, text, "%s %llu", what, (unsigned long long)came);
    }
}

void want_time_between(struct test *test, const char *what, int64_t came, int64_t low, int64_t high)
{
    if (came < low || came > high) {
        char text[256];
        snprintf(text, sizeof text, "%s between %lld and %lld", what, (long long)low, (long long)high);
        test_fail(test, text, "%s %lld", what, (long long)came);
    }
}

bool text_equal(struct ph_text left, struct ph_text right)
{
    return left.length == right.length && (left.length == 0 || memcmp(left.bytes, right.bytes, left.length) == 0);
}

int text_order(struct ph_text left, struct ph_text right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common > 0 ? memcmp(left.bytes, right.bytes, common) : 0;
    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

void want_text(struct test *test, const char *what, struct ph_text came, struct ph_text expected)
{
    char text[300];
    int shown = expected.length < 80 ? (int)expected.length : 80;
    snprintf(text, sizeof text, "%s of %zu bytes \"%.*s\"", what, expected.length, shown, expected.bytes);
    if (came.length > 0 && came.bytes == NULL) {
        test_fail(test, text, "a length of %zu and no bytes", came.length);
    }
    if (!text_equal(came, expected)) {
        shown = came.length < 80 ? (int)came.length : 80;
        test_fail(test, text, "%zu bytes \"%.*s\"", came.length, shown, came.bytes != NULL ? came.bytes : "");
    }
    if (came.bytes != NULL && came.bytes[came.length] != '\0') {
        test_fail(test, "a NUL byte behind every text", "none behind %s", what);
    }
}

bool id_equal(const struct ph_id *left, const struct ph_id *right)
{
    return memcmp(left->bytes, right->bytes, sizeof left->bytes) == 0;
}

struct ph_id id_new(void)
{
    struct uuid uuid;
    struct ph_id id;
    uuid_make(time_wall(), &uuid);
    memcpy(id.bytes, uuid.bytes, sizeof id.bytes);
    return id;
}

static void id_print(const struct ph_id *id, char out[UUID_TEXT_SIZE])
{
    struct uuid uuid;
    memcpy(uuid.bytes, id->bytes, sizeof uuid.bytes);
    uuid_format(&uuid, out);
}

void want_id(struct test *test, const char *what, const struct ph_id *came, const struct ph_id *expected)
{
    if (id_equal(came, expected)) {
        return;
    }
    char text[256];
    char one[UUID_TEXT_SIZE];
    char other[UUID_TEXT_SIZE];
    id_print(expected, one);
    id_print(came, other);
    snprintf(text, sizeof text, "%s %s", what, one);
    test_fail(test, text, "%s %s", what, other);
}

int64_t time_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t time_steady(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// --- Other processes ---------------------------------------------------------------------------------------

struct child child_start(struct test *test, void (*run)(struct test *test, void *context), void *context)
{
    if (test->stand != NULL) {
        test_fail(test, "a process started before the first instance", "a test that does otherwise");
    }
    pid_t pid = fork();
    if (pid < 0) {
        test_fail(test, "a second process", "%s", strerror(errno));
    }
    if (pid == 0) {
        run(test, context);
        _exit(0);
    }
    return (struct child){.pid = pid};
}

static int child_status(struct test *test, struct child child)
{
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0) {
        if (errno != EINTR) {
            test_fail(test, "the end of a process", "%s", strerror(errno));
        }
    }
    return status;
}

void child_wait(struct test *test, struct child child)
{
    int status = child_status(test, child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
        _exit(1); // it has told why
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        test_fail(test, "a process that ends well",
                  WIFSIGNALED(status) ? "one that was ended by signal %d" : "wait status %d",
                  WIFSIGNALED(status) ? WTERMSIG(status) : status);
    }
}

void child_kill(struct test *test, struct child child)
{
    kill(child.pid, SIGKILL);
    int status = child_status(test, child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
        _exit(1);
    }
}

void test_wait_counter(struct test *test, const volatile uint32_t *counter, uint32_t least)
{
    int64_t end = time_steady() + COUNTER_WAIT_MS;
    while (*counter < least) {
        if (time_steady() > end) {
            test_fail(test, "progress in another process", "none for %d s", COUNTER_WAIT_MS / 1000);
        }
        poll(NULL, 0, 1);
    }
}
