// SPDX-License-Identifier: Apache-2.0
//
// deliver of messages that this instance has stored itself: what the server is told of them, so that it need not look.
#ifndef PLUGINS_STORAGE_RDS_KNOWN_H
#define PLUGINS_STORAGE_RDS_KNOWN_H

#include <stdbool.h>

#include "plugins/storage-rds/recent.h"
#include "plugins/storage-rds/wave.h"

/// What is known of the wave's messages, in its order, if that is all of them; else NULL.
const struct recent_message *const *known_find(const struct wave *wave);

/// Makes their records, for the answer: wave->data is an array of them, in the wave's order. Adds to a step of
/// SQL_DELIVER_KNOWN what stands behind the ids: inboxes, who gets in, priorities. False: the arena is used up.
bool known_add(struct rds_step *step, struct wave *wave, const struct recent_message *const *known);

#endif
