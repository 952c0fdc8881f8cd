// SPDX-License-Identifier: Apache-2.0
//
// Making the table, for local use and tests. A walk of requests, each answered before the next is sent:
//
//     look for the table ─▶ make it ─▶ look until it is active ─▶ look for its TTL ─▶ turn that on
#include "plugins/meta-dynamodb/table.h"

#include "plugins/meta-dynamodb/answer.h"
#include "plugins/meta-dynamodb/request.h"
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)16 << 10)
#define RESPONSE_LIMIT ((size_t)1 << 20)
#define STEPS_MAX 4
#define LOOKS_MAX 60 // seconds
#define WHAT_SIZE 320

struct setup {
    struct ph_call *call;
    const struct dynamodb_config *config;
    struct aws_client *client;
    struct event *again;
    struct buffer body;
    unsigned looks;
    bool made;
    struct ph_step *steps[STEPS_MAX];
    size_t step_count;
};

static void setup_closed(void *context)
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
    event_free(setup->again);
    free(setup);
    call->host->complete(call);
}

static void setup_end(struct setup *setup, enum ph_outcome outcome, const char *text)
{
    setup->call->host->set(setup->call, 0, outcome, 0, text != NULL ? "%s" : NULL, text);
    aws_client_close(setup->client, setup_closed, setup);
}

static void add_step(struct setup *setup, enum ph_step_state state, const char *what, const char *note)
{
    struct ph_call *call = setup->call;
    struct ph_step *step = call->host->make(call, PH_MAKE_STEP);
    char *text = call->host->alloc(call, WHAT_SIZE);
    if (step == NULL || text == NULL || setup->step_count == STEPS_MAX) {
        return;
    }
    snprintf(text, WHAT_SIZE, "%s %s", what, setup->config->table);
    step->state = (uint32_t)state;
    step->what = (struct ph_text){text, strlen(text)};
    step->note = (struct ph_text){note, strlen(note)};
    setup->steps[setup->step_count++] = step;
}

static void ask(struct setup *setup, const char *operation, aws_done_f *done, const char *more)
{
    buffer_clear(&setup->body);
    request_table(&setup->body, setup->config->table);
    buffer_truncate(&setup->body, setup->body.length - 1);
    buffer_text(&setup->body, more);
    buffer_byte(&setup->body, '}');
    const struct aws_request request = {.service = &DYNAMODB_SERVICE,
                                        .operation = operation,
                                        .body = {setup->body.data, setup->body.length},
                                        .response_limit = RESPONSE_LIMIT};
    aws_send(setup->client, &request, done, setup);
}

// --- Time to live ------------------------------------------------------------------------------------------

static void ttl_turned_on(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    if (answer->outcome == PH_OK) {
        add_step(setup, PH_STEP_MADE, "TTL of table", "");
    } else if (answer->outcome == PH_DENIED || answer->outcome == PH_THROTTLED) {
        setup_end(setup, answer->outcome, answer->text);
        return;
    } else {
        add_step(setup, PH_STEP_SKIPPED, "TTL of table", "expired documents are hidden, but stay in the table");
    }
    setup_end(setup, PH_OK, NULL);
}

static void ttl_looked(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    const json_t *description = json_object_get(answer->json, "TimeToLiveDescription");
    const char *status = json_string_value(json_object_get(description, "TimeToLiveStatus"));
    if (answer->outcome == PH_OK && status != NULL && strncmp(status, "ENABL", 5) == 0) {
        add_step(setup, PH_STEP_FOUND, "TTL of table", "");
        setup_end(setup, PH_OK, NULL);
        return;
    }
    ask(setup, "UpdateTimeToLive", ttl_turned_on,
        ",\"TimeToLiveSpecification\":{\"AttributeName\":\"ttl\",\"Enabled\":true}");
}

// --- The table ---------------------------------------------------------------------------------------------

static void table_looked(void *context, const struct aws_answer *answer);

static void on_again(evutil_socket_t descriptor, short events, void *context)
{
    (void)descriptor;
    (void)events;
    ask(context, "DescribeTable", table_looked, "");
}

static void look_again(struct setup *setup)
{
    const struct timeval second = {.tv_sec = 1};
    if (setup->looks++ == LOOKS_MAX) {
        setup_end(setup, PH_UNAVAILABLE, "the table was made, but did not become active within a minute; try again");
        return;
    }
    event_add(setup->again, &second);
}

static void table_made(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    if (answer->outcome != PH_OK) {
        setup_end(setup, answer->outcome, answer->text);
        return;
    }
    setup->made = true;
    ask(setup, "DescribeTable", table_looked, "");
}

static void table_looked(void *context, const struct aws_answer *answer)
{
    struct setup *setup = context;
    struct answer_table table = {.status = "CREATING"}; // what was made shows a moment later
    const bool missing = answer->outcome == PH_NOT_FOUND;
    if (missing && !setup->made) {
        ask(setup, "CreateTable", table_made,
            ",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],\"AttributeDefinitions\":"
            "[{\"AttributeName\":\"id\",\"AttributeType\":\"S\"}],\"BillingMode\":\"PAY_PER_REQUEST\"");
    } else if (!missing && answer->outcome != PH_OK) {
        setup_end(setup, answer->outcome, answer->text);
    } else if (!missing && (!answer_table(answer->json, &table) || !table.fits)) {
        setup_end(setup, PH_INVALID,
                  "the table is there, but its key is not `id`, a string, alone: name another table");
    } else if (strcmp(table.status, "CREATING") == 0) {
        look_again(setup);
    } else {
        add_step(setup, setup->made ? PH_STEP_MADE : PH_STEP_FOUND, "table", "");
        ask(setup, "DescribeTimeToLive", ttl_looked, "");
    }
}

void table_setup(void *instance, struct ph_call *call)
{
    (void)instance;
    const struct ph_setup *entry = call->count == 1 ? call->entries[0] : NULL;
    struct setup *setup = calloc(1, sizeof *setup);
    if (entry == NULL || setup == NULL) {
        free(setup);
        for (size_t i = 0; i < call->count; i++) {
            call->host->set(call, i, PH_INVALID, 0, "a setup must be alone in its call");
        }
        call->host->complete(call);
        return;
    }
    setup->call = call;
    setup->config = entry->config;
    buffer_init(&setup->body, BODY_MAX);
    setup->client = aws_client_new(call->host, &setup->config->aws, NULL);
    setup->again = event_new(call->host->base, -1, 0, on_again, setup);
    if (setup->client == NULL || setup->again == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    ask(setup, "DescribeTable", table_looked, "");
}
