// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/names.h: each name once, whatever its hash is.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/names.h"
#include "tests/unit/fake_host.h"
#include <stdio.h>
#include <string.h>

static struct fake_host *fake;
static struct fake_call call;

static int set_up(void **state)
{
    (void)state;
    fake = fake_host_new();
    fake_call_init(&call, fake, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_host_free(fake);
    return 0;
}

static void test_names_are_numbered_as_they_come(void **state)
{
    struct names names;
    (void)state;
    assert_true(names_begin(&names, &call.call, 42, 4));
    assert_int_equal(names_add(&names, text_of("ben")), 0);
    assert_int_equal(names_add(&names, text_of("ann")), 1);
    assert_int_equal(names_add(&names, text_of("ben")), 0);
    assert_int_equal(names_add(&names, text_of("")), 2);
    assert_int_equal(names_add(&names, text_of("an")), 3);
    assert_int_equal(names.count, 4);
    assert_string_equal(names.items[1].bytes, "ann");
}

static void test_names_are_joined(void **state)
{
    const struct ph_text names[] = {text_of("ann"), text_of("b"), text_of("cat")};
    static const char *const joined[] = {"", "ann", "ann b", "ann b cat"};
    (void)state;
    for (size_t count = 0; count <= 3; count++) {
        char text[16] = "................";
        assert_int_equal(names_joined_length(names, count), strlen(joined[count]));
        assert_ptr_equal(names_join(text, names, count), text + strlen(joined[count]));
        assert_memory_equal(text, joined[count], strlen(joined[count]));
        assert_int_equal(text[strlen(joined[count])], '.');
    }
}

// As many as it was made for: the table is never full, so that a look for what is new ends.
static void test_a_full_set(void **state)
{
    enum { MOST = 1000 };
    static char texts[MOST][8];
    struct names names;
    (void)state;
    assert_true(names_begin(&names, &call.call, 7, MOST));
    assert_true(names.room >= 2 * MOST);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < MOST; i++) {
            snprintf(texts[i], sizeof(texts[i]), "u%zu", i);
            assert_int_equal(names_add(&names, text_of(texts[i])), i);
        }
    }
    assert_int_equal(names.count, MOST);
}

// With one slot for all, names that collide are still told apart.
static void test_names_that_collide(void **state)
{
    enum { MOST = 8 };
    static const char *const texts[MOST] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct names names;
    (void)state;
    assert_true(names_begin(&names, &call.call, 1, MOST));
    for (uint64_t seed = 0; seed < 50; seed++) {
        memset(names.slots, 0, names.room * sizeof(*names.slots));
        names.count = 0;
        names.seed = seed;
        for (size_t i = 0; i < MOST; i++)
            assert_int_equal(names_add(&names, text_of(texts[i])), i);
        for (size_t i = MOST; i-- > 0;)
            assert_int_equal(names_add(&names, text_of(texts[i])), i);
    }
}

static void test_a_used_up_arena(void **state)
{
    struct names names;
    struct ph_text copy;
    (void)state;
    fake->arena_left = 100;
    assert_false(names_begin(&names, &call.call, 1, 100));
    fake->arena_left = 3;
    assert_false(names_copy(&call.call, text_of("ann"), &copy));
}

static void test_a_copy_ends_in_a_nul(void **state)
{
    struct ph_text copy;
    (void)state;
    const struct ph_text none = {NULL, 0};
    assert_true(names_copy(&call.call, (struct ph_text){"annabel", 3}, &copy));
    assert_string_equal(copy.bytes, "ann");
    assert_int_equal(copy.length, 3);
    assert_true(names_copy(&call.call, none, &copy));
    assert_string_equal(copy.bytes, "");
}

static void test_what_can_be_a_name(void **state)
{
    char longest[NAMES_LONGEST + 2];
    (void)state;
    memset(longest, 'x', sizeof(longest));
    assert_true(names_plain((struct ph_text){longest, NAMES_LONGEST}));
    assert_false(names_plain((struct ph_text){longest, NAMES_LONGEST + 1}));
    assert_true(names_plain(text_of("!~")));
    assert_true(names_plain(text_of("ann.b_c@d-e")));
    assert_false(names_plain(text_of("")));
    assert_false(names_plain(text_of("ann ben")));
    assert_false(names_plain(text_of("ann\t")));
    assert_false(names_plain(text_of("\x7f")));
    assert_false(names_plain(text_of("\xc3\xa4")));
    assert_false(names_plain((struct ph_text){"a\0b", 3}));
}

static void test_byte_order(void **state)
{
    (void)state;
    assert_true(names_compare(text_of("ann"), text_of("ben")) < 0);
    assert_true(names_compare(text_of("ann"), text_of("an")) > 0);
    assert_true(names_compare(text_of("Z"), text_of("a")) < 0);
    assert_true(names_compare(text_of("z"), text_of("\xc3")) < 0);
    assert_int_equal(names_compare(text_of("ann"), text_of("ann")), 0);
    assert_true(names_compare((struct ph_text){NULL, 0}, text_of("a")) < 0);
    assert_int_equal(names_compare((struct ph_text){NULL, 0}, text_of("")), 0);
}

static void test_hashes(void **state)
{
    (void)state;
    assert_int_equal(names_hash(5, "ann", 3), names_hash(5, "ann", 3));
    assert_true(names_hash(5, "ann", 3) != names_hash(6, "ann", 3));
    assert_true(names_hash(5, "ann", 3) != names_hash(5, "ann", 2));
    for (uint64_t seed = 0; seed < 10000; seed++)
        assert_true(names_hash(seed * UINT64_C(0x9e3779b97f4a7c15), NULL, 0) != 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_names_are_numbered_as_they_come),
        TEST(test_names_are_joined),
        TEST(test_a_full_set),
        TEST(test_names_that_collide),
        TEST(test_a_used_up_arena),
        TEST(test_a_copy_ends_in_a_nul),
        TEST(test_what_can_be_a_name),
        TEST(test_byte_order),
        TEST(test_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
