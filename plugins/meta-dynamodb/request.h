// SPDX-License-Identifier: Apache-2.0
//
// The bodies of requests to DynamoDB, as its JSON protocol (DynamoDB_20120810) has them, and the shape of an item:
//
//     id S (the key), document S (the JSON as it was put), sender S, status S, and where it expires
//     expires_at N (milliseconds, exact: reads go by it) and ttl N (seconds: DynamoDB removes by it)
//
// All functions append to a buffer; ask buffer_failed() at the end.
#ifndef PLUGINS_META_DYNAMODB_REQUEST_H
#define PLUGINS_META_DYNAMODB_REQUEST_H

#include "core/buffer.h"
#include "posthouse/plugin.h"
#include <stdbool.h>
#include <stddef.h>

/// What one request holds at most.
#define DYNAMODB_PUTS 25
#define DYNAMODB_GETS 100
/// The largest item that DynamoDB takes, in bytes, by its own measure.
#define DYNAMODB_ITEM_MAX ((size_t)400 << 10)

/// Begins and ends the list of a table's puts.
void request_puts_begin(struct buffer *body, const char *table);
void request_puts_end(struct buffer *body);
/// A put; the caller adds no two of one id.
void request_put(struct buffer *body, const struct ph_document *document);
/// In the place of a put: the removal of an item that cannot be there, since its id is no UUID.
void request_remove_nothing(struct buffer *body);
/// An upper bound of what request_put() appends.
size_t request_put_size(const struct ph_document *document);

/// The same for gets.
void request_gets_begin(struct buffer *body, const char *table);
void request_gets_end(struct buffer *body, bool consistent);
void request_get(struct buffer *body, const struct ph_id *id);
/// A get of that item.
void request_get_nothing(struct buffer *body);

/// {"TableName":…}.
void request_table(struct buffer *body, const char *table);

/// Why DynamoDB can never hold a document, or NULL.
const char *request_obstacle(const struct ph_document *document);

#endif
