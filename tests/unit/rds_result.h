// SPDX-License-Identifier: Apache-2.0
//
// Results as a server might send them, made by hand for the tests of storage-rds: right ones and hostile ones.
#ifndef TESTS_UNIT_RDS_RESULT_H
#define TESTS_UNIT_RDS_RESULT_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

/// An empty result with so many binary columns; PQclear() frees it. A value that is not set is NULL.
PGresult *result_new(int columns);

/// Each sets one value, replacing what was there; a row that is the next one is added.
void result_bigint(PGresult *result, int row, int column, int64_t value);
void result_boolean(PGresult *result, int row, int column, int value);
void result_bytes(PGresult *result, int row, int column, const void *bytes, size_t length);
void result_text(PGresult *result, int row, int column, const char *text);
void result_null(PGresult *result, int row, int column);

#endif
