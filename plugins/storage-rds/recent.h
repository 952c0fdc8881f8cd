// SPDX-License-Identifier: Apache-2.0
//
// What this instance stored lately, so that deliver need not have the server look it up and send it back.
//
// What is kept of a message never changes in the database either, so it is never out of date; where it is not there, the
// server tells. A fixed number is kept, each of a bounded size: newer ones take the place of older ones.
#ifndef PLUGINS_STORAGE_RDS_RECENT_H
#define PLUGINS_STORAGE_RDS_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "posthouse/plugin.h"

/// What deliver tells of a message. Texts live as long as the entry.
struct recent_message {
    struct ph_id id;
    int64_t accepted_at;
    int64_t deliver_at;
    int64_t expires_at;
    uint64_t body_length; ///< bytes
    uint32_t priority;
    struct ph_text sender;
    struct ph_text recipients; ///< in byte order, with spaces between them
    struct ph_text trace;
    struct ph_text content_type;
    struct ph_text attributes;
};

struct recent;

/// Empty; `seed` is the instance's secret. NULL: no memory.
struct recent *recent_new(uint64_t seed);

/// NULL is allowed.
void recent_free(struct recent *recent);

/// Keeps what was stored, in place of what is there of that id. Without memory, and of a large one, nothing is kept.
void recent_put(struct recent *recent, const struct ph_message *message, int64_t accepted_at);

/// NULL: it is not kept. Valid until the next call but of this function.
const struct recent_message *recent_find(const struct recent *recent, const struct ph_id *id);

/// Forgets it, if it is there.
void recent_drop(struct recent *recent, const struct ph_id *id);

#endif
