// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes the strict JSON reader with and without its flag. What it accepts must survive a round trip: the
// canonical form is read again, and its canonical form is the same. What it refuses must say where and what,
// in plain printable text. jansson's own reader must agree, but for the depth, which only ours
// limits, and for NUL bytes, which it takes for the end of the document.

#include "core/buffer.h"
#include "core/json_read.h"

#include <assert.h>
#include <string.h>

#define FORM_LIMIT ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct json_read_error *error, size_t size)
{
    size_t length = strnlen(error->text, sizeof(error->text));
    assert(length > 0 && length < sizeof(error->text));
    assert(error->line >= 1 && error->column >= 1 && error->position <= size);
    for (size_t i = 0; i < length; i++) {
        assert((unsigned char)error->text[i] >= ' ');
    }
}

static void check_round_trip(const json_t *value, unsigned flags)
{
    struct buffer form;
    struct buffer again;
    buffer_init(&form, FORM_LIMIT);
    buffer_init(&again, FORM_LIMIT);
    assert(json_read_canonical(value, &form));
    json_t *copy = json_read(form.data, form.length, flags, NULL);
    assert(copy != NULL);
    assert(json_read_canonical(copy, &again));
    assert(form.length == again.length);
    assert(memcmp(form.data, again.data, form.length) == 0);
    json_decref(copy);
    buffer_free(&form);
    buffer_free(&again);
}

static void check_agreement(const json_t *value, const char *data, size_t size, unsigned flags,
                            const struct json_read_error *error)
{
    size_t options = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    options |= (flags & JSON_READ_ALLOW_NUL) != 0 ? JSON_ALLOW_NUL : 0;
    json_t *theirs = json_loadb(data, size, options, NULL);
    if (value != NULL) {
        assert(json_equal(value, theirs));
    } else {
        assert(theirs == NULL || strstr(error->text, "levels deep") != NULL || memchr(data, 0, size) != NULL);
    }
    json_decref(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned all_flags[] = {0, JSON_READ_ALLOW_NUL};
    for (size_t i = 0; i < sizeof(all_flags) / sizeof(all_flags[0]); i++) {
        struct json_read_error error = {0};
        json_t *value = json_read((const char *)data, size, all_flags[i], &error);
        check_agreement(value, (const char *)data, size, all_flags[i], &error);
        if (value == NULL) {
            check_refusal(&error, size);
            continue;
        }
        check_round_trip(value, all_flags[i]);
        json_decref(value);
    }
    return 0;
}
