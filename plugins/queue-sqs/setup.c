// SPDX-License-Identifier: Apache-2.0
//
// See setup.h. A walk of requests, each answered before the next is sent:
//
//     look for the queue ─▶ found: done
//            └─▶ look for NAME-dead ─▶ make it ─▶ ask for its ARN ─▶ make the queue
#include "plugins/queue-sqs/setup.h"

#include "core/buffer.h"
#include "plugins/aws/client.h"
#include "plugins/queue-sqs/ask.h"
#include "plugins/queue-sqs/sqs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)16 << 10)
#define ARN_SIZE 256
#define STEPS_MAX 4
#define REGION_SIZE 64
#define DEAD_SUFFIX "-dead"

struct setup {
    struct ph_call *call;
    const struct sqs_config *config;
    struct aws_client *client;
    const char *name; // of the queue
    struct buffer body;
    char arn[ARN_SIZE]; // of the dead-letter queue
    bool plain;         // the emulator takes no attributes
    struct ph_step *steps[STEPS_MAX];
    size_t step_count;
};

static void look(struct setup *setup, const char *suffix, aws_done_f *done);
static void make(struct setup *setup, bool dead, aws_done_f *done);

// --- The end -----------------------------------------------------------------------------------------------

static void on_closed(void *context)
{
    struct setup *setup = context;
    struct ph_call *call = setup->call;
    struct ph_steps *output = call->outputs[0];
    struct ph_step **steps = call->host->alloc(call, sizeof setup->steps);
    if (steps != NULL) {
        memcpy(steps, setup->steps, sizeof setup->steps);
        output->steps = steps;
        output->count = setup->step_count;
    }
    buffer_free(&setup->body);
    free(setup);
    call->host->complete(call);
}

static void end(struct setup *setup, enum ph_outcome outcome, const char *text)
{
    setup->call->host->set(setup->call, 0, outcome, 0, text != NULL ? "%s" : NULL, text);
    aws_client_close(setup->client, on_closed, setup);
}

static struct ph_text text_in(struct ph_call *call, const char *first, const char *second, const char *third)
{
    const size_t size = strlen(first) + strlen(second) + strlen(third) + 1;
    char *text = call->host->alloc(call, size);
    if (text == NULL) {
        return (struct ph_text){"", 0};
    }
    snprintf(text, size, "%s%s%s", first, second, third);
    return (struct ph_text){text, size - 1};
}

static void add_step(struct setup *setup, enum ph_step_state state, const char *suffix, struct ph_text note)
{
    struct ph_step *step = setup->call->host->make(setup->call, PH_MAKE_STEP);
    if (step == NULL || setup->step_count == STEPS_MAX) {
        return;
    }
    step->state = (uint32_t)state;
    step->what = text_in(setup->call, "queue ", setup->name, suffix);
    step->note = note;
    setup->steps[setup->step_count++] = step;
}

static const struct ph_text no_note = {"", 0};

// --- Answers -----------------------------------------------------------------------------------------------

static void queue_made(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    const char *url = json_string_value(json_object_get(answer->json, "QueueUrl"));
    if (answer->outcome == PH_INVALID && !setup->plain) {
        setup->plain = true;
        make(setup, false, queue_made);
        return;
    }
    if (answer->outcome != PH_OK) {
        end(setup, answer->outcome, answer->text);
        return;
    }
    if (setup->plain) {
        add_step(setup, PH_STEP_SKIPPED, ": attributes",
                 text_in(setup->call, "this service takes no redrive policy; nothing is moved aside", "", ""));
    }
    const bool elsewhere = url != NULL && strcmp(url, setup->config->queue_url) != 0;
    add_step(setup, PH_STEP_MADE, "",
             elsewhere ? text_in(setup->call, "its URL is ", url, ": set queue_url to it") : no_note);
    end(setup, PH_OK, NULL);
}

static void dead_found(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    const json_t *attributes = json_object_get(answer->json, "Attributes");
    const char *arn = json_string_value(json_object_get(attributes, "QueueArn"));
    if (answer->outcome != PH_OK) {
        end(setup, answer->outcome, answer->text);
        return;
    }
    snprintf(setup->arn, sizeof setup->arn, "%s", arn != NULL ? arn : "");
    setup->plain = arn == NULL;
    make(setup, false, queue_made);
}

static void dead_made(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    if (answer->outcome != PH_OK) {
        end(setup, answer->outcome, answer->text);
        return;
    }
    add_step(setup, PH_STEP_MADE, DEAD_SUFFIX, no_note);
    look(setup, DEAD_SUFFIX, dead_found);
}

static void dead_looked(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    if (answer->outcome == PH_NOT_FOUND) {
        make(setup, true, dead_made);
        return;
    }
    if (answer->outcome == PH_OK) {
        add_step(setup, PH_STEP_FOUND, DEAD_SUFFIX, no_note);
    }
    dead_found(setup, answer);
}

static void queue_looked(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    struct answer_attributes attributes;
    char advice[ARN_SIZE] = "";
    if (answer->outcome == PH_NOT_FOUND) {
        look(setup, DEAD_SUFFIX, dead_looked);
        return;
    }
    if (answer->outcome != PH_OK) {
        end(setup, answer->outcome, answer->text);
        return;
    }
    if (answer_attributes(answer->json, &attributes)) {
        ask_advice(&attributes, advice, sizeof advice);
    }
    add_step(setup, PH_STEP_FOUND, "", text_in(setup->call, advice, "", ""));
    end(setup, PH_OK, NULL);
}

// --- Requests ----------------------------------------------------------------------------------------------

static void ask_service(struct setup *setup, const char *operation, aws_done_f *done)
{
    if (buffer_failed(&setup->body)) {
        end(setup, PH_UNAVAILABLE, "there is no memory for the request");
        return;
    }
    const struct aws_request request = {.service = &SQS_SERVICE,
                                        .operation = operation,
                                        .body = {setup->body.data, setup->body.length},
                                        .response_limit = SQS_RESPONSE_LIMIT};
    aws_send(setup->client, &request, done, setup);
}

static void json_text(struct setup *setup, const char *first, const char *second)
{
    struct buffer text;
    buffer_init(&text, BODY_MAX);
    buffer_text(&text, first);
    buffer_text(&text, second);
    buffer_json_string(&setup->body, text.data, text.length);
    buffer_free(&text);
}

static void look(struct setup *setup, const char *suffix, aws_done_f *done)
{
    buffer_clear(&setup->body);
    buffer_text(&setup->body, "{\"QueueUrl\":");
    json_text(setup, setup->config->queue_url, suffix);
    buffer_text(&setup->body, ",\"AttributeNames\":[\"QueueArn\",\"RedrivePolicy\"]}");
    ask_service(setup, "GetQueueAttributes", done);
}

static void write_redrive(struct setup *setup)
{
    char policy[ARN_SIZE + 64];
    snprintf(policy, sizeof policy, "{\"deadLetterTargetArn\":\"%s\",\"maxReceiveCount\":%d}", setup->arn,
             SQS_RECEIVES_GOOD);
    buffer_text(&setup->body,
                ",\"ReceiveMessageWaitTimeSeconds\":\"20\",\"VisibilityTimeout\":\"60\",\"RedrivePolicy\":");
    json_text(setup, policy, "");
}

static void make(struct setup *setup, bool dead, aws_done_f *done)
{
    buffer_clear(&setup->body);
    buffer_text(&setup->body, "{\"QueueName\":");
    json_text(setup, setup->name, dead ? DEAD_SUFFIX : "");
    if (!setup->plain) {
        buffer_text(&setup->body, ",\"Attributes\":{\"MessageRetentionPeriod\":\"1209600\"");
        if (!dead) {
            write_redrive(setup);
        }
        buffer_byte(&setup->body, '}');
    }
    buffer_byte(&setup->body, '}');
    ask_service(setup, "CreateQueue", done);
}

void setup_start(void *instance, struct ph_call *call)
{
    (void)instance;
    char region[REGION_SIZE];
    const struct ph_setup *entry = call->count == 1 ? call->entries[0] : NULL;
    const struct sqs_config *config = entry != NULL ? entry->config : NULL;
    struct setup *setup = config != NULL ? calloc(1, sizeof *setup) : NULL;
    if (setup != NULL) {
        const bool known = aws_region_of(config->queue_url, region, sizeof region);
        const char *slash = strrchr(config->queue_url, '/');
        setup->call = call;
        setup->config = config;
        setup->name = slash != NULL ? slash + 1 : config->queue_url;
        buffer_init(&setup->body, BODY_MAX);
        setup->client = aws_client_new(call->host, &config->aws, known ? region : NULL);
    }
    if (setup == NULL || setup->client == NULL) {
        free(setup);
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(call, i, PH_UNAVAILABLE, 0, "there is no memory for a setup");
        }
        call->host->complete(call);
        return;
    }
    look(setup, "", queue_looked);
}
