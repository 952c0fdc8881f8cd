// SPDX-License-Identifier: Apache-2.0
//
// Reading DynamoDB's answers. Whatever they hold is hostile: types are checked, tables that were not asked for and items
// without a sound id are left alone, and the bytes must agree with the checksum that came with them.
#ifndef PLUGINS_META_DYNAMODB_ANSWER_H
#define PLUGINS_META_DYNAMODB_ANSWER_H

#include "posthouse/plugin.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/// An item that was found. Its text lives as long as the JSON.
struct answer_item {
    struct ph_id id;
    bool sound; ///< it has a document and a time that can be read
    struct ph_text document;
    int64_t expires_at; ///< 0: never
};

/// An id that the answer leaves for later; an item that it brings.
typedef void answer_left_f(void *context, const struct ph_id *id);
typedef void answer_item_f(void *context, const struct answer_item *item);

/// Reads BatchWriteItem's answer. False when it is none: then nothing is known of any put.
bool answer_puts(const json_t *json, const char *table, answer_left_f *left, void *context);

/// Reads BatchGetItem's answer. False when it is none.
bool answer_gets(const json_t *json, const char *table, answer_item_f *item, answer_left_f *left, void *context);

/// What DescribeTable says.
struct answer_table {
    char status[32]; ///< "ACTIVE"
    bool fits;       ///< its key is `id`, a string, alone
};

/// Reads DescribeTable's answer. False when it is none.
bool answer_table(const json_t *json, struct answer_table *table_r);

/// False when the header is there and is not the CRC-32 of the body.
bool answer_checksum(struct ph_text body, struct ph_text header);

#endif
