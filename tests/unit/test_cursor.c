// SPDX-License-Identifier: Apache-2.0
//
// core/cursor: what was written is read, and nothing else (invariant 10).
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "core/cursor.h"

static void test_round_trip(void **state)
{
    static const uint64_t positions[] = {0, 1, 255, 256, UINT64_C(1) << 40, INT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        char text[CURSOR_SIZE];
        uint64_t position = 7;
        cursor_write(CURSOR_INBOX, "ada", positions[i], text);
        assert_true(cursor_read(CURSOR_INBOX, "ada", text, &position));
        assert_true(position == positions[i]);
    }
}

static void test_bound_to_list_and_user(void **state)
{
    char text[CURSOR_SIZE];
    uint64_t position;
    (void)state;
    cursor_write(CURSOR_INBOX, "ada", 42, text);
    assert_false(cursor_read(CURSOR_INBOX, "grace", text, &position));
    assert_false(cursor_read(CURSOR_SENT, "ada", text, &position));
    text[0] = (char)CURSOR_SENT;
    assert_false(cursor_read(CURSOR_SENT, "ada", text, &position));
}

static void test_made_up(void **state)
{
    static const char *const bad[] = {"", "i", "start", "iAAAAAAAAAAAAAAAA", "iAAAAAAAAAAAAAAA", "i\xff", "42"};
    char text[CURSOR_SIZE];
    uint64_t position;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cursor_read(CURSOR_INBOX, "ada", bad[i], &position));
    }
    cursor_write(CURSOR_INBOX, "ada", UINT64_C(1) << 63, text); // a storage that counts signed would begin anew
    assert_false(cursor_read(CURSOR_INBOX, "ada", text, &position));
    cursor_write(CURSOR_INBOX, "ada", 42, text);
    for (size_t i = 0; text[i] != '\0'; i++) { // one changed character is noticed
        const char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_false(cursor_read(CURSOR_INBOX, "ada", text, &position));
        text[i] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bound_to_list_and_user),
        cmocka_unit_test(test_made_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
