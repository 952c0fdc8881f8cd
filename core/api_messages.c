// SPDX-License-Identifier: Apache-2.0
//
// POST /v1/messages, GET /v1/messages?box=sent and GET /v1/messages/{id}.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_append.h"
#include "core/api_handlers.h"
#include "core/api_list.h"
#include "core/api_task.h"
#include "core/api_trace.h"
#include "core/document_json.h"
#include "core/json_read.h"
#include "core/message_input.h"
#include "core/message_json.h"
#include "core/uuid.h"

#define META_DEADLINE_MS 500

// --------------------------------------------------------------------------------------------------------- send

void api_append_result(struct buffer *out, const struct ph_accepted *accepted)
{
    buffer_text(out, "{\"id\":");
    message_json_id(out, &accepted->id);
    buffer_text(out, ",\"status\":\"accepted\",\"accepted_at\":");
    message_json_time(out, accepted->accepted_at);
    buffer_byte(out, '}');
}

bool api_append_sender_gone(const struct task *task, const struct ph_accepted *accepted)
{
    const size_t length = strlen(task->session.user);
    for (size_t i = 0; i < accepted->unknown_count; i++) {
        if (accepted->unknown[i].length == length &&
            memcmp(accepted->unknown[i].bytes, task->session.user, length) == 0) {
            return true;
        }
    }
    return false;
}

void api_append_unknown(const json_t *object, const char *pointer, const struct ph_accepted *accepted,
                        struct json_errors *errors)
{
    char place[JSON_POINTER_SIZE];
    for (size_t i = 0; i < accepted->unknown_count; i++) {
        message_input_recipient(object, pointer, accepted->unknown[i], place);
        json_errors_add(errors, place, "There is no user %.*s.", (int)accepted->unknown[i].length,
                        accepted->unknown[i].bytes);
    }
}

static void send_answer(struct task *task, const struct ph_accepted *accepted, bool replayed)
{
    char location[16 + UUID_TEXT_SIZE] = "/v1/messages/";
    char bytes[160];
    struct uuid uuid;
    struct buffer json;
    memcpy(uuid.bytes, accepted->id.bytes, sizeof uuid.bytes);
    uuid_format(&uuid, location + strlen(location));
    api_trace_sent(task, &accepted->id, 1);
    const struct http_header headers[] = {{"Location", location}, {"Idempotent-Replayed", "true"}};
    buffer_init(&json, sizeof bytes);
    api_append_result(&json, accepted);
    task_answer(task, 202, &json, headers, replayed ? 2 : 1);
}

static void send_unknown(struct task *task, const struct ph_accepted *accepted)
{
    struct json_errors errors;
    if (api_append_sender_gone(task, accepted)) {
        task_problem(task, 401, "unauthorized", "The user of this session is gone.");
        return;
    }
    json_errors_init(&errors);
    api_append_unknown(task->body, "", accepted, &errors);
    task_invalid(task, &errors);
}

static void send_done(struct task *task, struct api_call *call)
{
    const struct ph_accepted *accepted = call->call.output;
    switch (call->call.outcome) {
    case PH_OK:
    case PH_DUPLICATE:
        send_answer(task, accepted, call->call.outcome == PH_DUPLICATE);
        break;
    case PH_NOT_FOUND:
        send_unknown(task, accepted);
        break;
    case PH_CONFLICT:
        task_problem(task, 422, "idempotency-key-reused",
                     "This Idempotency-Key was used for another message. Nothing was sent; use a fresh key.");
        break;
    default:
        task_failed(task, &call->call, "The message could not be accepted");
    }
}

void api_message_send(struct task *task)
{
    struct json_errors errors;
    void *entry;
    const char *key = http_header(task->request, "Idempotency-Key");
    if (key != NULL &&
        (http_header_count(task->request, "Idempotency-Key") > 1 || !message_input_key(key, strlen(key)))) {
        task_problem(task, 400, "bad-request",
                     "Idempotency-Key must occur once, with 1 to 128 visible ASCII characters.");
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_APPEND, sizeof(struct ph_message), &entry);
    json_errors_init(&errors);
    if (!message_input_read(task, task->body, "", false, key, entry, &errors)) {
        free(call);
        task_invalid(task, &errors);
        return;
    }
    task_submit(call, send_done);
}

// ------------------------------------------------------------------------------------------------- list of sent

static void sent_item(struct buffer *out, const struct ph_record *record)
{
    message_json_open(out, record);
    buffer_byte(out, '}');
}

void api_message_list(struct task *task)
{
    const char *box = task_parameter(task, "box");
    if (box == NULL || strcmp(box, "sent") != 0) {
        task_invalid_one(task, "", "The parameter box must be \"sent\"; what was received is in /v1/inbox.");
        return;
    }
    static const struct api_list list = {.list = CURSOR_SENT,
                                         .operation = PH_STORAGE_SENT_READ,
                                         .member = "messages",
                                         .item = sent_item,
                                         .what = "The list could not be read"};
    api_list_answer(task, &list, task->session.user);
}

// ---------------------------------------------------------------------------------------------------- one message

struct showing {
    struct buffer json; // all but the timeline
    struct buffer own;  // the timeline as storage tells it
    bool finished;
};

static void show_answer(struct task *task, const char *timeline, size_t length, bool partial)
{
    struct showing *showing = task->data;
    buffer_text(&showing->json, ",\"timeline\":");
    buffer_append(&showing->json, timeline, length);
    buffer_text(&showing->json, partial ? ",\"partial\":true}" : "}");
    buffer_free(&showing->own);
    task_answer(task, 200, &showing->json, NULL, 0);
}

// The timeline of a document, as text to be freed; NULL if there is none in it.
static char *timeline_of(struct ph_text document)
{
    json_t *json = json_read(document.bytes, document.length, 0, NULL);
    const json_t *timeline = json_object_get(json, "timeline");
    char *text = json_is_array(timeline) ? json_dumps(timeline, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static void document_got(struct task *task, struct api_call *call)
{
    struct showing *showing = task->data;
    const struct ph_document_found *found = call->call.output;
    char *timeline = call->call.outcome == PH_OK ? timeline_of(found->json) : NULL;
    if (timeline != NULL) {
        show_answer(task, timeline, strlen(timeline), false);
        free(timeline);
    } else {
        show_answer(task, showing->own.data, showing->own.length, true);
    }
}

static void message_got(struct task *task, struct api_call *call)
{
    const struct ph_found *found = call->call.output;
    void *entry;
    if (call->call.outcome == PH_NOT_FOUND) {
        task_problem(task, 404, "not-found", "There is no such message for you.");
        return;
    }
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The message could not be read");
        return;
    }
    struct showing *showing = task_alloc(task, sizeof *showing);
    task->data = showing;
    buffer_init(&showing->json, API_BODY_MAX);
    buffer_init(&showing->own, API_BODY_MAX);
    message_json_open(&showing->json, found->record);
    document_json_timeline(&showing->own, found->record);
    if (found->record->status == PH_STATE_ACCEPTED) { // its document comes when it has ended
        show_answer(task, showing->own.data, showing->own.length, false);
        return;
    }
    struct api_call *next = task_call(task, PH_META_GET, sizeof(struct ph_document_id), &entry);
    ((struct ph_document_id *)entry)->id = found->record->id;
    next->call.deadline_ms = META_DEADLINE_MS;
    task_submit(next, document_got);
}

void api_message_show(struct task *task)
{
    struct ph_id id;
    void *entry;
    if (!task_path_id(task, 2, &id)) {
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_MESSAGE_GET, sizeof(struct ph_pick), &entry);
    *(struct ph_pick *)entry = (struct ph_pick){.user = {task->session.user, strlen(task->session.user)}, .id = id};
    task_submit(call, message_got);
}
