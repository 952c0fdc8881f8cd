// SPDX-License-Identifier: Apache-2.0
//
// plugins/storage-rds/recent.h: what is kept comes back as it was; no more than so many are kept, the newest of them.
#include "tests/unit/unit.h"

#include "plugins/storage-rds/recent.h"
#include <string.h>

#define MOST 16384 // as many as are kept at once

static struct recent *recent;

static int set_up(void **state)
{
    (void)state;
    recent = recent_new(7);
    return recent == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    recent_free(recent);
    return 0;
}

#define TEXT(literal)                                   \
    {                                                   \
        .bytes = literal, .length = sizeof(literal) - 1 \
    }

static const struct ph_text names[] = {TEXT("ben"), TEXT("cat")};

static struct ph_id numbered(unsigned number)
{
    struct ph_id id = {.bytes = {0}};
    memcpy(id.bytes, &number, sizeof(number));
    return id;
}

static struct ph_message message_of(unsigned number)
{
    const struct ph_text none = {.bytes = NULL, .length = 0};
    return (struct ph_message){
        .id = numbered(number),
        .sender = TEXT("ann"),
        .recipients = names,
        .recipient_count = 2,
        .subject = TEXT("a subject"),
        .body = TEXT("a body"),
        .content_type = TEXT("text/plain"),
        .attributes = none,
        .trace = none,
        .priority = PH_PRIORITY_ALERT,
        .deliver_at = 5,
        .expires_at = 6,
    };
}

static const struct recent_message *find(unsigned number)
{
    const struct ph_id id = numbered(number);
    return recent_find(recent, &id);
}

static void assert_text(struct ph_text text, const char *wanted)
{
    assert_int_equal(text.length, strlen(wanted));
    assert_memory_equal(text.bytes, wanted, text.length);
}

static void test_what_is_kept_comes_back(void **state)
{
    const struct ph_message message = message_of(1);
    (void)state;
    assert_null(find(1));
    recent_put(recent, &message, 1000);
    const struct recent_message *kept = find(1);
    assert_non_null(kept);
    assert_memory_equal(&kept->id, &message.id, sizeof(kept->id));
    assert_text(kept->sender, "ann");
    assert_text(kept->recipients, "ben cat");
    assert_text(kept->content_type, "text/plain");
    assert_text(kept->attributes, "");
    assert_text(kept->trace, "");
    assert_int_equal(kept->body_length, 6);
    assert_int_equal(kept->priority, PH_PRIORITY_ALERT);
    assert_int_equal(kept->accepted_at, 1000);
    assert_int_equal(kept->deliver_at, 5);
    assert_int_equal(kept->expires_at, 6);
    assert_null(find(2));
}

// A repeat whose first attempt failed has another time.
static void test_the_last_one_of_an_id_counts(void **state)
{
    const struct ph_message message = message_of(1);
    (void)state;
    recent_put(recent, &message, 1000);
    recent_put(recent, &message, 2000);
    assert_int_equal(find(1)->accepted_at, 2000);
    recent_drop(recent, &message.id);
    assert_null(find(1));
    recent_drop(recent, &message.id);
}

static void test_a_large_one_is_not_kept(void **state)
{
    char large[2000];
    struct ph_message message = message_of(1);
    (void)state;
    recent_put(recent, &message, 1000);
    memset(large, 'x', sizeof(large));
    message.attributes = (struct ph_text){.bytes = large, .length = sizeof(large)};
    recent_put(recent, &message, 2000);
    assert_null(find(1)); // nor what was kept of it before
}

static void test_newer_ones_take_the_place_of_older_ones(void **state)
{
    size_t kept = 0;
    (void)state;
    for (unsigned i = 1; i <= 4 * MOST; i++) {
        const struct ph_message message = message_of(i);
        recent_put(recent, &message, i);
        assert_non_null(find(i));
    }
    for (unsigned i = 1; i <= 4 * MOST; i++)
        kept += find(i) != NULL;
    assert_int_equal(kept, MOST);
    for (unsigned i = 4 * MOST - MOST / 16; i <= 4 * MOST; i++)
        kept -= find(i) != NULL;
    assert_true(kept <= MOST - MOST / 16 + MOST / 1024); // nearly all of the newest are there
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_kept_comes_back),
        TEST(test_the_last_one_of_an_id_counts),
        TEST(test_a_large_one_is_not_kept),
        TEST(test_newer_ones_take_the_place_of_older_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
