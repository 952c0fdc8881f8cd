// SPDX-License-Identifier: Apache-2.0
//
// An alert as one line of JSON. Pure functions, any thread.
#ifndef PLUGINS_ALERT_LOG_LINE_H
#define PLUGINS_ALERT_LOG_LINE_H

#include <posthouse/plugin.h>
#include <stddef.h>

enum { LINE_ID_SIZE = 37 };

/// The id as 8-4-4-4-12 hexadecimal digits.
void line_id(const struct ph_id *id, char text_r[LINE_ID_SIZE]);

/// The beginning of a text, at most `limit` bytes, cut at a character's boundary.
struct ph_text line_shorten(struct ph_text text, size_t limit);

/// The alert as a JSON object and a line end, its body shortened to `body_limit` bytes, in the call's arena; with NULL
/// for bytes when that is full. `before` goes in front.
struct ph_text line_make(struct ph_call *call, const struct ph_alert *alert, size_t body_limit, const char *before);

#endif
