// SPDX-License-Identifier: Apache-2.0
//
// POST /v1/messages/batch: up to 100 messages, each accepted or refused by itself. The answer comes when all have settled,
// with a result for each in their order. The messages join the same group commits as single ones.
#include <stdlib.h>
#include <string.h>

#include "core/api_append.h"
#include "core/api_handlers.h"
#include "core/api_task.h"
#include "core/api_trace.h"
#include "core/message_input.h"
#include "core/problem.h"

#define BATCH_MAX 100

struct batch_fields {
    const json_t *messages;
};

static const struct json_field table[] = {
    JSON_FIELD(struct batch_fields, messages, JSON_FIELD_ARRAY, JSON_FIELD_REQUIRED, 1, BATCH_MAX),
};

struct result {
    bool accepted;
    struct ph_accepted value;
    json_t *problem;
};

struct batch {
    const json_t *messages;
    size_t count;
    size_t open;
    struct result *results;
};

static void batch_answer(struct task *task)
{
    struct batch *batch = task->data;
    struct buffer json;
    buffer_init(&json, API_BODY_MAX);
    buffer_text(&json, "{\"results\":[");
    for (size_t i = 0; i < batch->count; i++) {
        struct result *result = &batch->results[i];
        if (i > 0) {
            buffer_byte(&json, ',');
        }
        if (result->accepted) {
            api_append_result(&json, &result->value);
            continue;
        }
        char *text = json_dumps(result->problem, JSON_COMPACT);
        buffer_text(&json, "{\"error\":");
        buffer_text(&json, text != NULL ? text : "{}");
        buffer_byte(&json, '}');
        free(text);
        json_decref(result->problem);
    }
    buffer_text(&json, "]}");
    task_answer(task, 200, &json, NULL, 0);
}

static json_t *invalid_problem(const struct task *task, const struct json_errors *errors)
{
    struct problem_error list[JSON_ERRORS_MAX];
    for (size_t i = 0; i < errors->count; i++) {
        list[i] = (struct problem_error){errors->entries[i].pointer, errors->entries[i].detail};
    }
    const struct problem problem = {.status = 422,
                                    .type = "invalid",
                                    .title = "Invalid input",
                                    .detail = "This message cannot be taken. It was not sent.",
                                    .request_id = http_request_id(task->request),
                                    .errors = list,
                                    .error_count = errors->count};
    return problem_json(&problem);
}

static json_t *unknown_problem(const struct task *task, const struct batch *batch, size_t index,
                               const struct ph_accepted *accepted)
{
    struct json_errors errors;
    char pointer[JSON_POINTER_SIZE];
    json_errors_init(&errors);
    json_pointer_index(pointer, sizeof pointer, "/messages", index);
    if (api_append_sender_gone(task, accepted)) {
        json_errors_add(&errors, pointer, "The user of this session is gone.");
    } else {
        api_append_unknown(json_array_get(batch->messages, index), pointer, accepted, &errors);
    }
    return invalid_problem(task, &errors);
}

static json_t *reused_problem(const struct task *task)
{
    const struct problem problem = {.status = 422,
                                    .type = "idempotency-key-reused",
                                    .detail = "This idempotency_key was used for another message. It was not sent.",
                                    .request_id = http_request_id(task->request)};
    return problem_json(&problem);
}

static void message_done(struct task *task, struct api_call *call)
{
    struct batch *batch = task->data;
    struct result *result = &batch->results[call->index];
    const struct ph_accepted *accepted = call->call.output;
    result->accepted = call->call.outcome == PH_OK || call->call.outcome == PH_DUPLICATE;
    if (result->accepted) {
        result->value = (struct ph_accepted){.id = accepted->id, .accepted_at = accepted->accepted_at};
    } else if (call->call.outcome == PH_NOT_FOUND) {
        result->problem = unknown_problem(task, batch, call->index, accepted);
    } else if (call->call.outcome == PH_CONFLICT) {
        result->problem = reused_problem(task);
    } else {
        result->problem = task_failed_json(task, &call->call, "The message could not be accepted");
    }
    if (--batch->open == 0) {
        batch_answer(task);
    }
}

// Reads one message: NULL, with the result filled, if it cannot be taken.
static struct api_call *message_call(struct task *task, size_t index)
{
    struct batch *batch = task->data;
    struct json_errors errors;
    char pointer[JSON_POINTER_SIZE];
    void *entry;
    json_errors_init(&errors);
    json_pointer_index(pointer, sizeof pointer, "/messages", index);
    struct api_call *call = task_call(task, PH_STORAGE_APPEND, sizeof(struct ph_message), &entry);
    call->index = index;
    if (!message_input_read(task, json_array_get(batch->messages, index), pointer, true, NULL, entry, &errors)) {
        batch->results[index].problem = invalid_problem(task, &errors);
        free(call);
        return NULL;
    }
    return call;
}

void api_message_batch(struct task *task)
{
    struct batch_fields fields = {0};
    struct api_call *calls[BATCH_MAX];
    if (http_header(task->request, "Idempotency-Key") != NULL) {
        task_problem(task, 400, "bad-request",
                     "A batch takes no Idempotency-Key header: give each message its own idempotency_key.");
        return;
    }
    if (!task_fields(task, table, 1, &fields)) {
        return;
    }
    struct batch *batch = task_alloc(task, sizeof *batch);
    batch->messages = fields.messages;
    batch->count = json_array_size(fields.messages);
    batch->results = task_alloc(task, batch->count * sizeof batch->results[0]);
    task->data = batch;
    api_trace_sent(task, NULL, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        calls[i] = message_call(task, i);
        batch->open += calls[i] != NULL;
    }
    if (batch->open == 0) {
        batch_answer(task);
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (calls[i] != NULL) {
            task_submit(calls[i], message_done);
        }
    }
}
