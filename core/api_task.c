// SPDX-License-Identifier: Apache-2.0
//
// See api_task.h.
#include "core/api_task.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_outcome.h"
#include "core/api_trace.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/problem.h"
#include "core/routes.h"
#include "core/uuid.h"
#include "core/xalloc.h"

#define TASK_MAGIC 0x7461736bu
#define TASK_ARENA_MAX (16u * 1024 * 1024)
#define HEADERS_MAX 8

static const struct http_header standard[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Cache-Control", "no-store"},
};
#define STANDARD_COUNT (sizeof standard / sizeof standard[0])

struct task *task_new(struct api *api, struct api_loop *loop, struct http_request *request, const struct route *route)
{
    struct task *task = xcalloc(1, sizeof *task);
    task->magic = TASK_MAGIC;
    atomic_init(&task->holds, 1);
    task->api = api;
    task->loop = loop;
    task->request = request;
    task->route = route;
    return task;
}

void task_hold(struct task *task)
{
    atomic_fetch_add_explicit(&task->holds, 1, memory_order_relaxed);
}

void task_drop(struct task *task)
{
    assert(task->magic == TASK_MAGIC);
    if (atomic_fetch_sub_explicit(&task->holds, 1, memory_order_acq_rel) == 1) {
        task->magic = 0;
        json_decref(task->body);
        arena_free(task->arena);
        free(task);
    }
}

void *task_alloc(struct task *task, size_t size)
{
    if (task->arena == NULL) {
        task->arena = arena_new(TASK_ARENA_MAX);
    }
    void *memory = task->arena != NULL ? arena_alloc(task->arena, size) : NULL;
    if (memory == NULL) {
        abort(); // a request is bounded well below the ceiling
    }
    return memory;
}

struct ph_text task_text(struct task *task, const char *bytes, size_t length)
{
    char *copy = task_alloc(task, length + 1);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return (struct ph_text){copy, length};
}

int64_t task_now(const struct task *task)
{
    return clock_wall_ms(api_settings(task->api)->clock);
}

// -------------------------------------------------------------------------------------------------------- calls

static void call_release(struct exchange_call *exchange_call)
{
    struct api_call *call = (struct api_call *)exchange_call;
    struct task *task = call->task;
    free(call);
    task_drop(task);
}

static void call_done(struct exchange_call *exchange_call)
{
    struct api_call *call = (struct api_call *)exchange_call;
    call->done(call->task, call);
    exchange_end(exchange_call);
}

struct api_call *task_call(struct task *task, uint32_t operation, size_t entry_size, void **entry_r)
{
    const size_t head = (sizeof(struct api_call) + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct api_call *call = xcalloc(1, head + entry_size);
    call->task = task;
    call->call.operation = operation;
    call->call.done = call_done;
    call->call.release = call_release;
    if (entry_size > 0) {
        call->call.entry = (char *)call + head;
        *entry_r = (char *)call + head;
    }
    return call;
}

void task_submit(struct api_call *call, api_call_f *done)
{
    call->done = done;
    task_hold(call->task);
    call->call.trace = api_trace(call->task);
    exchange_submit(call->task->loop->port, &call->call);
}

// ------------------------------------------------------------------------------------------------------ answers

static struct http_request *task_take_request(struct task *task)
{
    struct http_request *request = task->request;
    task->request = NULL;
    return request;
}

static size_t headers_join(struct http_header joined_r[HEADERS_MAX], const struct http_header *headers, size_t count,
                           const char *content_type)
{
    size_t total = 0;
    assert(count + STANDARD_COUNT + 1 <= HEADERS_MAX);
    if (content_type != NULL) {
        joined_r[total++] = (struct http_header){"Content-Type", content_type};
    }
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        joined_r[total++] = standard[i];
    }
    for (size_t i = 0; i < count; i++) {
        joined_r[total++] = headers[i];
    }
    return total;
}

void task_answer_text(struct task *task, int status, const char *json, size_t length, const struct http_header *headers,
                      size_t count)
{
    struct http_header joined[HEADERS_MAX];
    struct http_request *request = task_take_request(task);
    if (request == NULL) {
        return;
    }
    const size_t total = headers_join(joined, headers, count, "application/json");
    http_respond(request, status, joined, total, json, length);
    task_drop(task);
}

static void body_release(void *context, const void *body, size_t length)
{
    (void)context;
    (void)length;
    free((void *)body);
}

void task_answer_as(struct task *task, int status, const char *content_type, struct buffer *buffer,
                    const struct http_header *headers, size_t count)
{
    struct http_header joined[HEADERS_MAX];
    size_t length;
    char *body = buffer_detach(buffer, &length);
    if (body == NULL) {
        task_problem(task, 500, NULL, "The answer was too large to be built.");
        return;
    }
    struct http_request *request = task_take_request(task);
    if (request == NULL) {
        free(body);
        return;
    }
    const size_t total = headers_join(joined, headers, count, content_type);
    http_respond_taking(request, status, joined, total, body, length, body_release, NULL);
    task_drop(task);
}

void task_answer(struct task *task, int status, struct buffer *json, const struct http_header *headers, size_t count)
{
    task_answer_as(task, status, "application/json", json, headers, count);
}

void task_answer_empty(struct task *task, int status, const struct http_header *headers, size_t count)
{
    struct http_header joined[HEADERS_MAX];
    struct http_request *request = task_take_request(task);
    if (request != NULL) {
        http_respond(request, status, joined, headers_join(joined, headers, count, NULL), NULL, 0);
        task_drop(task);
    }
}

static void answer_problem(struct task *task, const struct problem *problem, const struct http_header *headers,
                           size_t count)
{
    struct http_header joined[HEADERS_MAX];
    struct http_request *request = task_take_request(task);
    if (request != NULL) {
        http_respond_problem(request, problem, joined, headers_join(joined, headers, count, NULL));
        task_drop(task);
    }
}

void task_problem(struct task *task, int status, const char *type, const char *format, ...)
{
    char detail[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    const struct problem problem = {.status = status, .type = type, .detail = detail};
    if (status == 401) {
        const struct http_header challenge = {"WWW-Authenticate", "Bearer realm=\"posthouse\""};
        answer_problem(task, &problem, &challenge, 1);
    } else {
        answer_problem(task, &problem, NULL, 0);
    }
}

void task_invalid(struct task *task, const struct json_errors *errors)
{
    struct problem_error list[JSON_ERRORS_MAX];
    for (size_t i = 0; i < errors->count; i++) {
        list[i] = (struct problem_error){errors->entries[i].pointer, errors->entries[i].detail};
    }
    const struct problem problem = {
        .status = 422,
        .type = "invalid",
        .title = "Invalid input",
        .detail = "Some values of the request cannot be taken; each is named in errors. Nothing was changed.",
        .errors = list,
        .error_count = errors->count,
    };
    answer_problem(task, &problem, NULL, 0);
}

void task_invalid_one(struct task *task, const char *pointer, const char *format, ...)
{
    char detail[JSON_DETAIL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    const struct problem_error error = {pointer, detail};
    const struct problem problem = {.status = 422,
                                    .type = "invalid",
                                    .title = "Invalid input",
                                    .detail = "A value of the request cannot be taken. Nothing was changed.",
                                    .errors = &error,
                                    .error_count = 1};
    answer_problem(task, &problem, NULL, 0);
}

void task_retry_after(struct task *task, int status, const char *type, uint32_t seconds, const char *detail)
{
    char value[16];
    snprintf(value, sizeof value, "%u", seconds > 0 ? seconds : 1);
    const struct http_header header = {"Retry-After", value};
    const struct problem problem = {.status = status, .type = type, .detail = detail};
    answer_problem(task, &problem, &header, 1);
}

void task_failed(struct task *task, const struct exchange_call *call, const char *what)
{
    const struct api_outcome outcome = api_outcome_of(call);
    char detail[512];
    if (task->request != NULL) {
        const struct log_context context = {.request_id = http_request_id(task->request)};
        log_debug(&context, what, log_int("outcome", call->outcome), log_text("reason", call->text));
    }
    snprintf(detail, sizeof detail, "%s: %s", what, outcome.advice);
    if (outcome.retry_after_s > 0) {
        task_retry_after(task, outcome.status, outcome.type, outcome.retry_after_s, detail);
    } else {
        task_problem(task, outcome.status, outcome.type, "%s", detail);
    }
}

json_t *task_failed_json(struct task *task, const struct exchange_call *call, const char *what)
{
    const struct api_outcome outcome = api_outcome_of(call);
    char detail[512];
    snprintf(detail, sizeof detail, "%s: %s", what, outcome.advice);
    const struct problem problem = {.status = outcome.status,
                                    .type = outcome.type,
                                    .detail = detail,
                                    .request_id = task->request != NULL ? http_request_id(task->request) : NULL};
    return problem_json(&problem);
}

// ------------------------------------------------------------------------------------------------------- input

const char *task_parameter(const struct task *task, const char *name)
{
    for (size_t i = 0; i < http_parameter_count(task->request); i++) {
        const struct http_parameter parameter = http_parameter(task->request, i);
        if (strcmp(parameter.name, name) == 0) {
            return parameter.value;
        }
    }
    return NULL;
}

bool task_number(struct task *task, const char *name, uint32_t minimum, uint32_t maximum, uint32_t *value_r)
{
    const char *text = task_parameter(task, name);
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < minimum || value > maximum) {
        task_invalid_one(task, "", "The parameter %s must be a whole number from %u to %u.", name, minimum, maximum);
        return false;
    }
    *value_r = (uint32_t)value;
    return true;
}

bool task_path_id(struct task *task, size_t segment, struct ph_id *id_r)
{
    struct uuid uuid;
    const char *text = http_segment(task->request, segment);
    if (!uuid_parse(text, strlen(text), &uuid)) {
        task_problem(task, 404, "not-found", "There is no such message.");
        return false;
    }
    memcpy(id_r->bytes, uuid.bytes, sizeof id_r->bytes);
    return true;
}

bool task_fields(struct task *task, const struct json_field *fields, size_t count, void *target)
{
    struct json_errors errors;
    json_errors_init(&errors);
    if (json_fields_read(task->body, "", fields, count, target, &errors)) {
        return true;
    }
    task_invalid(task, &errors);
    return false;
}
