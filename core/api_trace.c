// SPDX-License-Identifier: Apache-2.0
//
// See core/api_trace.h. A path is told by its route: its variable parts name users and messages.
#include "core/api_trace.h"

#include <stdio.h>
#include <string.h>

#include "core/api_task.h"
#include "core/http_server.h"
#include "core/routes.h"
#include "core/tracing.h"

void api_trace_begin(struct task *task)
{
    const struct http_request *request = task->request;
    const struct route *route = task->route;
    const char *text = http_traceparent(request);
    struct traceparent parent;
    if (!tracing_samples(api_settings(task->api)->tracing, text)) {
        return;
    }
    const bool child = text != NULL && traceparent_parse(text, strlen(text), &parent);
    task->span = task_alloc(task, sizeof *task->span);
    span_begin(task->span, SPAN_SERVER, route->label, child ? &parent : NULL, (uint64_t)http_started_ns(request));
    span_text(task->span, "http.request.method", http_method_text(http_method(request)));
    span_text(task->span, "http.route", route->path);
    span_text(task->span, "url.path", route->path);
    span_text(task->span, "url.scheme", http_is_secure(request) ? "https" : "http");
}

void api_trace_end(struct task *task, const struct http_answer *answer)
{
    static const uint8_t none[SPAN_ID_BYTES];
    struct span *span = task->span;
    // A long poll tells how long nothing came: it begins no trace by itself.
    if (answer->route == routes_wait_label && memcmp(span->parent, none, sizeof none) == 0) {
        return;
    }
    span_number(span, "http.response.status_code", answer->status);
    if (answer->status >= 500) {
        char status[SPAN_ERROR_SIZE];
        snprintf(status, sizeof status, "%d", answer->status);
        span_fail(span, status);
    }
    tracing_end_at(api_settings(task->api)->tracing, span, span->start_ns + (uint64_t)answer->duration_ns);
}

void api_trace_sent(struct task *task, const struct ph_id *id, size_t count)
{
    struct span *span = task->span;
    if (span == NULL) {
        return;
    }
    span_text(span, TRACING_SYSTEM);
    span_text(span, TRACING_OPERATION_TYPE, "send");
    if (id != NULL) {
        span_message(span, id);
    } else {
        span_number(span, TRACING_BATCH, (int64_t)count);
    }
}

struct ph_text api_trace(struct task *task)
{
    if (task->trace.length > 0) {
        return task->trace;
    }
    const char *sent = task->request != NULL ? http_traceparent(task->request) : NULL;
    if (task->span != NULL) {
        task->trace = (struct ph_text){task->span->text, TRACEPARENT_LENGTH};
    } else if (sent != NULL) {
        task->trace = task_text(task, sent, strlen(sent));
    }
    return task->trace;
}
