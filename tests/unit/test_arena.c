// SPDX-License-Identifier: Apache-2.0
//
// core/arena: alignment, zeroing, the ceiling, reuse.
#include "tests/unit/unit.h"

#include "core/arena.h"

#include <stdalign.h>
#include <string.h>

static void test_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_new(10 << 20);
    unsigned char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        size_t size = 1 + i * 37 % 5000;
        pieces[i] = arena_alloc(arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t at = 0; at < size; at++) {
            assert_int_equal(pieces[i][at], 0);
        }
        memset(pieces[i], (int)(i % 251 + 1), size);
    }
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(pieces[i][0], i % 251 + 1);
        assert_int_equal(pieces[i][i * 37 % 5000], i % 251 + 1);
    }
    arena_free(arena);
}

static void test_ceiling(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1000);
    assert_null(arena_alloc(arena, 1001));
    assert_int_equal(arena_used(arena), 0);
    assert_non_null(arena_alloc(arena, 500));
    assert_null(arena_alloc(arena, 500));
    assert_non_null(arena_alloc(arena, 400));
    assert_true(arena_used(arena) <= 1000);
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 8));
    assert_null(arena_alloc_array(arena, SIZE_MAX / 2, 3));
    assert_null(arena_text(arena, "", SIZE_MAX));
    arena_free(arena);
}

static void test_ceiling_across_blocks(void **state)
{
    (void)state;
    struct arena *arena = arena_new(100000);
    size_t count = 0;
    while (arena_alloc(arena, 16) != NULL) {
        count++;
    }
    assert_int_equal(count, 100000 / 16);
    arena_free(arena);
    arena_free(NULL);
}

static void test_copies(void **state)
{
    (void)state;
    struct arena *arena = arena_new(100000);
    assert_string_equal(arena_strdup(arena, "horse"), "horse");
    assert_memory_equal(arena_text(arena, "a\0bcd", 3), "a\0b", 4);
    assert_memory_equal(arena_memdup(arena, "xyz", 3), "xyz", 3);
    assert_non_null(arena_memdup(arena, NULL, 0));
    assert_string_equal(arena_text(arena, NULL, 0), "");
    assert_string_equal(arena_printf(arena, "%05d-%s", 42, "x"), "00042-x");
    assert_null(arena_printf(arena, "%200000d", 1));
    arena_free(arena);
}

static void test_reset_starts_anew(void **state)
{
    (void)state;
    struct arena *arena = arena_new(200000);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 100; i++) {
            char *piece = arena_alloc(arena, 1900);
            assert_non_null(piece);
            assert_int_equal(piece[1899], 0);
            memset(piece, 0xff, 1900);
        }
        assert_null(arena_alloc(arena, 20000));
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_reset(arena);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_zeroed_and_apart), cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_ceiling_across_blocks),    cmocka_unit_test(test_copies),
        cmocka_unit_test(test_reset_starts_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
