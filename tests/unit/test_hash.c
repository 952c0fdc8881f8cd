// SPDX-License-Identifier: Apache-2.0
//
// core/hash: the standard's examples, parts, threads.
#include "tests/unit/unit.h"

#include "core/encode.h"
#include "core/hash.h"

#include <pthread.h>
#include <string.h>

static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static void assert_hash(const uint8_t *hash, const char *expected)
{
    char text[ENCODE_HEX_SIZE(HASH_SHA256_SIZE)];
    encode_hex(hash, HASH_SHA256_SIZE, text);
    assert_string_equal(text, expected);
}

static void test_examples(void **state)
{
    (void)state;
    uint8_t hash[HASH_SHA256_SIZE];
    for (int round = 0; round < 3; round++) {
        hash_sha256("abc", 3, hash);
        assert_hash(hash, abc);
        hash_sha256(NULL, 0, hash);
        assert_hash(hash, nothing);
    }
}

static void test_parts(void **state)
{
    (void)state;
    uint8_t hash[HASH_SHA256_SIZE];
    const struct hash_part parts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    hash_sha256_parts(parts, 3, hash);
    assert_hash(hash, abc);
    hash_sha256_parts(NULL, 0, hash);
    assert_hash(hash, nothing);
}

static void *hash_much(void *context)
{
    uint8_t hash[HASH_SHA256_SIZE];
    for (int i = 0; i < 500; i++) {
        hash_sha256("abc", 3, hash);
    }
    memcpy(context, hash, sizeof hash);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint8_t hashes[4][HASH_SHA256_SIZE];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_much, hashes[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_hash(hashes[i], abc);
    }
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(hash_equal("abc", "abc", 3));
    assert_false(hash_equal("abc", "abd", 3));
    assert_true(hash_equal("abc", "abd", 2));
    assert_true(hash_equal("", "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
