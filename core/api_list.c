// SPDX-License-Identifier: Apache-2.0
//
// See api_list.h.
#include "core/api_list.h"

#include <string.h>

#include "core/api_task.h"

struct listing {
    const struct api_list *list;
    const char *user;
    uint64_t after;
    bool end;
};

bool api_list_read(struct task *task, enum cursor_list list, const char *user, struct ph_read *read_r, bool *end_r)
{
    const char *after = task_parameter(task, "after");
    *read_r = (struct ph_read){.user = {user, strlen(user)}, .limit = API_LIST_LIMIT, .byte_limit = API_LIST_BYTES};
    *end_r = after != NULL && strcmp(after, "end") == 0;
    if (after != NULL && !*end_r && strcmp(after, "start") != 0 && !cursor_read(list, user, after, &read_r->after)) {
        task_invalid_one(task, "", "The parameter after must be a cursor that this list gave, \"start\" or \"end\".");
        return false;
    }
    return task_number(task, "limit", 1, API_LIST_LIMIT_MAX, &read_r->limit);
}

void api_list_page(struct task *task, const struct api_list *list, const char *user, const struct ph_page *page,
                   uint64_t after)
{
    struct buffer json;
    char cursor[CURSOR_SIZE];
    buffer_init(&json, 64u * 1024 * 1024); // a page is bounded by API_LIST_BYTES; JSON escapes grow it by six at most
    buffer_printf(&json, "{\"%s\":[", list->member);
    for (size_t i = 0; i < page->count; i++) {
        if (i > 0) {
            buffer_byte(&json, ',');
        }
        list->item(&json, page->records[i]);
    }
    cursor_write(list->list, user, page->count > 0 ? page->records[page->count - 1]->position : after, cursor);
    buffer_printf(&json, "],\"next\":\"%s\"}", cursor);
    task_answer(task, 200, &json, NULL, 0);
}

static void list_read(struct task *task, struct api_call *call)
{
    const struct listing *listing = task->data;
    const struct ph_page *page = call->call.output;
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, listing->list->what);
        return;
    }
    const struct ph_page nothing = {.count = 0};
    api_list_page(task, listing->list, listing->user, listing->end ? &nothing : page,
                  listing->end ? page->head : listing->after);
}

void api_list_answer(struct task *task, const struct api_list *list, const char *user)
{
    struct listing *listing = task_alloc(task, sizeof *listing);
    struct ph_read read;
    void *entry;
    *listing = (struct listing){.list = list, .user = user};
    if (!api_list_read(task, list->list, user, &read, &listing->end)) {
        return;
    }
    listing->after = read.after;
    if (listing->end) {
        read.after = INT64_MAX; // nothing is above it; the answer tells the head
    }
    task->data = listing;
    struct api_call *call = task_call(task, list->operation, sizeof read, &entry);
    *(struct ph_read *)entry = read;
    task_submit(call, list_read);
}
