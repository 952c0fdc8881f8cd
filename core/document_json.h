// SPDX-License-Identifier: Apache-2.0
//
// A message's metadata document as JSON: whole and deterministic, so that putting it again changes nothing.
#ifndef CORE_DOCUMENT_JSON_H
#define CORE_DOCUMENT_JSON_H

#include <stdbool.h>

#include "core/buffer.h"
#include "posthouse/plugin.h"

/// Appends the document of a record (HEAD). False when the buffer's ceiling is reached. Pure.
bool document_json_write(struct buffer *out, const struct ph_record *record);

/// Appends the timeline alone, as a JSON array.
bool document_json_timeline(struct buffer *out, const struct ph_record *record);

/// "accepted", "delivered", "expired", "dead", "failed"; "unknown" for anything else. For enum ph_state.
const char *document_state_name(uint32_t state);

#endif
