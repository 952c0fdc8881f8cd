// SPDX-License-Identifier: Apache-2.0
//
// Reads what a client wants to send into a message for storage, and says all that is wrong with it.
#ifndef CORE_MESSAGE_INPUT_H
#define CORE_MESSAGE_INPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/json_fields.h"
#include "posthouse/plugin.h"

struct task;

#define MESSAGE_RECIPIENTS_MAX 100
#define MESSAGE_NAME_MAX 64
#define MESSAGE_SUBJECT_MAX 200
#define MESSAGE_BODY_MAX (256 * 1024)
#define MESSAGE_ATTRIBUTES_MAX 10
#define MESSAGE_ATTRIBUTE_MAX 1024
#define MESSAGE_CONTENT_TYPE_MAX 255
#define MESSAGE_KEY_MAX 128
/// A fresh outbox mark is due so long after the append: the time for a crash in between to be noticed.
#define MESSAGE_DUE_IN_MS 10000

/// Reads `object` at `pointer` ("" or "/messages/3") into `message_r`, whose texts live as long as the task and its body.
/// `in_batch`: the member idempotency_key is known, else `key` (may be NULL) is the header's. The id is fresh. False when
/// something was added to `errors`.
bool message_input_read(struct task *task, json_t *object, const char *pointer, bool in_batch, const char *key,
                        struct ph_message *message_r, struct json_errors *errors);

/// A user's name: 1–64 of a–z 0–9 . _ @ -
bool message_input_name(const char *name, size_t length);

/// A key: 1–128 visible ASCII.
bool message_input_key(const char *key, size_t length);

/// The pointer of a recipient, as the client wrote it, below `pointer`.
void message_input_recipient(const json_t *object, const char *pointer, struct ph_text name,
                             char pointer_r[JSON_POINTER_SIZE]);

#endif
