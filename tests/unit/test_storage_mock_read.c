// SPDX-License-Identifier: Apache-2.0
//
// The mock storage, what is read and kept: inboxes, sent messages, users, sessions, purge, stats.
#include "tests/unit/storage_mock.h"

#include "plugins/storage-mock/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka.h needs those before it
#include <cmocka.h>

static void post_numbers(struct fake_host *fake, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        struct ph_message message = message_of(i);
        storage_post(fake, &message);
    }
}

static enum ph_outcome remove_from(struct fake_host *fake, const char *user, uint64_t number)
{
    struct ph_pick entry = {.user = text_of(user), .id = id_of(number)};
    return STORAGE_DO(fake, inbox_remove, &entry);
}

static void test_inbox_read_whole_records(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    int64_t accepted_at = fake->now;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(storage_inbox(fake, "bob", 0).count, 0);
    fake->now += 7;
    assert_int_equal(storage_deliver_one(fake, 1, NULL), PH_OK);
    struct ph_page page = storage_inbox(fake, "bob", 0);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.head, 1);
    const struct ph_record *record = page.records[0];
    assert_int_equal(number_of(record->id), 1);
    assert_true(text_is(record->sender, "alice"));
    assert_true(text_is(record->subject, "subject"));
    assert_true(text_is(record->body, "a body"));
    assert_true(text_is(record->content_type, "text/plain"));
    assert_true(text_is(record->attributes, "{\"a\":\"b\"}"));
    assert_int_equal(record->position, 1);
    assert_int_equal(record->accepted_at, accepted_at);
    assert_int_equal(record->delivered_at, fake->now);
    assert_int_equal(record->read_at, 0);
    assert_true(text_is(record->recipients[0]->name, "bob"));
    assert_int_equal(record->recipients[0]->at, 0);
    struct ph_read nobody = {.user = text_of("nobody"), .limit = 1};
    assert_int_equal(STORAGE(fake, inbox_read, &nobody, &page), PH_NOT_FOUND);
}

static void test_inbox_pages(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 10);
    struct ph_read entry = {.user = text_of("bob"), .limit = 4, .byte_limit = 10000};
    struct ph_page page;
    uint64_t expected = 1;
    do {
        assert_int_equal(STORAGE(fake, inbox_read, &entry, &page), PH_OK);
        for (size_t i = 0; i < page.count; i++, expected++) {
            assert_int_equal(page.records[i]->position, expected);
            entry.after = page.records[i]->position;
        }
    } while (page.count);
    assert_int_equal(expected, 11);
    entry.after = UINT64_MAX;
    assert_int_equal(STORAGE(fake, inbox_read, &entry, &page), PH_OK);
    assert_int_equal(page.count, 0);
}

static void test_inbox_byte_limit(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 3);
    struct ph_read entry = {.user = text_of("bob"), .limit = 10, .byte_limit = 1};
    struct ph_page page;
    assert_int_equal(STORAGE(fake, inbox_read, &entry, &page), PH_OK);
    assert_int_equal(page.count, 1);
    entry.byte_limit = 2 * (7 + 6 + 9); // two subjects, bodies and attributes
    assert_int_equal(STORAGE(fake, inbox_read, &entry, &page), PH_OK);
    assert_int_equal(page.count, 2);
}

static void test_inbox_ack(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 2);
    struct ph_id ids[] = {id_of(1), id_of(77), id_of(2)};
    struct ph_ack entry = {.user = text_of("bob"), .ids = ids, .id_count = 2};
    struct ph_acked acked;
    assert_int_equal(STORAGE(fake, inbox_ack, &entry, &acked), PH_OK);
    assert_int_equal(acked.acked, 1);
    int64_t read_at = fake->now;
    fake->now += 9;
    entry.id_count = 3;
    assert_int_equal(STORAGE(fake, inbox_ack, &entry, &acked), PH_OK);
    assert_int_equal(acked.acked, 2);
    struct ph_page page = storage_inbox(fake, "bob", 0);
    assert_int_equal(page.records[0]->read_at, read_at);
    assert_int_equal(page.records[1]->read_at, fake->now);
    entry.user = text_of("carol");
    assert_int_equal(STORAGE(fake, inbox_ack, &entry, &acked), PH_OK);
    assert_int_equal(acked.acked, 0);
}

static void test_inbox_remove(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 3);
    assert_int_equal(remove_from(fake, "bob", 2), PH_OK);
    assert_int_equal(remove_from(fake, "bob", 2), PH_DUPLICATE);
    assert_int_equal(remove_from(fake, "carol", 2), PH_NOT_FOUND);
    assert_int_equal(remove_from(fake, "bob", 99), PH_NOT_FOUND);
    assert_int_equal(storage_deliver_one(fake, 2, NULL), PH_DUPLICATE);
    struct ph_page page = storage_inbox(fake, "bob", 0);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.records[1]->position, 3);
    struct ph_id id = id_of(2);
    struct ph_ack ack = {.user = text_of("bob"), .ids = &id, .id_count = 1};
    struct ph_acked acked;
    assert_int_equal(STORAGE(fake, inbox_ack, &ack, &acked), PH_OK);
    assert_int_equal(acked.acked, 0);
}

static void test_positions_are_never_given_again(void **state)
{
    struct fake_host *fake = *state;
    for (uint64_t i = 1; i <= 100; i++) {
        post_numbers(fake, i, i);
        if (i % 3)
            assert_int_equal(remove_from(fake, "bob", i), PH_OK);
    }
    struct ph_page page = storage_inbox(fake, "bob", 0);
    assert_int_equal(page.count, 33);
    assert_int_equal(page.head, 100);
    for (size_t i = 0; i < page.count; i++) {
        assert_int_equal(page.records[i]->position, 3 * (i + 1));
        assert_int_equal(number_of(page.records[i]->id), 3 * (i + 1));
    }
    assert_int_equal(storage_inbox(fake, "bob", 50).count, 17);
}

static void test_expiry_hides(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    message.expires_at = fake->now + 1000;
    storage_post(fake, &message);
    post_numbers(fake, 2, 2);
    fake->now += 1000;
    assert_int_equal(storage_inbox(fake, "bob", 0).count, 1);
    assert_int_equal(storage_inbox(fake, "bob", 0).head, 2);
    assert_int_equal(remove_from(fake, "bob", 1), PH_NOT_FOUND);
    struct ph_pick pick = {.user = text_of("bob"), .id = id_of(1)};
    struct ph_found found;
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_NOT_FOUND);
    pick.user = text_of("alice");
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_OK);
    assert_int_equal(found.record->status, PH_STATE_DELIVERED);
}

static void test_message_get(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_pick pick = {.user = text_of("bob"), .id = id_of(1)};
    struct ph_found found;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_NOT_FOUND);
    pick.user = text_of("alice");
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_OK);
    assert_int_equal(found.record->status, PH_STATE_ACCEPTED);
    assert_true(text_is(found.record->body, "a body"));
    assert_int_equal(storage_deliver_one(fake, 1, NULL), PH_OK);
    pick.user = text_of("bob");
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_OK);
    assert_int_equal(found.record->recipients[0]->state, PH_STATE_DELIVERED);
    pick.user = text_of("carol");
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_NOT_FOUND);
    assert_int_equal(remove_from(fake, "bob", 1), PH_OK);
    pick.user = text_of("bob");
    assert_int_equal(STORAGE(fake, message_get, &pick, &found), PH_NOT_FOUND);
}

static void test_sent_read(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 2);
    struct ph_message message = message_of(3);
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    struct ph_read entry = {.user = text_of("alice"), .after = 1, .limit = 10, .byte_limit = 10000};
    struct ph_page page;
    assert_int_equal(STORAGE(fake, sent_read, &entry, &page), PH_OK);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.head, 3);
    assert_int_equal(page.records[0]->recipients[0]->state, PH_STATE_DELIVERED);
    assert_int_equal(page.records[1]->status, PH_STATE_ACCEPTED);
    assert_true(text_is(page.records[1]->body, "a body"));
}

static void test_answers_outlive_the_store(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 1);
    struct ph_page page = storage_inbox(fake, "bob", 0);
    assert_int_equal(STORAGE_DO(fake, message_get, (&(struct ph_pick){.user = text_of("bob"), .id = id_of(1)})), PH_OK);
    assert_int_equal(fake_one(fake, fake->plugin->common->close, NULL, NULL, 0), PH_OK);
    fake->instance = NULL;
    assert_true(text_is(page.records[0]->sender, "alice"));
    assert_true(text_is(page.records[0]->recipients[0]->name, "bob"));
}

static enum ph_outcome add_user(struct fake_host *fake, uint64_t request, const char *name)
{
    struct ph_user_add entry = {.id = id_of(request), .name = text_of(name), .password = text_of("hash")};
    return STORAGE_DO(fake, user_add, &entry);
}

static void test_users(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(add_user(fake, 1, "dave"), PH_OK);
    assert_int_equal(add_user(fake, 1, "dave"), PH_OK);
    assert_int_equal(add_user(fake, 2, "dave"), PH_CONFLICT);
    struct ph_user_name dave = {.name = text_of("dave")};
    struct ph_user user;
    assert_int_equal(STORAGE(fake, user_get, &dave, &user), PH_OK);
    assert_true(text_is(user.password, "hash"));
    assert_int_equal(user.created_at, fake->now);
    assert_int_equal(STORAGE_DO(fake, user_remove, &dave), PH_OK);
    assert_int_equal(STORAGE_DO(fake, user_remove, &dave), PH_DUPLICATE);
    assert_int_equal(STORAGE(fake, user_get, &dave, &user), PH_NOT_FOUND);
    assert_int_equal(add_user(fake, 3, "dave"), PH_CONFLICT);
    dave.name = text_of("never");
    assert_int_equal(STORAGE_DO(fake, user_remove, &dave), PH_NOT_FOUND);
}

static void test_user_list(void **state)
{
    struct fake_host *fake = *state;
    assert_int_equal(add_user(fake, 1, "al"), PH_OK);
    assert_int_equal(add_user(fake, 2, "zoe"), PH_OK);
    struct ph_user_name carol = {.name = text_of("carol")};
    assert_int_equal(STORAGE_DO(fake, user_remove, &carol), PH_OK);
    struct ph_user_list entry = {.limit = 3};
    struct ph_users users;
    assert_int_equal(STORAGE(fake, user_list, &entry, &users), PH_OK);
    assert_int_equal(users.count, 3);
    assert_true(users.more);
    assert_true(text_is(users.users[0]->name, "al"));
    assert_true(text_is(users.users[1]->name, "alice"));
    assert_int_equal(users.users[1]->password.length, 0);
    entry.after = text_of("bob");
    assert_int_equal(STORAGE(fake, user_list, &entry, &users), PH_OK);
    assert_int_equal(users.count, 1);
    assert_false(users.more);
    assert_true(text_is(users.users[0]->name, "zoe"));
}

static void test_removed_user_loses_the_inbox(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 3);
    struct ph_user_name bob = {.name = text_of("bob")};
    assert_int_equal(STORAGE_DO(fake, user_remove, &bob), PH_OK);
    struct ph_head head = {.user = text_of("bob")};
    struct ph_head_position position;
    assert_int_equal(STORAGE(fake, inbox_head, &head, &position), PH_NOT_FOUND);
    struct ph_purge purge = {.retention_ms = 1, .key_retention_ms = 1, .limit = 100};
    struct ph_swept swept;
    fake->now += 100;
    assert_int_equal(STORAGE(fake, purge, &purge, &swept), PH_OK);
    assert_int_equal(swept.count, 3);
}

static struct ph_session_token token_of(uint8_t number)
{
    struct ph_session_token token = {{number, 1}};
    return token;
}

static enum ph_outcome add_session(struct fake_host *fake, uint8_t number, const char *user, struct ph_session *session)
{
    struct ph_session_add entry = {.user = text_of(user), .lifetime_ms = 1000};
    struct ph_session_token token = token_of(number);
    memcpy(entry.token_hash, token.token_hash, sizeof(entry.token_hash));
    return STORAGE(fake, session_add, &entry, session);
}

static enum ph_outcome get_session(struct fake_host *fake, uint8_t number)
{
    struct ph_session_token token = token_of(number);
    struct ph_session session;
    return STORAGE(fake, session_get, &token, &session);
}

static void test_sessions(void **state)
{
    struct fake_host *fake = *state;
    struct ph_session session;
    assert_int_equal(add_session(fake, 1, "nobody", &session), PH_NOT_FOUND);
    assert_int_equal(add_session(fake, 1, "bob", &session), PH_OK);
    int64_t expires_at = session.expires_at;
    assert_int_equal(expires_at, fake->now + 1000);
    fake->now += 999;
    assert_int_equal(add_session(fake, 1, "bob", &session), PH_OK);
    assert_int_equal(session.expires_at, expires_at);
    assert_true(text_is(session.user, "bob"));
    assert_int_equal(get_session(fake, 1), PH_OK);
    fake->now += 1;
    assert_int_equal(get_session(fake, 1), PH_NOT_FOUND);
    assert_int_equal(add_session(fake, 2, "bob", &session), PH_OK);
    struct ph_session_token token = token_of(2);
    assert_int_equal(STORAGE_DO(fake, session_remove, &token), PH_OK);
    assert_int_equal(STORAGE_DO(fake, session_remove, &token), PH_OK);
    assert_int_equal(get_session(fake, 2), PH_NOT_FOUND);
}

static void test_password_ends_other_sessions(void **state)
{
    struct fake_host *fake = *state;
    struct ph_session session;
    for (uint8_t i = 1; i <= 3; i++)
        assert_int_equal(add_session(fake, i, i == 3 ? "carol" : "bob", &session), PH_OK);
    struct ph_user_password entry = {.name = text_of("bob"), .password = text_of("other")};
    struct ph_session_token keep = token_of(2);
    memcpy(entry.keep_session, keep.token_hash, sizeof(entry.keep_session));
    assert_int_equal(STORAGE_DO(fake, user_password, &entry), PH_OK);
    assert_int_equal(get_session(fake, 1), PH_NOT_FOUND);
    assert_int_equal(get_session(fake, 2), PH_OK);
    assert_int_equal(get_session(fake, 3), PH_OK);
    memset(entry.keep_session, 0, sizeof(entry.keep_session));
    assert_int_equal(STORAGE_DO(fake, user_password, &entry), PH_OK);
    assert_int_equal(get_session(fake, 2), PH_NOT_FOUND);
    entry.name = text_of("nobody");
    assert_int_equal(STORAGE_DO(fake, user_password, &entry), PH_NOT_FOUND);
    struct ph_user_name carol = {.name = text_of("carol")};
    assert_int_equal(STORAGE_DO(fake, user_remove, &carol), PH_OK);
    assert_int_equal(get_session(fake, 3), PH_NOT_FOUND);
}

static void test_purge_messages(void **state)
{
    struct fake_host *fake = *state;
    post_numbers(fake, 1, 2);
    struct ph_message open = message_of(3);
    struct ph_message alert = message_of(4);
    alert.priority = PH_PRIORITY_ALERT;
    assert_int_equal(storage_append_one(fake, &open), PH_OK);
    storage_post(fake, &alert);
    struct ph_purge entry = {.retention_ms = 1000, .key_retention_ms = 1000, .limit = 1};
    struct ph_swept swept;
    fake->now += 1000;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 0);
    fake->now += 1;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
    assert_true(swept.more);
    entry.limit = 10;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
    assert_false(swept.more);
    struct ph_settle settle = {.id = id_of(4), .mark = PH_MARK_ALERT};
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_OK);
    entry.retention_ms = 0;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 0);
    entry.retention_ms = 1000;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
    assert_int_equal(storage_inbox(fake, "bob", 0).count, 0);
    assert_int_equal(storage_inbox(fake, "bob", 0).head, 3);
    assert_int_equal(storage_deliver_one(fake, 3, NULL), PH_OK);
    assert_int_equal(storage_deliver_one(fake, 1, NULL), PH_NOT_FOUND);
}

// A mark that is written after the end keeps the message, too [4].
static void test_purge_leaves_marked_messages(void **state)
{
    struct fake_host *fake = *state;
    struct ph_mark_document mark = {.id = id_of(1)};
    struct ph_settle settle = {.id = id_of(1), .mark = PH_MARK_DOCUMENT};
    struct ph_purge entry = {.retention_ms = 1, .limit = 10};
    struct ph_swept swept;
    post_numbers(fake, 1, 1);
    assert_int_equal(STORAGE_DO(fake, mark, &mark), PH_OK);
    fake->now += 100;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 0);
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_OK);
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
}

static void test_purge_keys_and_sessions(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_session session;
    struct ph_accepted accepted;
    message.idempotency_key = text_of("k");
    storage_post(fake, &message);
    assert_int_equal(add_session(fake, 1, "bob", &session), PH_OK);
    fake->now += 1500;
    struct ph_purge entry = {.retention_ms = 1000, .key_retention_ms = 2000, .limit = 10};
    struct ph_swept swept;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 2);
    message.id = id_of(2); // the key outlives its message
    assert_int_equal(STORAGE(fake, append, &message, &accepted), PH_DUPLICATE);
    assert_int_equal(number_of(accepted.id), 1);
    fake->now += 501;
    assert_int_equal(STORAGE(fake, purge, &entry, &swept), PH_OK);
    assert_int_equal(swept.count, 1);
    assert_int_equal(STORAGE(fake, append, &message, &accepted), PH_OK);
    assert_int_equal(number_of(accepted.id), 2);
}

static void test_purge_dead_letters(void **state)
{
    struct fake_host *fake = *state;
    struct ph_message message = message_of(1);
    struct ph_failure failure = {.id = id_of(1), .attempt = 1, .limit = 1};
    struct ph_failed failed;
    struct ph_settle settle = {.id = id_of(1), .mark = PH_MARK_DOCUMENT};
    struct ph_purge purge = {.retention_ms = 1, .limit = 10};
    struct ph_swept swept;
    assert_int_equal(storage_append_one(fake, &message), PH_OK);
    assert_int_equal(STORAGE(fake, fail, &failure, &failed), PH_OK);
    assert_int_equal(STORAGE_DO(fake, settle, &settle), PH_OK);
    fake->now += 2;
    assert_int_equal(STORAGE(fake, purge, &purge, &swept), PH_OK);
    assert_int_equal(storage_counts(fake).dead, 0);
}

static void test_health_tells_a_full_store(void **state)
{
    (void)state;
    struct fake_host *fake = storage_with(3, 1 << 20);
    struct ph_health health;
    assert_int_equal(fake_one(fake, fake->plugin->common->health, NULL, &health, sizeof(health)), PH_OK);
    assert_null(strstr(health.detail, "full"));
    post_numbers(fake, 1, 3);
    assert_int_equal(fake_one(fake, fake->plugin->common->health, NULL, &health, sizeof(health)), PH_OK);
    assert_non_null(strstr(health.detail, "full"));
    fake_host_free(fake);
}

// The option `operator`, which is the only way in when nothing is kept.
static void test_first_operator(void **state)
{
    (void)state;
    static const char *const bad[] = {"root", ":secret", "root:", "Root:secret", "a b:secret"};
    struct store_config config = {.limit = 10, .memory = 1 << 20, .operator= "root:s:cret" };
    struct ph_user_name entry = {.name = text_of("root")};
    struct ph_user user;
    struct fake_host *fake = fake_host_new();
    assert_int_equal(fake_open(fake, STORAGE_MOCK_FILE, &config), PH_OK);
    assert_int_equal(STORAGE(fake, user_get, &entry, &user), PH_OK);
    assert_true(text_is(user.password, "plain:s:cret"));
    assert_int_equal(user.roles, PH_ROLE_OPERATOR);
    fake_host_free(fake);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fake = fake_host_new();
        config.operator= bad[i];
        assert_int_equal(fake_open(fake, STORAGE_MOCK_FILE, &config), PH_INVALID);
        fake_host_free(fake);
    }
}

int main(void)
{
#define STORAGE_TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)
    const struct CMUnitTest tests[] = {
        STORAGE_TEST(test_inbox_read_whole_records),
        STORAGE_TEST(test_inbox_pages),
        STORAGE_TEST(test_inbox_byte_limit),
        STORAGE_TEST(test_inbox_ack),
        STORAGE_TEST(test_inbox_remove),
        STORAGE_TEST(test_positions_are_never_given_again),
        STORAGE_TEST(test_expiry_hides),
        STORAGE_TEST(test_message_get),
        STORAGE_TEST(test_sent_read),
        STORAGE_TEST(test_answers_outlive_the_store),
        STORAGE_TEST(test_users),
        STORAGE_TEST(test_user_list),
        STORAGE_TEST(test_removed_user_loses_the_inbox),
        STORAGE_TEST(test_sessions),
        STORAGE_TEST(test_password_ends_other_sessions),
        STORAGE_TEST(test_purge_messages),
        STORAGE_TEST(test_purge_leaves_marked_messages),
        STORAGE_TEST(test_purge_keys_and_sessions),
        STORAGE_TEST(test_purge_dead_letters),
        cmocka_unit_test(test_health_tells_a_full_store),
        cmocka_unit_test(test_first_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
