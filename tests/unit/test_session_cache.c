// SPDX-License-Identifier: Apache-2.0
//
// core/session_cache: confirmed sessions count for 5 s, and what is forgotten stays forgotten.
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "core/api_task.h"
#include "core/session_cache.h"

#define SECOND UINT64_C(1000000000)

static struct api_session session_of(const char *user, uint8_t token, int64_t expires_at)
{
    struct api_session session = {.expires_at = expires_at};
    snprintf(session.user, sizeof session.user, "%s", user);
    memset(session.token_hash, token, sizeof session.token_hash);
    return session;
}

static bool has(struct session_cache *cache, uint8_t token, uint64_t now_ns, int64_t now_ms)
{
    struct api_session found;
    uint8_t hash[HASH_SHA256_SIZE];
    memset(hash, token, sizeof hash);
    return session_cache_find(cache, hash, now_ns, now_ms, &found);
}

static void test_counts_for_five_seconds(void **state)
{
    struct session_cache *cache = session_cache_new();
    const struct api_session session = session_of("ada", 1, 1000000);
    (void)state;
    session_cache_remember(cache, &session, SECOND, session_cache_epoch(cache));
    assert_true(has(cache, 1, 2 * SECOND, 0));
    assert_false(has(cache, 2, 2 * SECOND, 0));
    assert_false(has(cache, 1, 7 * SECOND, 0));
    session_cache_free(cache);
}

static void test_expires(void **state)
{
    struct session_cache *cache = session_cache_new();
    const struct api_session session = session_of("ada", 1, 5000);
    (void)state;
    session_cache_remember(cache, &session, SECOND, session_cache_epoch(cache));
    assert_true(has(cache, 1, SECOND, 4999));
    assert_false(has(cache, 1, SECOND, 5000));
    session_cache_free(cache);
}

static void test_an_older_answer_does_not_bring_it_back(void **state)
{
    struct session_cache *cache = session_cache_new();
    const struct api_session session = session_of("ada", 1, 1000000);
    (void)state;
    const uint64_t epoch = session_cache_epoch(cache);
    session_cache_forget(cache, session.token_hash);
    session_cache_remember(cache, &session, SECOND, epoch);
    assert_false(has(cache, 1, SECOND, 0));
    session_cache_free(cache);
}

static void test_forgets_a_user_but_one(void **state)
{
    struct session_cache *cache = session_cache_new();
    (void)state;
    for (uint8_t token = 1; token <= 3; token++) {
        const struct api_session session = session_of(token == 3 ? "grace" : "ada", token, 1000000);
        session_cache_remember(cache, &session, SECOND, session_cache_epoch(cache));
    }
    const struct api_session kept = session_of("ada", 2, 0);
    session_cache_forget_user(cache, "ada", kept.token_hash);
    assert_false(has(cache, 1, SECOND, 0));
    assert_true(has(cache, 2, SECOND, 0));
    assert_true(has(cache, 3, SECOND, 0));
    session_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_for_five_seconds),
        cmocka_unit_test(test_expires),
        cmocka_unit_test(test_an_older_answer_does_not_bring_it_back),
        cmocka_unit_test(test_forgets_a_user_but_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
