// SPDX-License-Identifier: Apache-2.0
//
// Checks of users and sessions.
#include "conformance/storage_kit.h"
#include "conformance/suites.h"

#include <string.h>

static struct ph_user *user_get(struct subject *subject, const char *name, enum ph_outcome outcome)
{
    struct ph_user_name *entry = test_alloc(subject_test(subject), sizeof *entry);
    entry->name = kit_name(subject_test(subject), name);
    return ask_want(ask_one(subject, PH_STORAGE_USER_GET, entry), outcome);
}

static struct ph_user_add *user_entry(struct test *test, const char *name)
{
    struct ph_user_add *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_user_add){
        .id = id_new(), .name = kit_name(test, name), .password = test_text(test, "hash of %s", name)};
    return entry;
}

static void user_adds(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_user_add *entry = user_entry(test, "alice");
    entry->roles = PH_ROLE_OPERATOR;
    test_step(test, "user_add of an operator, then user_get");
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, entry), PH_OK);
    const struct ph_user *user = user_get(subject, "alice", PH_OK);
    want_text(test, "name", user->name, entry->name);
    want_text(test, "password", user->password, entry->password);
    want_number(test, "roles", user->roles, PH_ROLE_OPERATOR);
    want_time_between(test, "created_at", user->created_at, time_wall() - 120000, time_wall() + 120000);
    user_get(subject, "bob", PH_NOT_FOUND);
}

static void user_repeat(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_user_add *entry = user_entry(test, "alice");
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, entry), PH_OK);
    test_step(test, "user_add with the same id again");
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, entry), PH_OK);
    test_step(test, "user_add of the same name with another id");
    struct ph_user_add *other = user_entry(test, "alice");
    other->password = test_text(test, "another hash");
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, other), PH_CONFLICT);
    want_text(test, "password", user_get(subject, "alice", PH_OK)->password, entry->password);
}

static void user_twins(struct test *test)
{
    struct subject *subject = subject_open(test);
    const void *entries[] = {user_entry(test, "alice"), user_entry(test, "alice"), user_entry(test, "bob")};
    test_step(test, "user_add of alice, alice with another id, and bob in one call");
    struct ask *call = ask(subject, PH_STORAGE_USER_ADD, 3, entries);
    want_outcome(call, 0, PH_OK);
    want_outcome(call, 1, PH_CONFLICT);
    want_outcome(call, 2, PH_OK);
}

static void user_reserved(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob");
    struct ph_user_name entry = {.name = kit_name(test, "bob")};
    ask_want(ask_one(subject, PH_STORAGE_USER_REMOVE, &entry), PH_OK);
    test_step(test, "user_get, user_password and user_remove of a removed user");
    user_get(subject, "bob", PH_NOT_FOUND);
    struct ph_user_password password = {.name = entry.name, .password = test_text(test, "new")};
    ask_want(ask_one(subject, PH_STORAGE_USER_PASSWORD, &password), PH_NOT_FOUND);
    ask_want(ask_one(subject, PH_STORAGE_USER_REMOVE, &entry), PH_DUPLICATE);
    test_step(test, "user_add of a name that ever was in use");
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, user_entry(test, "bob")), PH_CONFLICT);
    test_step(test, "user_remove and user_password of a name that never was");
    entry.name = kit_name(test, "nobody");
    password.name = entry.name;
    ask_want(ask_one(subject, PH_STORAGE_USER_REMOVE, &entry), PH_NOT_FOUND);
    ask_want(ask_one(subject, PH_STORAGE_USER_PASSWORD, &password), PH_NOT_FOUND);
}

static void user_removal(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob carol");
    const struct ph_message *message = kit_delivered(subject, "alice", "bob carol");
    const struct ph_message *open = kit_sent(subject, "alice", "bob");
    kit_session(subject, "bob", 1, KIT_LONG_MS, PH_OK);
    kit_remove_user(subject, "bob");
    test_step(test, "session_get, session_add and message_get of a removed user");
    kit_session_get(subject, 1, PH_NOT_FOUND);
    kit_session(subject, "bob", 2, KIT_LONG_MS, PH_NOT_FOUND);
    kit_get(subject, "bob", message->id, PH_NOT_FOUND);
    const struct ph_record *record = kit_get(subject, "alice", message->id, PH_OK);
    kit_want_record(test, record, message, KIT_HEAD | KIT_TEXTS | KIT_STATES);
    want_number(test, "the recorded state", kit_state(test, record, "bob"), PH_STATE_DELIVERED);
    want_number(test, "records in the other inbox:", kit_inbox(subject, "carol")->count, 1);
    test_step(test, "deliver of what was still to come");
    want_number(test, "status", kit_deliver(subject, open->id, PH_OK)->record->status, PH_STATE_FAILED);
    struct ph_accepted *accepted = kit_append(subject, kit_message(test, "alice", "bob"), PH_NOT_FOUND);
    want_number(test, "unknown_count", accepted->unknown_count, 1);
}

// The users of this test in the order of user_list, in pages.
static size_t list(struct subject *subject, struct ph_text after, uint32_t limit, struct ph_text *names, size_t most)
{
    struct test *test = subject_test(subject);
    size_t count = 0;
    for (bool more = true; more && count < most;) {
        struct ph_user_list *entry = test_alloc(test, sizeof *entry);
        *entry = (struct ph_user_list){.after = after, .limit = limit};
        const struct ph_users *users = ask_want(ask_one(subject, PH_STORAGE_USER_LIST, entry), PH_OK);
        want_true(test, users->count <= limit, "at most `limit` users");
        for (size_t i = 0; i < users->count; i++) {
            const struct ph_user *user = users->users[i];
            want_true(test, text_order(user->name, after) > 0, "names above `after`, in byte order");
            want_number(test, "length of a password in a list", user->password.length, 0);
            after = user->name;
            if (user->name.length > strlen(test->tag) && memcmp(user->name.bytes, test->tag, strlen(test->tag)) == 0 &&
                count < most) {
                names[count++] = user->name;
            }
        }
        more = users->more;
        want_true(test, !more || users->count > 0, "more only with a full page");
    }
    return count;
}

static void user_lists(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "d a c.x c-x b a1 @");
    kit_remove_user(subject, "b");
    static const char *const wanted[] = {"@", "a", "a1", "c-x", "c.x", "d"};
    struct ph_text names[8] = {{NULL, 0}};
    test_step(test, "user_list in pages of two");
    struct ph_text start = test_text(test, "%.*s", (int)strlen(test->tag) - 1, test->tag);
    size_t count = list(subject, test->isolated ? test_text(test, "%s", "") : start, 2, names, 8);
    want_number(test, "users in the list:", count, 6);
    for (size_t i = 0; i < 6; i++) {
        want_text(test, "the next name", names[i], kit_name(test, wanted[i]));
    }
    struct ph_user_list entry = {.after = kit_name(test, "c-x"), .limit = 1};
    const struct ph_users *users = ask_want(ask_one(subject, PH_STORAGE_USER_LIST, &entry), PH_OK);
    want_number(test, "more, with one left,", users->more, true);
    want_text(test, "the name above c-x", users->users[0]->name, kit_name(test, "c.x"));
}

static void user_password(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice bob");
    kit_session(subject, "alice", 1, KIT_LONG_MS, PH_OK);
    kit_session(subject, "alice", 2, KIT_LONG_MS, PH_OK);
    kit_session(subject, "bob", 3, KIT_LONG_MS, PH_OK);
    struct ph_user_password entry = {.name = kit_name(test, "alice"), .password = test_text(test, "new hash")};
    kit_token(test, 2, entry.keep_session);
    test_step(test, "user_password that keeps one session, twice");
    ask_want(ask_one(subject, PH_STORAGE_USER_PASSWORD, &entry), PH_OK);
    ask_want(ask_one(subject, PH_STORAGE_USER_PASSWORD, &entry), PH_OK);
    want_text(test, "password", user_get(subject, "alice", PH_OK)->password, entry.password);
    kit_session_get(subject, 1, PH_NOT_FOUND);
    kit_session_get(subject, 2, PH_OK);
    kit_session_get(subject, 3, PH_OK);
    test_step(test, "user_password that keeps none");
    memset(entry.keep_session, 0, sizeof entry.keep_session);
    ask_want(ask_one(subject, PH_STORAGE_USER_PASSWORD, &entry), PH_OK);
    kit_session_get(subject, 2, PH_NOT_FOUND);
    kit_session_get(subject, 3, PH_OK);
}

static void session_adds(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_user_add *operator_entry = user_entry(test, "alice");
    operator_entry->roles = PH_ROLE_OPERATOR;
    ask_want(ask_one(subject, PH_STORAGE_USER_ADD, operator_entry), PH_OK);
    test_step(test, "session_add, then session_get");
    const struct ph_session *session = kit_session(subject, "alice", 1, 3600000, PH_OK);
    want_text(test, "user", session->user, kit_name(test, "alice"));
    want_number(test, "roles", session->roles, PH_ROLE_OPERATOR);
    want_time_between(test, "expires_at", session->expires_at, time_wall() + 3600000 - 120000,
                      time_wall() + 3600000 + 120000);
    int64_t expires_at = session->expires_at;
    stand_turn(test, 5);
    test_step(test, "session_add of the same hash again");
    session = kit_session(subject, "alice", 1, 3600000, PH_OK);
    want_number(test, "expires_at, as recorded,", (uint64_t)session->expires_at, (uint64_t)expires_at);
    session = kit_session_get(subject, 1, PH_OK);
    want_text(test, "user", session->user, kit_name(test, "alice"));
    want_number(test, "roles", session->roles, PH_ROLE_OPERATOR);
    want_number(test, "expires_at", (uint64_t)session->expires_at, (uint64_t)expires_at);
    test_step(test, "session_add for a name that is no user; session_get of an unknown hash");
    kit_session(subject, "nobody", 2, 1000, PH_NOT_FOUND);
    kit_session_get(subject, 2, PH_NOT_FOUND);
}

static void session_ends(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice");
    kit_session(subject, "alice", 1, KIT_LONG_MS, PH_OK);
    kit_session(subject, "alice", 2, KIT_LONG_MS, PH_OK);
    struct ph_session_token entry;
    kit_token(test, 1, entry.token_hash);
    test_step(test, "session_remove, twice, and of one that never was");
    ask_want(ask_one(subject, PH_STORAGE_SESSION_REMOVE, &entry), PH_OK);
    kit_session_get(subject, 1, PH_NOT_FOUND);
    ask_want(ask_one(subject, PH_STORAGE_SESSION_REMOVE, &entry), PH_OK);
    kit_token(test, 9, entry.token_hash);
    ask_want(ask_one(subject, PH_STORAGE_SESSION_REMOVE, &entry), PH_OK);
    kit_session_get(subject, 2, PH_OK);
}

static void session_expires(struct test *test)
{
    struct subject *subject = subject_open(test);
    kit_users(subject, "alice");
    kit_session(subject, "alice", 1, 300, PH_OK);
    kit_session(subject, "alice", 2, KIT_LONG_MS, PH_OK);
    stand_turn(test, 800);
    test_step(test, "session_get after its lifetime");
    kit_session_get(subject, 1, PH_NOT_FOUND);
    kit_session_get(subject, 2, PH_OK);
}

static const struct check CHECKS[] = {
    {"user.adds", "user_add, user_get: name, password, roles, created_at", user_adds, 0},
    {"user.repeat", "user_add: a repeat with the same id is PH_OK; PH_CONFLICT: the name is in use", user_repeat, 0},
    {"user.twins", "storage: entries of one call act one after the other", user_twins, 0},
    {"user.reserved", "user_remove: the name stays reserved; PH_DUPLICATE: removed before; PH_NOT_FOUND", user_reserved,
     0},
    {"user.removal", "user_remove: sessions end, the inbox is gone, what is to come becomes failed", user_removal, 0},
    {"user.lists", "user_list: names in byte order, in pages, without passwords and removed users", user_lists, 0},
    {"user.password", "user_password: ends the user's other sessions; a repeat changes nothing", user_password, 0},
    {"session.adds", "session_add: a repeat with the same hash answers what was recorded", session_adds, 0},
    {"session.ends", "session_remove: ends it; one that is gone is PH_OK", session_ends, 0},
    {"session.expires", "session_get: reads a session that has not expired", session_expires, 0},
};

const struct suite SUITE_STORAGE_USERS = SUITE(CHECKS);
