// SPDX-License-Identifier: Apache-2.0
//
// One request for one call: what health, stats and open ask. Kept in a list, so that a call's request can be cancelled.
#ifndef PLUGINS_AWS_ASK_H
#define PLUGINS_AWS_ASK_H

#include "core/buffer.h"
#include "core/list.h"
#include "plugins/aws/client.h"

struct aws_ask;

/// What is asked now; LIST_INIT() first.
LIST_HEAD(aws_asks, aws_ask);

/// The answer; `owner` as it was given. Once, later.
typedef void aws_ask_done_f(void *owner, struct ph_call *call, const struct aws_answer *answer);

/// Sends a request for a call. The body is taken over; `request` is copied, its own body left out.
void aws_ask(struct aws_asks *asks, struct aws_client *client, const struct aws_request *request, struct buffer *body,
             struct ph_call *call, aws_ask_done_f *done, void *owner);

/// Asks that the request for this call end soon. False: there is none.
bool aws_ask_cancel(const struct aws_asks *asks, const struct ph_call *call);

/// Sets the outcome of every entry of a call that a request's answer ends, and completes it. A resource that does not
/// exist is unavailable: it can come (back). So is what is uncertain: nothing was changed.
void aws_ask_end(struct ph_call *call, const struct aws_answer *answer);

#endif
