// SPDX-License-Identifier: Apache-2.0
//
// core/xalloc: what it returns, and that it ends the process with a line when there is no memory.
#include "tests/unit/unit.h"

#include "core/xalloc.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_copies(void **state)
{
    (void)state;
    char *text = xstrdup("horse");
    char *part = xstrndup("horse", 3);
    char *whole = xstrndup("ab\0cd", 5);
    char *bytes = xmemdup("a\0b", 3);
    char *made = xasprintf("%d %s", 7, "stages");
    assert_string_equal(text, "horse");
    assert_string_equal(part, "hor");
    assert_string_equal(whole, "ab");
    assert_memory_equal(bytes, "a\0b", 3);
    assert_string_equal(made, "7 stages");
    free(text);
    free(part);
    free(whole);
    free(bytes);
    free(made);
}

static void test_sizes(void **state)
{
    (void)state;
    char *nothing = xmalloc(0);
    assert_non_null(nothing);
    int *zeros = xcalloc(100, sizeof *zeros);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(zeros[i], 0);
    }
    zeros = xrealloc_array(zeros, 200, sizeof *zeros);
    assert_int_equal(zeros[99], 0);
    int *array = xmalloc_array(3, sizeof *array);
    free(array);
    free(zeros);
    free(nothing);
    free(xmemdup(NULL, 0));
}

/// Runs `body` in a child and returns how it ended; `text_r` receives what it wrote to stderr.
static int run_in_child(void (*body)(void), char *text_r, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    close(ends[1]);
    size_t got = 0;
    ssize_t more;
    while ((more = read(ends[0], text_r + got, size - 1 - got)) > 0) {
        got += (size_t)more;
    }
    text_r[got] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void overflow_array(void)
{
    volatile size_t count = SIZE_MAX / 4;
    free(xmalloc_array(count, 8));
}

static void overflow_realloc(void)
{
    volatile size_t count = SIZE_MAX / 4;
    free(xrealloc_array(NULL, count, 8));
}

static void test_overflow_ends_the_process(void **state)
{
    (void)state;
    void (*const bodies[])(void) = {overflow_array, overflow_realloc};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        int status = run_in_child(bodies[i], text, sizeof text);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        assert_non_null(strstr(text, "posthouse: out of memory: no "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_overflow_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
