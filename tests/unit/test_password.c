// SPDX-License-Identifier: Apache-2.0
//
// core/password: right and wrong, the published example of scrypt, stored texts that are not ours.
#include "tests/unit/unit.h"

#include "core/password.h"

#include <stdio.h>
#include <string.h>

static const struct password_cost cheap = {.log2_n = 4, .r = 2, .p = 1};

static void test_right_and_wrong(void **state)
{
    (void)state;
    char stored[PASSWORD_STORED_SIZE];
    char again[PASSWORD_STORED_SIZE];
    assert_true(password_make("secret\0x", 8, &cheap, stored));
    assert_memory_equal(stored, "$scrypt$ln=4,r=2,p=1$", 21);
    assert_int_equal(password_verify("secret\0x", 8, stored), PASSWORD_RIGHT);
    assert_int_equal(password_verify("secret\0y", 8, stored), PASSWORD_WRONG);
    assert_int_equal(password_verify("secret", 6, stored), PASSWORD_WRONG);
    assert_int_equal(password_verify("", 0, stored), PASSWORD_WRONG);
    assert_true(password_make("secret\0x", 8, &cheap, again));
    assert_string_not_equal(stored, again);
    assert_true(password_make(NULL, 0, &cheap, again));
    assert_int_equal(password_verify(NULL, 0, again), PASSWORD_RIGHT);
}

/// Made by Python's hashlib.scrypt with the salt "0123456789abcdef".
static const char known[] = "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$NHojOb-G-ZuFpX52jQGJPg_AaQpvIbkurmwLMdCIUXs";

static void test_known(void **state)
{
    (void)state;
    assert_int_equal(password_verify("pleaseletmein", 13, known), PASSWORD_RIGHT);
    assert_int_equal(password_verify("pleaseletmeout", 14, known), PASSWORD_WRONG);
}

static void test_default_cost(void **state)
{
    (void)state;
    char stored[PASSWORD_STORED_SIZE];
    assert_true(password_make("x", 1, &password_cost_default, stored));
    assert_memory_equal(stored, "$scrypt$ln=15,r=8,p=1$", 22);
    assert_int_equal(password_verify("x", 1, stored), PASSWORD_RIGHT);
}

static void test_dummy(void **state)
{
    (void)state;
    char stored[PASSWORD_STORED_SIZE];
    password_dummy(&cheap, stored);
    assert_int_equal(password_verify("", 0, stored), PASSWORD_WRONG);
    assert_false(password_outdated(stored, &cheap));
    assert_true(password_outdated(stored, &password_cost_default));
    assert_true(password_outdated("nonsense", &cheap));
}

static void test_unreadable(void **state)
{
    (void)state;
    char good[PASSWORD_STORED_SIZE];
    assert_true(password_make("x", 1, &cheap, good));
    for (size_t cut = 0; cut < strlen(good); cut++) {
        char part[PASSWORD_STORED_SIZE];
        memcpy(part, good, cut);
        part[cut] = '\0';
        assert_int_equal(password_verify("x", 1, part), PASSWORD_UNREADABLE);
    }
    static const char *const heads[] = {"$scrypt$ln=40,r=8,p=1", "$scrypt$ln=0,r=8,p=1",  "$scrypt$ln=18,r=16,p=1",
                                        "$scrypt$ln=4,r=0,p=1",  "$scrypt$ln=4,r=2,p=99", "$argon2$ln=4,r=2,p=1"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char text[2 * PASSWORD_STORED_SIZE];
        snprintf(text, sizeof text, "%s%s", heads[i], good + 20);
        assert_int_equal(password_verify("x", 1, text), PASSWORD_UNREADABLE);
    }
    char longer[PASSWORD_STORED_SIZE + 1];
    snprintf(longer, sizeof longer, "%sA", good);
    assert_int_equal(password_verify("x", 1, longer), PASSWORD_UNREADABLE);
}

static void test_cost_limits(void **state)
{
    (void)state;
    char stored[PASSWORD_STORED_SIZE];
    static const struct password_cost bad[] = {{0, 8, 1}, {19, 1, 1}, {15, 0, 1}, {15, 17, 1}, {15, 8, 9}, {18, 8, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(password_make("x", 1, &bad[i], stored));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_and_wrong), cmocka_unit_test(test_known),      cmocka_unit_test(test_default_cost),
        cmocka_unit_test(test_dummy),           cmocka_unit_test(test_unreadable), cmocka_unit_test(test_cost_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
