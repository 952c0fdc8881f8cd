// SPDX-License-Identifier: Apache-2.0
//
// The operators' calls: GET /v1/admin/backends, /v1/admin/queue, /v1/admin/dead-letters, and
// POST /v1/admin/dead-letters/redrive.
#include <string.h>

#include "core/api_handlers.h"
#include "core/api_list.h"
#include "core/api_task.h"
#include "core/message_json.h"

#define REDRIVE_IDS_MAX 1000
#define REDRIVE_PAGE 100

// ----------------------------------------------------------------------------------------------------- backends

static void write_member(struct buffer *out, const char *name, const char *value)
{
    buffer_printf(out, "\"%s\":", name);
    buffer_json_string(out, value, strlen(value));
    buffer_byte(out, ',');
}

static void write_backend(struct buffer *out, const struct exchange_backend *backend)
{
    buffer_byte(out, '{');
    write_member(out, "kind", backend->kind);
    write_member(out, "plugin", backend->plugin);
    write_member(out, "version", backend->version);
    write_member(out, "state", backend->state);
    buffer_text(out, "\"since\":");
    message_json_time(out, backend->since_ms);
    buffer_byte(out, ',');
    write_member(out, "detail", backend->detail);
    write_member(out, "backend_version", backend->backend_version);
    buffer_printf(out, "\"usable\":%s,\"faults\":%s,\"under_way\":%llu}", backend->usable ? "true" : "false",
                  backend->faults ? "true" : "false", (unsigned long long)backend->under_way);
}

void api_admin_backends(struct task *task)
{
    struct exchange_snapshot snapshot;
    struct buffer json;
    exchange_snapshot(api_settings(task->api)->exchange, &snapshot);
    buffer_init(&json, API_BODY_MAX);
    buffer_text(&json, "{\"backends\":[");
    for (size_t i = 0; i < snapshot.count; i++) {
        if (i > 0) {
            buffer_byte(&json, ',');
        }
        write_backend(&json, &snapshot.backends[i]);
    }
    buffer_text(&json, "]}");
    task_answer(task, 200, &json, NULL, 0);
}

// -------------------------------------------------------------------------------------------------------- queue

struct counting {
    struct ph_storage_stats storage;
    struct ph_queue_stats queue;
    size_t open;
    bool storage_known;
};

static void write_count(struct buffer *out, int64_t count)
{
    if (count < 0) {
        buffer_text(out, "null");
    } else {
        buffer_signed(out, count);
    }
}

static void count_answer(struct task *task)
{
    const struct counting *counting = task->data;
    struct buffer json;
    buffer_init(&json, 1024);
    buffer_text(&json, "{\"waiting\":");
    write_count(&json, counting->queue.waiting);
    buffer_text(&json, ",\"in_flight\":");
    write_count(&json, counting->queue.in_flight);
    buffer_text(&json, ",\"outbox\":{\"waiting\":");
    write_count(&json, counting->storage_known ? (int64_t)counting->storage.outbox_waiting : -1);
    buffer_text(&json, ",\"oldest_ms\":");
    write_count(&json, counting->storage_known ? counting->storage.outbox_oldest_ms : -1);
    buffer_text(&json, "},\"dead\":");
    write_count(&json, counting->storage_known ? (int64_t)counting->storage.dead : -1);
    buffer_byte(&json, '}');
    task_answer(task, 200, &json, NULL, 0);
}

// A backend that does not answer leaves its counts unknown: the others are worth more just then.
static void counted(struct task *task, struct api_call *call)
{
    struct counting *counting = task->data;
    if (call->call.outcome == PH_OK && call->call.operation == PH_STORAGE_STATS) {
        counting->storage = *(const struct ph_storage_stats *)call->call.output;
        counting->storage_known = true;
    } else if (call->call.outcome == PH_OK) {
        counting->queue = *(const struct ph_queue_stats *)call->call.output;
    }
    if (--counting->open == 0) {
        count_answer(task);
    }
}

void api_admin_queue(struct task *task)
{
    struct counting *counting = task_alloc(task, sizeof *counting);
    counting->queue.waiting = counting->queue.in_flight = -1;
    counting->open = 2;
    task->data = counting;
    struct api_call *storage = task_call(task, PH_STORAGE_STATS, 0, NULL);
    struct api_call *queue = task_call(task, PH_QUEUE_STATS, 0, NULL);
    storage->call.deadline_ms = queue->call.deadline_ms = 2000;
    task_submit(storage, counted);
    task_submit(queue, counted);
}

// ------------------------------------------------------------------------------------------------- dead letters

static void dead_item(struct buffer *out, const struct ph_record *record)
{
    buffer_text(out, "{\"id\":");
    message_json_id(out, &record->id);
    buffer_text(out, ",\"reason\":");
    buffer_json_string(out, record->reason.bytes, record->reason.length);
    buffer_printf(out, ",\"attempts\":%u,\"first_failed_at\":", record->failures);
    message_json_time(out, record->first_failed_at);
    buffer_text(out, ",\"last_failed_at\":");
    message_json_time(out, record->last_failed_at);
    buffer_byte(out, '}');
}

static const struct api_list dead_letters = {.list = CURSOR_DEAD,
                                             .operation = PH_STORAGE_DEAD_READ,
                                             .member = "dead_letters",
                                             .item = dead_item,
                                             .what = "The dead letters could not be read"};

void api_admin_dead_letters(struct task *task)
{
    api_list_answer(task, &dead_letters, "");
}

// ------------------------------------------------------------------------------------------------------ redrive

struct redrive_fields {
    const json_t *ids, *all;
};

static const struct json_field table[] = {
    JSON_FIELD(struct redrive_fields, ids, JSON_FIELD_ARRAY, JSON_FIELD_STRINGS, 1, REDRIVE_IDS_MAX),
    JSON_FIELD(struct redrive_fields, all, JSON_FIELD_BOOLEAN, 0, 0, 0),
};

struct redrive {
    bool all;
    bool failed; // something was answered already
    size_t open;
    uint64_t redriven;
    uint64_t after;
};

static void redrive_page(struct task *task);

static void redrive_answer(struct task *task)
{
    const struct redrive *redrive = task->data;
    struct buffer json;
    buffer_init(&json, 64);
    buffer_printf(&json, "{\"redriven\":%llu}", (unsigned long long)redrive->redriven);
    task_answer(task, 200, &json, NULL, 0);
}

static void redriven(struct task *task, struct api_call *call)
{
    struct redrive *redrive = task->data;
    const uint32_t outcome = call->call.outcome;
    if (outcome == PH_OK || (outcome == PH_NOT_FOUND && call->call.uncertain)) {
        redrive->redriven++;
    } else if (outcome != PH_NOT_FOUND && !redrive->failed) {
        redrive->failed = true;
        task_failed(task, &call->call, "Not all dead letters could be reopened");
    }
    if (--redrive->open > 0 || redrive->failed) {
        return;
    }
    if (redrive->all) {
        redrive_page(task);
    } else {
        redrive_answer(task);
    }
}

static void redrive_one(struct task *task, const struct ph_id *id)
{
    void *entry;
    struct api_call *call = task_call(task, PH_STORAGE_REDRIVE, sizeof(struct ph_pick), &entry);
    ((struct ph_pick *)entry)->id = *id;
    ((struct ph_pick *)entry)->user = (struct ph_text){"", 0};
    task_submit(call, redriven);
}

static void page_got(struct task *task, struct api_call *call)
{
    struct redrive *redrive = task->data;
    const struct ph_page *page = call->call.output;
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, dead_letters.what);
        return;
    }
    if (page->count == 0) {
        redrive_answer(task);
        return;
    }
    redrive->open = page->count;
    redrive->after = page->records[page->count - 1]->position;
    for (size_t i = 0; i < page->count; i++) {
        redrive_one(task, &page->records[i]->id);
    }
}

// The next page of what is dead: what dies again meanwhile gets a higher position, so the pages end only with a storage
// that keeps failing; a client that waits no longer may ask again.
static void redrive_page(struct task *task)
{
    const struct redrive *redrive = task->data;
    void *entry;
    struct api_call *call = task_call(task, PH_STORAGE_DEAD_READ, sizeof(struct ph_read), &entry);
    *(struct ph_read *)entry =
        (struct ph_read){.user = {"", 0}, .after = redrive->after, .limit = REDRIVE_PAGE, .byte_limit = API_LIST_BYTES};
    task_submit(call, page_got);
}

void api_admin_redrive(struct task *task)
{
    struct redrive_fields fields = {0};
    struct ph_id *ids;
    size_t count;
    if (!task_fields(task, table, 2, &fields)) {
        return;
    }
    struct redrive *redrive = task_alloc(task, sizeof *redrive);
    task->data = redrive;
    redrive->all = json_is_true(fields.all);
    if (redrive->all == (fields.ids != NULL)) {
        task_invalid_one(task, "", "Give either ids or \"all\": true.");
        return;
    }
    if (redrive->all) {
        redrive_page(task);
        return;
    }
    if (!api_read_ids(task, fields.ids, &ids, &count)) {
        return;
    }
    redrive->open = count;
    for (size_t i = 0; i < count; i++) {
        redrive_one(task, &ids[i]);
    }
}
