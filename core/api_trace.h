// SPDX-License-Identifier: Apache-2.0
//
// The span of an API request, from its first byte to its answer, and the context of what is done for it.
#ifndef CORE_API_TRACE_H
#define CORE_API_TRACE_H

#include "posthouse/plugin.h"

struct http_answer;
struct task;

/// Begins the request's span, if its trace is recorded. Tracing is on; the task has a route.
void api_trace_begin(struct task *task);

/// Ends it; the task has one.
void api_trace_end(struct task *task, const struct http_answer *answer);

/// The request sends messages: `count` of them, or one with that id. Nothing without a span.
void api_trace_sent(struct task *task, const struct ph_id *id, size_t count);

/// The traceparent for what is done for a task: its own span's, else what the client sent, else empty. Lives as long as the
/// task. Before the request is answered, the first time.
struct ph_text api_trace(struct task *task);

#endif
