// SPDX-License-Identifier: Apache-2.0
//
// Reading results, which come in binary: like everything from the server they are hostile, so each value is checked against
// the length that its type has.
//
// A reader remembers the first value that was not what it had to be; the caller looks once, at the end.
#ifndef PLUGINS_STORAGE_RDS_VALUES_H
#define PLUGINS_STORAGE_RDS_VALUES_H

#include "plugins/storage-rds/job.h"

/// One row of a result.
struct values {
    const PGresult *result;
    struct ph_call *call; ///< texts are copied into its arena
    int row;
    bool wrong; ///< a value was missing, had another length than its type, or did not fit into the arena
};

/// A reader of a row; `wrong` is set when the result has not `columns` columns.
struct values values_row(struct ph_call *call, const PGresult *result, int row, int columns);

bool values_null(const struct values *values, int column);
int64_t values_bigint(struct values *values, int column); ///< 0 when wrong
bool values_boolean(struct values *values, int column);
struct ph_id values_id(struct values *values, int column);

/// A number from 1 to `most` as an index from 0 on: what WITH ORDINALITY gave to an item of an array.
size_t values_index(struct values *values, int column, size_t most);

/// Text or bytea, copied and followed by a NUL; NULL gives an empty text.
struct ph_text values_text(struct values *values, int column);

/// Its bytes in the result itself.
struct ph_text values_peek(const struct values *values, int column);

#endif
