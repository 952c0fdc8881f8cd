// SPDX-License-Identifier: Apache-2.0
//
// The binary format of numbers is network order, that of a boolean one byte.
#include "plugins/storage-rds/values.h"

#include <string.h>

struct values values_row(struct ph_call *call, const PGresult *result, int row, int columns)
{
    struct values values = {.result = result, .call = call, .row = row};
    values.wrong = PQnfields(result) != columns || row >= PQntuples(result);
    return values;
}

bool values_null(const struct values *values, int column)
{
    return PQgetisnull(values->result, values->row, column) != 0;
}

// The bytes of a value that has a fixed length; NULL when it has another.
static const unsigned char *fixed(struct values *values, int column, int length)
{
    if (values->wrong || values_null(values, column) || PQgetlength(values->result, values->row, column) != length) {
        values->wrong = true;
        return NULL;
    }
    return (const unsigned char *)PQgetvalue(values->result, values->row, column);
}

int64_t values_bigint(struct values *values, int column)
{
    const unsigned char *bytes = fixed(values, column, 8);
    uint64_t value = 0;
    for (int i = 0; bytes != NULL && i < 8; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

bool values_boolean(struct values *values, int column)
{
    const unsigned char *byte = fixed(values, column, 1);
    return byte != NULL && *byte != 0;
}

struct ph_id values_id(struct values *values, int column)
{
    struct ph_id id = {{0}};
    const unsigned char *bytes = fixed(values, column, (int)sizeof(id.bytes));
    if (bytes != NULL)
        memcpy(id.bytes, bytes, sizeof(id.bytes));
    return id;
}

size_t values_index(struct values *values, int column, size_t most)
{
    int64_t number = values_bigint(values, column);
    if (number < 1 || (uint64_t)number > most) {
        values->wrong = true;
        return 0;
    }
    return (size_t)number - 1;
}

struct ph_text values_peek(const struct values *values, int column)
{
    if (values->wrong || values_null(values, column))
        return (struct ph_text){.bytes = "", .length = 0};
    return (struct ph_text){.bytes = PQgetvalue(values->result, values->row, column),
                            .length = (size_t)PQgetlength(values->result, values->row, column)};
}

struct ph_text values_text(struct values *values, int column)
{
    struct ph_text text = values_peek(values, column);
    char *copy = text.length > 0 ? values->call->host->alloc(values->call, text.length + 1) : NULL;
    if (copy == NULL) {
        values->wrong = values->wrong || text.length > 0;
        return (struct ph_text){.bytes = "", .length = 0};
    }
    memcpy(copy, text.bytes, text.length);
    text.bytes = copy;
    return text;
}
