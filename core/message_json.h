// SPDX-License-Identifier: Apache-2.0
//
// Messages as the API shows them. Written straight into a buffer: inbox pages are the most of what the daemon sends.
#ifndef CORE_MESSAGE_JSON_H
#define CORE_MESSAGE_JSON_H

#include "core/buffer.h"
#include "posthouse/plugin.h"

/// An inbox item: id, from, to, subject, body, content_type, attributes, priority, accepted_at, delivered_at, read_at.
void message_json_item(struct buffer *out, const struct ph_record *record);

/// A message for its sender or a reader: the members above but the last two, deliver_at, expires_at, status, recipients.
/// The object is left open: the caller adds members, or closes it.
void message_json_open(struct buffer *out, const struct ph_record *record);

/// "ID" with quotes.
void message_json_id(struct buffer *out, const struct ph_id *id);
/// A time with quotes, or null for 0.
void message_json_time(struct buffer *out, int64_t time);

#endif
