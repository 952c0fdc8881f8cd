// SPDX-License-Identifier: Apache-2.0
//
// Writing the binary format: numbers in network order.
#include "plugins/storage-rds/parameters.h"

#include <limits.h>
#include <string.h>

#include "plugins/storage-rds/names.h"

#define ARRAY_HEAD 20

static void put32(char *at, uint32_t value)
{
    unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16), (unsigned char)(value >> 8),
                              (unsigned char)value};
    memcpy(at, bytes, sizeof(bytes));
}

static void put64(char *at, int64_t value)
{
    put32(at, (uint32_t)((uint64_t)value >> 32));
    put32(at + 4, (uint32_t)(uint64_t)value);
}

struct array array_begin(struct ph_call *call, enum parameter_type type, size_t count, size_t room)
{
    struct array array = {.call = call, .length = ARRAY_HEAD, .room = ARRAY_HEAD + 4 * count + room};
    array.bytes = call->host->alloc(call, array.room);
    array.failed = array.bytes == NULL;
    if (array.failed)
        return array;
    put32(array.bytes, 1);
    put32(array.bytes + 4, 0);
    put32(array.bytes + 8, type);
    put32(array.bytes + 16, 1);
    return array;
}

char *array_reserve(struct array *array, size_t length)
{
    if (array->failed)
        return NULL;
    if (length > (size_t)INT_MAX - 4 || array->length + length + 4 > (size_t)INT_MAX) {
        array->failed = true;
        return NULL;
    }
    if (array->room - array->length < length + 4) {
        size_t room = array->room * 2 + length + 4;
        char *bytes = array->call->host->alloc(array->call, room);
        array->failed = bytes == NULL;
        if (bytes == NULL)
            return NULL;
        memcpy(bytes, array->bytes, array->length);
        array->bytes = bytes;
        array->room = room;
    }
    char *at = array->bytes + array->length;
    put32(at, (uint32_t)length);
    array->length += length + 4;
    array->count++;
    return at + 4;
}

void array_bytes(struct array *array, const void *bytes, size_t length)
{
    char *at = array_reserve(array, length);
    if (at != NULL && length > 0)
        memcpy(at, bytes, length);
}

void array_name(struct array *array, struct ph_text name)
{
    bool plain = names_plain(name);
    array_bytes(array, plain ? name.bytes : "", plain ? name.length : 0);
}

void array_bigint(struct array *array, int64_t value)
{
    char *at = array_reserve(array, 8);
    if (at != NULL)
        put64(at, value);
}

bool step_bytes(struct rds_step *step, const void *bytes, size_t length)
{
    if (step->count >= RDS_PARAMETERS || length > (size_t)INT_MAX)
        return false;
    step->values[step->count] = bytes != NULL ? bytes : "";
    step->lengths[step->count++] = (int)length;
    return true;
}

bool step_array(struct rds_step *step, struct array *array)
{
    if (array->failed)
        return false;
    put32(array->bytes + 12, array->count);
    // An array without items has no dimension.
    if (array->count == 0)
        put32(array->bytes, 0);
    return step_bytes(step, array->bytes, array->count == 0 ? 12 : array->length);
}

// Items are compared with their lengths, which stand before them. The first must have the length that all would have: what
// follows would else be no item, whatever its bytes.
static bool items_alike(const struct array *array, size_t each)
{
    const char *first = array->bytes + ARRAY_HEAD;
    char length[4];
    put32(length, (uint32_t)(each - 4));
    if (array->length != ARRAY_HEAD + array->count * each || memcmp(first, length, sizeof(length)) != 0)
        return false;
    for (size_t i = 1; i < array->count; i++) {
        if (memcmp(first, first + i * each, each) != 0)
            return false;
    }
    return true;
}

bool step_column(struct rds_step *step, struct array *array)
{
    size_t each = array->count > 0 ? (array->length - ARRAY_HEAD) / array->count : 0;
    if (!array->failed && array->count > 1 && items_alike(array, each)) {
        array->count = 1;
        array->length = ARRAY_HEAD + each;
    }
    return step_array(step, array);
}

bool step_bigint(struct rds_job *job, struct rds_step *step, int64_t value)
{
    char *bytes = job->call->host->alloc(job->call, 8);
    if (bytes == NULL)
        return false;
    put64(bytes, value);
    return step_bytes(step, bytes, 8);
}

bool step_text(struct rds_step *step, struct ph_text text)
{
    return step_bytes(step, text.bytes, text.length);
}

bool step_id(struct rds_step *step, const struct ph_id *id)
{
    return step_bytes(step, id->bytes, sizeof(id->bytes));
}

void rds_no_memory(struct rds_job *job)
{
    struct rds_failure failure;
    rds_failure_say(&failure, PH_INTERNAL, "the call needs more memory than it may have");
    (job->done != NULL ? job->done : rds_finish)(job, &failure);
}
