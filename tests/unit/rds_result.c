// SPDX-License-Identifier: Apache-2.0
//
// See rds_result.h. Numbers are in network order, as PostgreSQL sends them.
#include "tests/unit/rds_result.h"

#include <assert.h>
#include <string.h>

#define COLUMNS_MOST 64

PGresult *result_new(int columns)
{
    static char name[] = "column";
    PGresAttDesc attributes[COLUMNS_MOST];
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert(result != NULL && columns <= COLUMNS_MOST);
    for (int i = 0; i < columns; i++)
        attributes[i] = (PGresAttDesc){.name = name, .format = 1};
    int set = PQsetResultAttrs(result, columns, attributes);
    assert(set == 1);
    return result;
}

void result_bytes(PGresult *result, int row, int column, const void *bytes, size_t length)
{
    // libpq copies; it only lacks the const.
    int set = PQsetvalue(result, row, column, (char *)(uintptr_t)bytes, (int)length);
    assert(set == 1);
}

void result_null(PGresult *result, int row, int column)
{
    int set = PQsetvalue(result, row, column, NULL, -1);
    assert(set == 1);
}

void result_bigint(PGresult *result, int row, int column, int64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
    result_bytes(result, row, column, bytes, sizeof(bytes));
}

void result_boolean(PGresult *result, int row, int column, int value)
{
    unsigned char byte = (unsigned char)value;
    result_bytes(result, row, column, &byte, 1);
}

void result_text(PGresult *result, int row, int column, const char *text)
{
    result_bytes(result, row, column, text, strlen(text));
}
