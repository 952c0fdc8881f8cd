// SPDX-License-Identifier: Apache-2.0
//
// core/traceparent: what is read of a trace's context, and what is written.
#include "tests/unit/unit.h"

#include "core/traceparent.h"

#include <stdbool.h>
#include <string.h>

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static bool reads(const char *text)
{
    struct traceparent parent;
    return traceparent_parse(text, strlen(text), &parent);
}

static void test_both_ways(void **state)
{
    (void)state;
    struct traceparent parent;
    char text[TRACEPARENT_SIZE];
    assert_true(traceparent_parse(GOOD, strlen(GOOD), &parent));
    assert_int_equal(parent.trace[0], 0x4b);
    assert_int_equal(parent.trace[15], 0x36);
    assert_int_equal(parent.span[1], 0xf0);
    assert_int_equal(parent.flags, TRACEPARENT_SAMPLED);
    traceparent_format(&parent, text);
    assert_string_equal(text, GOOD);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bg-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    };
    assert_true(reads(GOOD));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(reads(bad[i]));
    }
}

static void test_the_quick_look_agrees(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    char text[] = GOOD;
    for (int i = 0; i < 16; i++) {
        struct traceparent parent;
        text[TRACEPARENT_LENGTH - 1] = digits[i];
        assert_true(traceparent_parse(text, TRACEPARENT_LENGTH, &parent));
        assert_int_equal(traceparent_looks_sampled((struct ph_text){text, TRACEPARENT_LENGTH}),
                         (parent.flags & TRACEPARENT_SAMPLED) != 0);
    }
    assert_false(traceparent_looks_sampled((struct ph_text){text, TRACEPARENT_LENGTH - 1}));
    assert_false(traceparent_looks_sampled((struct ph_text){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_the_quick_look_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
