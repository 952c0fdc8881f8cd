// SPDX-License-Identifier: Apache-2.0
//
// See ask.h.
#include "plugins/aws/ask.h"

#include <stdlib.h>

struct aws_ask {
    LIST_ENTRY(aws_ask) asks;
    struct ph_call *call;
    struct aws_exchange *exchange;
    aws_ask_done_f *done;
    void *owner;
    struct buffer body;
};

static void asked(void *context, const struct aws_answer *answer)
{
    struct aws_ask *ask = context;
    LIST_REMOVE(ask, asks);
    ask->done(ask->owner, ask->call, answer);
    buffer_free(&ask->body);
    free(ask);
}

void aws_ask(struct aws_asks *asks, struct aws_client *client, const struct aws_request *request, struct buffer *body,
             struct ph_call *call, aws_ask_done_f *done, void *owner)
{
    struct aws_ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    *ask = (struct aws_ask){.call = call, .done = done, .owner = owner, .body = *body};
    struct aws_request filled = *request;
    // A body that has failed is sent empty, and refused.
    filled.body = buffer_failed(body) ? (struct ph_text){"", 0} : (struct ph_text){ask->body.data, ask->body.length};
    LIST_INSERT_HEAD(asks, ask, asks);
    ask->exchange = aws_send(client, &filled, asked, ask);
}

bool aws_ask_cancel(const struct aws_asks *asks, const struct ph_call *call)
{
    struct aws_ask *ask;
    LIST_FOREACH(ask, asks, asks)
    {
        if (ask->call == call) {
            aws_cancel(ask->exchange);
            return true;
        }
    }
    return false;
}

void aws_ask_end(struct ph_call *call, const struct aws_answer *answer)
{
    enum ph_outcome outcome = answer->outcome;
    if (outcome == PH_NOT_FOUND || outcome == PH_UNCERTAIN) {
        outcome = PH_UNAVAILABLE;
    }
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, outcome, answer->delay_ms, outcome != PH_OK && answer->text != NULL ? "%s" : NULL,
                        answer->text);
    }
    call->host->complete(call);
}
