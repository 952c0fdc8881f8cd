// SPDX-License-Identifier: Apache-2.0
//
// How the mocks answer a call: entry by entry, at once, with copies in the call's arena.
#ifndef PLUGINS_MOCK_ANSWER_H
#define PLUGINS_MOCK_ANSWER_H

#include <posthouse/plugin.h>

/// Does entry `index` of a call and says how it ended; a text for the log, if any, is set by the function itself.
typedef enum ph_outcome answer_f(void *instance, struct ph_call *call, size_t index);

/// Does every entry in order, then completes the call.
void answer_each(void *instance, struct ph_call *call, answer_f *one);

/// Ends an entry with a constant text: sets the text, returns the outcome.
enum ph_outcome answer_text(struct ph_call *call, size_t index, enum ph_outcome outcome, const char *text);

/// Copies a text into the call's arena. False when the arena is full.
bool answer_copy(struct ph_call *call, struct ph_text text, struct ph_text *copy_r);

#endif
