// SPDX-License-Identifier: Apache-2.0
//
// See table.h.
#include "plugins/meta-dynamodb/table.h"

#include "plugins/meta-dynamodb/answer.h"
#include "plugins/meta-dynamodb/request.h"
#include <stdio.h>
#include <string.h>

#define BODY_MAX ((size_t)8 << 10)
#define RESPONSE_LIMIT ((size_t)1 << 20)
#define TEXT_SIZE 512
// A put that went well so lately is proof enough for health.
#define PROOF_MS 60000

void table_ask(struct dynamodb *dynamodb, struct ph_call *call, aws_ask_done_f *done)
{
    struct buffer body;
    const struct aws_request request = {
        .service = &DYNAMODB_SERVICE, .operation = "DescribeTable", .response_limit = RESPONSE_LIMIT};
    buffer_init(&body, BODY_MAX);
    request_table(&body, dynamodb->config->table);
    aws_ask(&dynamodb->asks, dynamodb->client, &request, &body, call, done, dynamodb);
}

static enum ph_outcome say(struct ph_call *call, struct aws_answer *answer, enum ph_outcome outcome, const char *first,
                           const char *table, const char *last)
{
    char *text = call->host->alloc(call, TEXT_SIZE);
    if (text != NULL) {
        snprintf(text, TEXT_SIZE, "%s%.255s%s", first, table, last);
    }
    *answer = (struct aws_answer){.outcome = outcome, .code = "", .text = text != NULL ? text : first};
    return outcome;
}

enum ph_outcome table_judge(const struct dynamodb *dynamodb, struct ph_call *call, struct aws_answer *answer)
{
    const char *name = dynamodb->config->table;
    struct answer_table table;
    if (answer->outcome == PH_NOT_FOUND) {
        return say(call, answer, PH_UNAVAILABLE, "the table ", name,
                   " does not exist; make it with Terraform, or with posthouse setup for local use");
    }
    if (answer->outcome != PH_OK) {
        return answer->outcome;
    }
    if (!answer_table(answer->json, &table)) {
        return say(call, answer, PH_TRANSIENT, "the answer for table ", name, " is not that of DescribeTable");
    }
    if (!table.fits) {
        return say(call, answer, PH_INVALID, "the key of table ", name,
                   " is not `id`, a string, alone: the plugin needs a table of its own");
    }
    // While it is updated, and while its backup is made, it works.
    if (strcmp(table.status, "ACTIVE") != 0 && strcmp(table.status, "UPDATING") != 0) {
        return say(call, answer, PH_UNAVAILABLE, "the table ", name,
                   " cannot be used now: it is being made or deleted");
    }
    return PH_OK;
}

static void set_detail(struct dynamodb *dynamodb, struct ph_call *call)
{
    const char *detail = aws_client_health(dynamodb->client, call);
    for (size_t i = 0; i < call->count; i++) {
        ((struct ph_health *)call->outputs[i])->detail = detail;
    }
}

static void health_done(void *owner, struct ph_call *call, const struct aws_answer *answer)
{
    struct dynamodb *dynamodb = dynamodb_from(owner);
    struct aws_answer judged = *answer;
    table_judge(dynamodb, call, &judged);
    set_detail(dynamodb, call);
    aws_ask_end(call, &judged);
}

void table_health(void *instance, struct ph_call *call)
{
    struct dynamodb *dynamodb = dynamodb_from(instance);
    if (dynamodb->proved_at != 0 && dynamodb_now(dynamodb) - dynamodb->proved_at < PROOF_MS) {
        const struct aws_answer well = {.outcome = PH_OK};
        set_detail(dynamodb, call);
        aws_ask_end(call, &well);
        return;
    }
    table_ask(dynamodb, call, health_done);
}
