// SPDX-License-Identifier: Apache-2.0
//
// Parameters of statements in PostgreSQL's binary format, from the call's arena; and arrays, so that a batch is one
// statement.
//
// The format of an array: dimensions (1), whether there are NULLs, the items' type, how many, the lower bound (1); then each
// item as its length and bytes (PostgreSQL 15, src/backend/utils/adt/arrayfuncs.c, array_recv).
#ifndef PLUGINS_STORAGE_RDS_PARAMETERS_H
#define PLUGINS_STORAGE_RDS_PARAMETERS_H

#include "plugins/storage-rds/job.h"

enum parameter_type { // oids of pg_type
    PARAMETER_BYTEA = 17,
    PARAMETER_BIGINT = 20,
    PARAMETER_TEXT = 25,
    PARAMETER_UUID = 2950
};

/// An array that is being filled. It fails as a whole: array_step() then says so.
struct array {
    struct ph_call *call;
    char *bytes;
    size_t length;
    size_t room;
    uint32_t count;
    bool failed;
};

/// Begins an array; `room` is what all items together are thought to take (4 bytes more are counted for each of `count`).
struct array array_begin(struct ph_call *call, enum parameter_type type, size_t count, size_t room);
void array_bytes(struct array *array, const void *bytes, size_t length); ///< text, bytea or uuid
void array_bigint(struct array *array, int64_t value);
void array_name(struct array *array, struct ph_text name); ///< one that can be nobody's goes as one that nobody has
char *array_reserve(struct array *array, size_t length);   ///< an item for the caller to write; NULL: it failed

/// Each adds one parameter. False: the arena is used up, or a value is too large.
bool step_array(struct rds_step *step, struct array *array);
/// An array whose items are all alike goes as the first of them alone.
bool step_column(struct rds_step *step, struct array *array);
bool step_bigint(struct rds_job *job, struct rds_step *step, int64_t value);
bool step_bytes(struct rds_step *step, const void *bytes, size_t length);
bool step_text(struct rds_step *step, struct ph_text text);
bool step_id(struct rds_step *step, const struct ph_id *id);

/// Ends a call whose parameters could not be made: PH_INTERNAL.
void rds_no_memory(struct rds_job *job);

#endif
