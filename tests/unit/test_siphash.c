// SPDX-License-Identifier: Apache-2.0
//
// core/siphash: against values of another program that also gives the published ones for SipHash-2-4.
#include "tests/unit/unit.h"

#include "core/siphash.h"

static const struct siphash_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static void test_every_length(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
        UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
        UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
        UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
        UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
        UINT64_C(0xd320d86d2a519956), UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c)};
    unsigned char data[32];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)i;
    }
    for (size_t length = 0; length < sizeof expected / sizeof expected[0]; length++) {
        assert_int_equal(siphash(&key, data, length), expected[length]);
    }
    assert_int_equal(siphash(&key, NULL, 0), expected[0]);
}

static void test_key_matters(void **state)
{
    (void)state;
    struct siphash_key one;
    struct siphash_key two;
    siphash_key_random(&one);
    siphash_key_random(&two);
    assert_memory_not_equal(&one, &two, sizeof one);
    assert_true(siphash(&one, "abc", 3) != siphash(&two, "abc", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_length), cmocka_unit_test(test_key_matters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
