// SPDX-License-Identifier: Apache-2.0
//
// GET /v1/inbox with its long poll, POST /v1/inbox/ack and DELETE /v1/inbox/{id}.
#include <stdlib.h>
#include <string.h>

#include "core/api_handlers.h"
#include "core/api_list.h"
#include "core/api_task.h"
#include "core/message_json.h"
#include "core/routes.h"
#include "core/uuid.h"

#define WAIT_MAX_S 20
#define ACK_MAX 1000

static const struct api_list inbox = {.list = CURSOR_INBOX,
                                      .operation = PH_STORAGE_INBOX_READ,
                                      .member = "messages",
                                      .item = message_json_item,
                                      .what = "The inbox could not be read"};

struct reading {
    struct ph_read read;
    uint32_t wait_s;
    struct api_call *poll; // while it is under way
};

static void inbox_gone(struct task *task)
{
    task_problem(task, 401, "unauthorized", "The user of this session is gone.");
}

static void poll_done(struct task *task, struct api_call *call)
{
    struct reading *reading = task->data;
    reading->poll = NULL;
    if (call->call.outcome == PH_OK) {
        api_list_page(task, &inbox, task->session.user, call->call.output, reading->read.after);
    } else if (call->call.outcome == PH_NOT_FOUND) {
        inbox_gone(task);
    } else {
        task_failed(task, &call->call, inbox.what);
    }
}

// The client has left: the poll need not wait any more. A half-close is no reason: it may still read.
static void client_gone(void *context, struct http_request *request, enum http_gone gone)
{
    struct reading *reading = ((struct task *)context)->data;
    (void)request;
    if (gone == HTTP_GONE_LOST && reading->poll != NULL) {
        exchange_cancel(&reading->poll->call);
    }
}

static void inbox_read(struct task *task)
{
    struct reading *reading = task->data;
    void *entry;
    const bool waits = reading->wait_s > 0;
    struct api_call *call = task_call(task, waits ? (uint32_t)EXCHANGE_POLL : (uint32_t)PH_STORAGE_INBOX_READ,
                                      sizeof(struct exchange_poll), &entry);
    struct exchange_poll *poll = entry; // its first member is what a plain read takes
    poll->read = reading->read;
    poll->wait_ms = reading->wait_s * 1000;
    if (waits) {
        reading->poll = call;
        http_set_route(task->request, routes_wait_label);
        http_on_gone(task->request, client_gone, task);
    }
    task_submit(call, poll_done);
}

static void head_got(struct task *task, struct api_call *call)
{
    struct reading *reading = task->data;
    const struct ph_head_position *position = call->call.output;
    if (call->call.outcome == PH_NOT_FOUND) {
        inbox_gone(task);
    } else if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, inbox.what);
    } else {
        reading->read.after = position->head;
        inbox_read(task);
    }
}

void api_inbox_list(struct task *task)
{
    struct reading *reading = task_alloc(task, sizeof *reading);
    bool end;
    void *entry;
    if (!api_list_read(task, CURSOR_INBOX, task->session.user, &reading->read, &end) ||
        !task_number(task, "wait", 0, WAIT_MAX_S, &reading->wait_s)) {
        return;
    }
    task->data = reading;
    if (!end) {
        inbox_read(task);
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_INBOX_HEAD, sizeof(struct ph_head), &entry);
    ((struct ph_head *)entry)->user = reading->read.user;
    task_submit(call, head_got);
}

// ---------------------------------------------------------------------------------------------------------- ack

struct ack_fields {
    const json_t *ids;
};

static const struct json_field ack_table[] = {
    JSON_FIELD(struct ack_fields, ids, JSON_FIELD_ARRAY, JSON_FIELD_REQUIRED | JSON_FIELD_STRINGS, 1, ACK_MAX),
};

static void ack_done(struct task *task, struct api_call *call)
{
    const struct ph_acked *acked = call->call.output;
    struct buffer json;
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The messages could not be acknowledged");
        return;
    }
    buffer_init(&json, 64);
    buffer_printf(&json, "{\"acked\":%llu}", (unsigned long long)acked->acked);
    task_answer(task, 200, &json, NULL, 0);
}

static int id_compare(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct ph_id));
}

bool api_read_ids(struct task *task, const json_t *array, struct ph_id **ids_r, size_t *count_r)
{
    struct json_errors errors;
    char pointer[JSON_POINTER_SIZE];
    const size_t count = json_array_size(array);
    struct ph_id *ids = task_alloc(task, (count + 1) * sizeof ids[0]);
    size_t distinct = 0;
    json_errors_init(&errors);
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(array, i);
        struct uuid uuid;
        if (uuid_parse(json_string_value(text), json_string_length(text), &uuid)) {
            memcpy(ids[i].bytes, uuid.bytes, sizeof ids[i].bytes);
        } else {
            json_pointer_index(pointer, sizeof pointer, "/ids", i);
            json_errors_add(&errors, pointer, "Not a message's id.");
        }
    }
    if (errors.count > 0) {
        task_invalid(task, &errors);
        return false;
    }
    qsort(ids, count, sizeof ids[0], id_compare);
    for (size_t i = 0; i < count; i++) {
        if (distinct == 0 || id_compare(&ids[distinct - 1], &ids[i]) != 0) {
            ids[distinct++] = ids[i];
        }
    }
    *ids_r = ids;
    *count_r = distinct;
    return true;
}

void api_inbox_ack(struct task *task)
{
    struct ack_fields fields = {0};
    struct ph_id *ids;
    size_t count;
    void *entry;
    if (!task_fields(task, ack_table, 1, &fields) || !api_read_ids(task, fields.ids, &ids, &count)) {
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_INBOX_ACK, sizeof(struct ph_ack), &entry);
    *(struct ph_ack *)entry =
        (struct ph_ack){.user = {task->session.user, strlen(task->session.user)}, .ids = ids, .id_count = count};
    task_submit(call, ack_done);
}

// ------------------------------------------------------------------------------------------------------- remove

static void remove_done(struct task *task, struct api_call *call)
{
    const uint32_t outcome = call->call.outcome;
    if (outcome == PH_OK || (outcome == PH_DUPLICATE && call->call.uncertain)) {
        task_answer_empty(task, 204, NULL, 0); // the duplicate may be our own repeat
    } else if (outcome == PH_NOT_FOUND || outcome == PH_DUPLICATE) {
        task_problem(task, 404, "not-found", "There is no such message in your inbox.");
    } else {
        task_failed(task, &call->call, "The message could not be removed");
    }
}

void api_inbox_remove(struct task *task)
{
    struct ph_id id;
    void *entry;
    if (!task_path_id(task, 2, &id)) {
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_INBOX_REMOVE, sizeof(struct ph_pick), &entry);
    *(struct ph_pick *)entry = (struct ph_pick){.user = {task->session.user, strlen(task->session.user)}, .id = id};
    task_submit(call, remove_done);
}
