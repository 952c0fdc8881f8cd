// SPDX-License-Identifier: Apache-2.0
//
// Dispatch: sends jobs to the queue, and moves the outbox marks of what was sent, some seconds later and in batches, when
// most marks are gone already. It holds one small entry a message from the send until the mark was moved or the message
// was seen delivered; the table is bounded, and what does not fit stays in the outbox for the sweeper.
#ifndef CORE_DISPATCH_H
#define CORE_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "posthouse/plugin.h"

struct dispatch;
struct exchange;

struct dispatch *dispatch_new(struct exchange *exchange);
void dispatch_free(struct dispatch *dispatch);

/// Sends a job for a message whose mark was moved `sends` times before. One that is being sent already is left alone.
void dispatch_send(struct dispatch *dispatch, const struct ph_id *id, struct ph_text trace, uint32_t sends);

/// The message is done with: its mark is gone and need not be moved.
void dispatch_forget(struct dispatch *dispatch, const struct ph_id *id);

/// Jobs on their way to the queue, and whether there is room for many more.
size_t dispatch_sending(const struct dispatch *dispatch);
bool dispatch_has_room(const struct dispatch *dispatch);

/// How long after its n-th send (0 is the first) a mark is due again, in milliseconds: 30 s, doubling to 15 min.
uint32_t dispatch_due_in(uint32_t sends);

#endif
