// SPDX-License-Identifier: Apache-2.0
//
// What a send and a batch of sends share: the append call, and what its outcome means for the client.
#ifndef CORE_API_APPEND_H
#define CORE_API_APPEND_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buffer.h"
#include "core/json_fields.h"
#include "posthouse/plugin.h"

struct api_call;
struct task;

/// {"id":…,"status":"accepted","accepted_at":…}
void api_append_result(struct buffer *out, const struct ph_accepted *accepted);

/// True when the append's sender is no user any more (its session has outlived it).
bool api_append_sender_gone(const struct task *task, const struct ph_accepted *accepted);

/// Adds an error for each recipient that is no user. `object` is the message as the client sent it, at `pointer`.
void api_append_unknown(const json_t *object, const char *pointer, const struct ph_accepted *accepted,
                        struct json_errors *errors);

#endif
