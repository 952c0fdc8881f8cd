// SPDX-License-Identifier: Apache-2.0
//
// Receives that wait for a job, on the loop.
//
// A receive that found nothing is kept until its time is over. It tries again as soon as a send of this instance has
// committed; and every WAITING_POLL_MS one of those that wait looks, on a reading connection, whether another process
// has sent, a lease has ended or a delay is over. Nothing is polled while nobody waits.
#ifndef PLUGINS_QUEUE_SQLITE_WAITING_H
#define PLUGINS_QUEUE_SQLITE_WAITING_H

#include "plugins/sqlite/engine.h"

#define WAITING_POLL_MS 100

/// Starts a receive, as its slot asks; `receive` is its operation.
void waiting_start(void *instance, struct ph_call *call, const struct operation *receive);

/// The engine's hooks.
bool waiting_opened(struct engine *engine);
void waiting_closing(struct engine *engine);
bool waiting_finished(struct engine *engine, struct ph_call *call);
bool waiting_cancelled(struct engine *engine, struct ph_call *call);

#endif
