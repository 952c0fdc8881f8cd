// SPDX-License-Identifier: Apache-2.0
//
// See plugins/alert-sns/publish.h.
#include "plugins/alert-sns/publish.h"
#include "plugins/alert-sns/message.h"
#include "plugins/aws/form.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORM_CEILING ((size_t)8 << 20)
#define SUFFIX ".fifo"

const struct aws_service sns_service = {.name = "sns", .id = "SNS", .protocol = AWS_QUERY, .version = "2010-03-31"};

// A request under way, for consecutive entries of the call.
struct batch {
    struct sns_publish *publish;
    size_t first;
    size_t count;
    struct buffer form;
    struct aws_exchange *exchange;
    LIST_ENTRY(batch) entry;
};

struct sns_publish {
    struct sns *sns;
    struct ph_call *call;
    bool cancelled;
    LIST_HEAD(, batch) batches;
    LIST_ENTRY(sns_publish) entry;
};

static void publish_finish(struct sns_publish *publish)
{
    struct ph_call *call = publish->call;
    LIST_REMOVE(publish, entry);
    free(publish);
    call->host->complete(call);
}

static void set_all(struct ph_call *call, size_t first, size_t count, enum ph_outcome outcome, uint32_t delay_ms,
                    const char *text)
{
    for (size_t i = first; i < first + count; i++) {
        call->host->set(call, i, outcome, delay_ms, "%s", text);
    }
}

// --- Outcomes ----------------------------------------------------------------------------------------------

// The place in the call that an entry's id tells; false: it is none of this batch.
static bool read_place(const char *id, size_t first, size_t count, size_t *place_r)
{
    char *end;
    if (id[0] < '0' || id[0] > '9') {
        return false;
    }
    unsigned long long place = strtoull(id, &end, 10);
    *place_r = (size_t)place;
    return *end == '\0' && place >= first && place < first + count;
}

static void settle_failed(struct ph_call *call, size_t place, const struct aws_xml *member)
{
    const char *code = aws_xml_text(member, "Code");
    bool sender_fault = strcmp(aws_xml_text(member, "SenderFault"), "true") == 0;
    call->host->set(call, place, aws_outcome_of(code, sender_fault), 0, "sns PublishBatch: %.100s: %.300s", code,
                    aws_xml_text(member, "Message"));
}

void sns_publish_settle(struct ph_call *call, size_t first, size_t count, const struct aws_xml *answer)
{
    const struct aws_xml *result = aws_xml_child(answer, "PublishBatchResult");
    const struct aws_xml *lists[] = {aws_xml_child(result, "Successful"), aws_xml_child(result, "Failed")};
    set_all(call, first, count, PH_UNCERTAIN, 0, "sns PublishBatch: the answer does not name this alert");
    for (size_t list = 0; list < 2; list++) {
        for (const struct aws_xml *member = lists[list] != NULL ? lists[list]->first : NULL; member != NULL;
             member = member->next) {
            size_t place;
            if (!read_place(aws_xml_text(member, "Id"), first, count, &place)) {
                continue;
            }
            if (list == 0) {
                *call->results[place] = (struct ph_result){.outcome = PH_OK};
            } else {
                settle_failed(call, place, member);
            }
        }
    }
}

// --- Requests ----------------------------------------------------------------------------------------------

static void batch_send(struct sns_publish *publish, size_t first, size_t count);

static void batch_free(struct batch *batch)
{
    LIST_REMOVE(batch, entry);
    buffer_free(&batch->form);
    free(batch);
}

// A request that was refused whole may hold one bad alert: each goes alone then.
static void send_singly(struct sns_publish *publish, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        batch_send(publish, i, 1);
    }
}

static void on_answer(void *context, const struct aws_answer *answer)
{
    struct batch *batch = context;
    struct sns_publish *publish = batch->publish;
    struct ph_call *call = publish->call;
    size_t first = batch->first;
    size_t count = batch->count;
    batch_free(batch);
    if (answer->outcome == PH_OK) {
        publish->sns->published_at = call->host->monotonic(call->host);
        sns_publish_settle(call, first, count, answer->xml);
    } else if (answer->outcome == PH_INVALID && count > 1 && !publish->cancelled) {
        send_singly(publish, first, count);
    } else {
        // A topic that is gone may be made again; the alert waits in storage for that.
        bool gone = answer->outcome == PH_NOT_FOUND;
        set_all(call, first, count, gone ? PH_UNAVAILABLE : answer->outcome, answer->delay_ms, answer->text);
    }
    if (LIST_EMPTY(&publish->batches)) {
        publish_finish(publish);
    }
}

bool sns_topic_is_fifo(const char *arn)
{
    size_t length = strlen(arn);
    return length > strlen(SUFFIX) && strcmp(arn + length - strlen(SUFFIX), SUFFIX) == 0;
}

static void batch_add(struct sns_publish *publish, struct batch *batch, size_t place, size_t *weight)
{
    const struct sns_config *config = publish->sns->config;
    *weight += sns_entry(publish->call->entries[place], batch->count + 1, place, config->body_limit,
                         sns_topic_is_fifo(config->topic_arn), &batch->form);
    batch->count++;
}

static struct batch *batch_new(struct sns_publish *publish, size_t first)
{
    const char *topic = publish->sns->config->topic_arn;
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        return NULL;
    }
    batch->publish = publish;
    batch->first = first;
    buffer_init(&batch->form, FORM_CEILING);
    aws_form_add(&batch->form, "TopicArn", topic, strlen(topic));
    LIST_INSERT_HEAD(&publish->batches, batch, entry);
    return batch;
}

// Sends entries from `first` on, `count` at most, in as many requests as their weight asks for.
static void batch_send(struct sns_publish *publish, size_t first, size_t count)
{
    for (size_t at = first; at < first + count;) {
        struct batch *batch = batch_new(publish, at);
        size_t weight = 0;
        if (batch == NULL) {
            set_all(publish->call, at, first + count - at, PH_UNAVAILABLE, 0, "no memory");
            return;
        }
        while (batch->count < SNS_BATCH_MAX && at < first + count) {
            size_t length = batch->form.length;
            batch_add(publish, batch, at, &weight);
            if (batch->count > 1 && weight > SNS_PUBLISH_MAX) {
                buffer_truncate(&batch->form, length);
                batch->count--;
                break;
            }
            at++;
        }
        if (buffer_failed(&batch->form)) {
            set_all(publish->call, batch->first, batch->count, PH_INTERNAL, 0, "an alert is beyond all sizes");
            batch_free(batch);
            continue;
        }
        const struct aws_request request = {.service = &sns_service,
                                            .operation = "PublishBatch",
                                            .body = {batch->form.data, batch->form.length},
                                            .response_limit = (size_t)1 << 20};
        batch->exchange = aws_send(publish->sns->client, &request, on_answer, batch);
    }
}

void sns_publish_start(struct sns *sns, struct ph_call *call)
{
    struct sns_publish *publish = call->count > 0 ? calloc(1, sizeof *publish) : NULL;
    if (publish == NULL) {
        set_all(call, 0, call->count, PH_UNAVAILABLE, 0, "no memory");
        call->host->complete(call);
        return;
    }
    publish->sns = sns;
    publish->call = call;
    LIST_INIT(&publish->batches);
    LIST_INSERT_HEAD(&sns->publishes, publish, entry);
    batch_send(publish, 0, call->count);
    if (LIST_EMPTY(&publish->batches)) {
        publish_finish(publish);
    }
}

bool sns_publish_cancel(struct sns *sns, const struct ph_call *call)
{
    struct sns_publish *publish;
    LIST_FOREACH(publish, &sns->publishes, entry)
    {
        if (publish->call == call) {
            break;
        }
    }
    if (publish == NULL) {
        return false;
    }
    struct batch *batch;
    publish->cancelled = true;
    LIST_FOREACH(batch, &publish->batches, entry)
    {
        aws_cancel(batch->exchange);
    }
    return true;
}
