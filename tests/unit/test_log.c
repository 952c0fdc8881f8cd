// SPDX-License-Identifier: Apache-2.0
//
// core/log: both formats, what must not get through, limits of rate and length, many threads.
#include "tests/unit/unit.h"

#include "core/clock.h"
#include "core/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int target;
static struct clock_manual manual;

static int set_up(void **state)
{
    (void)state;
    target = memfd_create("log", MFD_CLOEXEC);
    clock_manual_init(&manual, 1, INT64_C(1795381485123));
    log_set_clock(&manual.clock);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, target);
    return target < 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_redact_clear();
    log_set_clock(NULL);
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
    return close(target);
}

/// All that was written since the last call; to be freed.
static char *written(void)
{
    off_t end = lseek(target, 0, SEEK_END);
    char *text = calloc(1, (size_t)end + 1);
    assert_int_equal(pread(target, text, (size_t)end, 0), end);
    assert_int_equal(ftruncate(target, 0), 0);
    lseek(target, 0, SEEK_SET);
    return text;
}

static void assert_written(const char *expected)
{
    char *text = written();
    assert_string_equal(text, expected);
    free(text);
}

#define TIME "2026-11-22T21:04:45.123Z"

static void test_text(void **state)
{
    (void)state;
    const struct log_context context = {.request_id = "r1", .section = "storage"};
    log_info(NULL, "started");
    log_debug(NULL, "not shown");
    log_warn(&context, "it is slow", log_int("took_ms", -5), log_text("who", "a b"), log_bool("again", true),
             log_real("rate", 0.25), log_text("none", NULL), log_bytes("bytes", "x\"\\y", 4));
    log_error(NULL, "gone", log_text("plain", "/a/b:c"));
    assert_written(TIME "  info started\n" TIME
                        "  warn it is slow section=storage request_id=r1 took_ms=-5 who=\"a b\" again=true rate=0.25 "
                        "none=\"\" bytes=\"x\\\"\\\\y\"\n" TIME " error gone plain=/a/b:c\n");
}

static void test_json(void **state)
{
    (void)state;
    const struct log_context context = {.message_id = "m1", .trace_id = "t1", .backend = "sqlite"};
    log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, target);
    log_debug(&context, "a \"quoted\" sentence", log_text("v", "\x01\\\xff\xc3\xa9"), log_int("n", 3),
              log_real("inf", HUGE_VAL), log_bool("b", false));
    char *text = written();
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "time")), TIME);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
    assert_string_equal(json_string_value(json_object_get(line, "message")), "a \"quoted\" sentence");
    assert_string_equal(json_string_value(json_object_get(line, "message_id")), "m1");
    assert_string_equal(json_string_value(json_object_get(line, "trace_id")), "t1");
    assert_string_equal(json_string_value(json_object_get(line, "backend")), "sqlite");
    assert_string_equal(json_string_value(json_object_get(line, "v")), "?\\?\xc3\xa9");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), 3);
    assert_true(json_is_null(json_object_get(line, "inf")));
    assert_true(json_is_false(json_object_get(line, "b")));
    json_decref(line);
    free(text);
}

static void test_one_line_whatever_comes(void **state)
{
    (void)state;
    log_info(NULL, "first\nsecond", log_text("v", "a\nb\r\x1b[0m\x7f"), log_bytes("w", "\0\n", 2));
    assert_written(TIME "  info first?second v=a?b??[0m? w=??\n");
}

static void test_long_values_and_lines(void **state)
{
    (void)state;
    static char big[100000];
    memset(big, 'x', sizeof big - 1);
    log_info(NULL, "big", log_text("v", big), log_text("end", "here"));
    char *text = written();
    assert_non_null(strstr(text, "x\xe2\x80\xa6\" end=here\n"));
    assert_true(strlen(text) < LOG_VALUE_SIZE + 100);
    free(text);
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        log_configure(LOG_LEVEL_INFO, (enum log_format)format, target);
        log_info(NULL, big, log_text("a", big), log_text("b", big), log_text("c", big), log_text("d", big),
                 log_int("last", 1));
        text = written();
        assert_true(strlen(text) <= LOG_LINE_SIZE);
        assert_null(strstr(text, "d="));
        assert_non_null(strstr(text, "last"));
        assert_non_null(strstr(text, "cut"));
        assert_int_equal(text[strlen(text) - 1], '\n');
        json_t *line = json_loads(text, 0, NULL);
        assert_int_equal(line != NULL, format == LOG_FORMAT_JSON);
        json_decref(line);
        free(text);
    }
}

static void test_exact_value_is_not_marked(void **state)
{
    (void)state;
    char value[LOG_VALUE_SIZE + 1];
    memset(value, 'y', sizeof value);
    for (size_t length = LOG_VALUE_SIZE - 10; length <= LOG_VALUE_SIZE; length++) {
        log_info(NULL, "m", log_bytes("v", value, length));
        char *text = written();
        bool marked = strstr(text, "\xe2\x80\xa6") != NULL;
        size_t shown = strspn(strchr(text, '=') + 1, "\"y") - (marked ? 1 : 0);
        assert_int_equal(marked, shown < length);
        free(text);
    }
}

static void test_secrets(void **state)
{
    (void)state;
    log_redact("hunter2", 7);
    log_redact("hunter2secret", 13);
    log_redact("two\nlines", 9);
    log_redact("abc", 3);
    log_info(NULL, "said hunter2!", log_text("v", "x=hunter2&y=hunter2secret;abc"), log_text("w", "a two\nlines b"),
             log_text("x", "hunter"));
    assert_written(TIME "  info said ***! v=\"x=***&y=***;abc\" w=\"a *** b\" x=hunter\n");
    log_redact_clear();
    log_info(NULL, "said hunter2!");
    assert_written(TIME "  info said hunter2!\n");
}

/// Wherever the cut of a long value falls, no piece of a secret is left before it.
static void test_secret_at_the_cut(void **state)
{
    (void)state;
    static const char secret[18] = {"SECRETSECRETSECRET"};
    log_redact(secret, sizeof secret);
    for (size_t place = LOG_VALUE_SIZE - 40; place < LOG_VALUE_SIZE + 10; place++) {
        static char value[6000];
        memset(value, '-', sizeof value - 1);
        memcpy(value + place, secret, sizeof secret);
        memcpy(value + 4090, secret, sizeof secret);
        log_info(NULL, "m", log_text("v", value));
        char *text = written();
        assert_null(strchr(text, 'S'));
        free(text);
    }
}

/// Secrets that shrink to *** let a line show what lies far behind; a secret there is found as well.
static void test_secret_far_behind(void **state)
{
    (void)state;
    static char value[9000];
    static char secret[1000];
    memset(secret, 'S', sizeof secret);
    log_redact(secret, sizeof secret);
    memset(value, 'S', 3000);
    memset(value + 3000, '-', sizeof value - 3000);
    memset(value + 3900, 'S', 1000);
    log_info(NULL, "m", log_bytes("v", value, sizeof value));
    char *text = written();
    assert_null(strchr(text, 'S'));
    assert_non_null(strstr(text, "*********---"));
    free(text);
}

static void test_many_secrets_push_out_the_oldest(void **state)
{
    (void)state;
    for (int i = 0; i < LOG_SECRETS_MAX + 1; i++) {
        char secret[32];
        snprintf(secret, sizeof secret, "secret-%04d", i);
        log_redact(secret, strlen(secret));
        log_redact(secret, strlen(secret));
    }
    log_info(NULL, "m", log_text("a", "secret-0000"), log_text("b", "secret-0001"), log_text("c", "secret-0256"));
    assert_written(TIME "  info m a=secret-0000 b=*** c=***\n");
}

static void test_level(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    assert_false(log_enabled(LOG_LEVEL_WARN));
    log_warn(NULL, "no");
    log_line(LOG_LEVEL_INFO, NULL, "no", NULL, 0);
    assert_written("");
    enum log_level level;
    enum log_format format;
    assert_true(log_parse_level("warn", &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_false(log_parse_level("Warn", &level));
    assert_true(log_parse_format("json", &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_false(log_parse_format("", &format));
}

static void test_rate_limit(void **state)
{
    (void)state;
    struct log_limit limit = LOG_LIMIT_INIT;
    for (int i = 0; i < 1000; i++) {
        log_at_limited(&limit, LOG_LEVEL_WARN, NULL, "down", log_int("i", i));
    }
    char *text = written();
    assert_non_null(strstr(text, "down i=4\n"));
    assert_null(strstr(text, "i=5"));
    free(text);
    clock_manual_advance(&manual, UINT64_C(9999999999));
    log_at_limited(&limit, LOG_LEVEL_WARN, NULL, "down");
    assert_written("");
    clock_manual_advance(&manual, 1);
    log_at_limited(&limit, LOG_LEVEL_WARN, NULL, "down");
    log_at_limited(&limit, LOG_LEVEL_WARN, NULL, "down");
    text = written();
    assert_non_null(strstr(text, "down suppressed=996\n"));
    assert_non_null(strstr(text, "down\n"));
    free(text);
    uint64_t suppressed;
    log_limit_init(&limit, 10, 1);
    assert_true(log_limit_pass(&limit, 0, &suppressed));
    assert_false(log_limit_pass(&limit, 5, &suppressed));
    assert_true(log_limit_pass(&limit, 11, &suppressed));
    assert_int_equal(suppressed, 1);
}

static void *log_much(void *context)
{
    char secret[32];
    snprintf(secret, sizeof secret, "thread-secret-%d", *(int *)context);
    for (int i = 0; i < 500; i++) {
        log_redact(secret, strlen(secret));
        log_info(NULL, "line", log_text("v", secret), log_int("i", i));
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    int numbers[4];
    fcntl(target, F_SETFL, O_APPEND);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    char *text = written();
    size_t lines = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        assert_memory_equal(line, TIME "  info line v=*** i=", 24 + 20);
        lines++;
    }
    assert_int_equal(lines, 2000);
    free(text);
}

static void test_lines_that_are_lost_are_counted(void **state)
{
    (void)state;
    int ends[2];
    char page[4096] = {0};
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    while (write(ends[1], page, sizeof page) > 0) {
    }
    uint64_t before = log_dropped();
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, ends[1]);
    log_info(NULL, "lost");
    log_debug(NULL, "not written anyway");
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, target);
    log_info(NULL, "written");
    assert_int_equal(log_dropped() - before, 1);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines_that_are_lost_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_line_whatever_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_values_and_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exact_value_is_not_marked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secret_at_the_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_secret_far_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_secrets_push_out_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rate_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
