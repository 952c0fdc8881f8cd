// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes what storage-rds makes of a server's answer: a row of a record (plugins/storage-rds/record.h), whose columns
// are right, NULL or any bytes. What is taken keeps what the boundary promises: names that are names, each followed by a
// NUL; states and a status that exist; times that fit together; no memory outside of what came.
//
// The input is a column after the other: a byte that says how (see read_column), then what it needs.

#include "core/arena.h"
#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// What is left of the input.
struct input {
    const uint8_t *bytes;
    size_t left;
};

static struct arena *arena;

static void *fuzz_alloc(struct ph_call *call, size_t size)
{
    (void)call;
    return arena_alloc(arena, size);
}

static void *fuzz_make(struct ph_call *call, enum ph_make type)
{
    return fuzz_alloc(call, type == PH_MAKE_RECORD ? sizeof(struct ph_record) : sizeof(struct ph_recipient));
}

static uint8_t next_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->bytes++;
}

static void set(PGresult *result, int column, const void *bytes, size_t length)
{
    int set = PQsetvalue(result, 0, column, (char *)(uintptr_t)bytes, (int)length);
    assert(set == 1);
}

// What an honest server gives: a number, or an id, as it is wanted there.
static void set_right(PGresult *result, int column, uint8_t number)
{
    unsigned char bytes[16] = {0};
    bytes[7] = number;
    set(result, column, bytes, column == RECORD_ID ? 16 : 8);
}

// 0–3: a number of one byte; 4: NULL; 5: nothing; above: as many bytes as the next two say, in a copy of that length.
static void read_column(struct input *input, PGresult *result, int column)
{
    uint8_t how = next_byte(input);
    if (how <= 3) {
        set_right(result, column, how == 0 ? 0 : next_byte(input));
    } else if (how == 4) {
        int null = PQsetvalue(result, 0, column, NULL, -1);
        assert(null == 1);
    } else {
        size_t length = how == 5 ? 0 : next_byte(input);
        length = how == 5 ? 0 : length << 8 | next_byte(input);
        length = length < input->left ? length : input->left;
        set(result, column, input->bytes, length);
        input->bytes += length;
        input->left -= length;
    }
}

static PGresult *read_result(struct input *input, int columns)
{
    static char name[] = "column";
    PGresAttDesc attributes[RECORD_WHOLE_COLUMNS];
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    for (int i = 0; i < columns; i++)
        attributes[i] = (PGresAttDesc){.name = name, .format = 1};
    int good = PQsetResultAttrs(result, columns, attributes);
    assert(good == 1);
    for (int i = 0; i < columns; i++)
        read_column(input, result, i);
    return result;
}

static void check_text(struct ph_text text)
{
    assert(text.bytes != NULL && text.bytes[text.length] == '\0');
    // Every byte is there to be read.
    assert(names_hash(1, text.bytes, text.length) != 0);
}

static void check_recipients(const struct ph_record *record)
{
    bool open = false;
    bool got = false;
    for (size_t i = 0; i < record->recipient_count; i++) {
        const struct ph_recipient *recipient = record->recipients[i];
        check_text(recipient->name);
        assert(names_plain(recipient->name) && recipient->state <= PH_STATE_FAILED);
        open = open || recipient->state == PH_STATE_ACCEPTED;
        got = got || recipient->state == PH_STATE_DELIVERED;
    }
    assert(record->status <= PH_STATE_FAILED);
    assert(!open || record->status == PH_STATE_ACCEPTED);
    assert(open || !got || record->status == PH_STATE_DELIVERED);
}

static void check_record(struct ph_record *record)
{
    check_text(record->sender);
    check_text(record->subject);
    check_text(record->body);
    check_text(record->content_type);
    check_text(record->attributes);
    check_text(record->trace);
    check_text(record->reason);
    check_recipients(record);
    record_hide_states(record);
    record_conclude(record, true);
    assert(record->status == PH_STATE_ACCEPTED && record->finished_at == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ph_host host = {.alloc = fuzz_alloc, .make = fuzz_make};
    struct ph_call call = {.host = &host};
    struct input input = {.bytes = data, .left = size};
    bool whole = next_byte(&input) % 2 == 0;
    int columns = whole ? RECORD_WHOLE_COLUMNS : RECORD_HEAD_COLUMNS;
    PGresult *result = read_result(&input, columns);
    arena = arena_new(ARENA_LIMIT);
    struct values values = values_row(&call, result, 0, columns);
    struct ph_record *record = record_read(&values, 0, (enum record_column)columns);
    assert(values.wrong == (record == NULL));
    if (record != NULL)
        check_record(record);
    struct values other = values_row(&call, result, 0, columns);
    for (int i = 0; i < columns; i++)
        assert(values_index(&other, i, 10) < 10);
    arena_free(arena);
    PQclear(result);
    return 0;
}
