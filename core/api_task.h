// SPDX-License-Identifier: Apache-2.0
//
// A task is one API request on its way: what was asked, who asks, the calls to the exchange that it makes, and its one
// answer. It is counted: the request holds it until it is answered, each call until the exchange has released its entry.
// What a call's entry points to (the parsed body, the task's arena) therefore lives long enough. Everything is called
// on the request's loop; only the last drop may happen on another thread.
#ifndef CORE_API_TASK_H
#define CORE_API_TASK_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api.h"
#include "core/buffer.h"
#include "core/exchange.h"
#include "core/hash.h"
#include "core/http_request.h"
#include "core/json_fields.h"

struct api_call;
struct arena;
struct route;
struct session_cache;
struct span;

#define API_USER_SIZE 65
#define API_STATUS_CLASSES 6            // 1xx to 5xx, and 0 for none
#define API_BODY_MAX (4u * 1024 * 1024) // of an answer built in one piece
#define API_WORKS_MAX 16                // hashes of passwords at once, in all loops

/// Who asks.
struct api_session {
    char user[API_USER_SIZE];
    uint32_t roles;
    int64_t expires_at;
    uint8_t token_hash[HASH_SHA256_SIZE];
    bool by_cookie;
};

/// What belongs to one HTTP loop.
struct api_loop {
    struct api *api;
    struct exchange_port *port;
    struct metrics_series *(*seconds)[API_STATUS_CLASSES]; ///< by route and class of status; made at first use
    struct metrics_series *refused;
};

struct task {
    uint32_t magic;
    _Atomic int holds;
    struct api *api;
    struct api_loop *loop;
    struct http_request *request; ///< NULL once answered
    const struct route *route;
    struct api_session session;
    json_t *body;         ///< of routes with a body
    struct arena *arena;  ///< made at first use
    void *data;           ///< the handler's own, from the arena
    struct span *span;    ///< of the request, from the arena; NULL: its trace is not recorded
    struct ph_text trace; ///< api_trace() knows
};

typedef void api_call_f(struct task *task, struct api_call *call);

/// One call of a task. The entry follows it in memory.
struct api_call {
    struct exchange_call call;
    struct task *task;
    api_call_f *done;
    size_t index; ///< the handler's own
};

/// A task for a request. Never NULL.
struct task *task_new(struct api *api, struct api_loop *loop, struct http_request *request, const struct route *route);
void task_hold(struct task *task);
void task_drop(struct task *task);

/// Zeroed memory that lives as long as the task; ends the process beyond 16 MiB, which no request can reach.
void *task_alloc(struct task *task, size_t size);
/// A copy with a NUL behind it.
struct ph_text task_text(struct task *task, const char *bytes, size_t length);

/// A call with a zeroed entry of `entry_size` bytes (call->entry, or NULL for 0).
struct api_call *task_call(struct task *task, uint32_t operation, size_t entry_size, void **entry_r);
/// Submits it; `done` runs on the loop, later, and may answer. The outputs are valid inside `done` only.
void task_submit(struct api_call *call, api_call_f *done);

// ---- answers: the first one counts and ends the request; later ones are dropped

/// JSON from a buffer, which is emptied. A buffer that has failed becomes a 500.
void task_answer(struct task *task, int status, struct buffer *json, const struct http_header *headers, size_t count);
/// The same with another content type.
void task_answer_as(struct task *task, int status, const char *content_type, struct buffer *body,
                    const struct http_header *headers, size_t count);
/// JSON from text.
void task_answer_text(struct task *task, int status, const char *json, size_t length, const struct http_header *headers,
                      size_t count);
/// No body.
void task_answer_empty(struct task *task, int status, const struct http_header *headers, size_t count);
/// A problem. `type` may be NULL.
void task_problem(struct task *task, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/// 422 with a list of errors.
void task_invalid(struct task *task, const struct json_errors *errors);
/// 422 with one error.
void task_invalid_one(struct task *task, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/// A problem with Retry-After, in seconds.
void task_retry_after(struct task *task, int status, const char *type, uint32_t seconds, const char *detail);
/// The problem for a call that did not end as the handler wished: 503, 500 … `what` says what was to be done, such as
/// "The message could not be stored". Logs the backend's text.
void task_failed(struct task *task, const struct exchange_call *call, const char *what);

/// The same problem as a JSON object, for the results of a batch.
json_t *task_failed_json(struct task *task, const struct exchange_call *call, const char *what);

/// A query parameter, or NULL. Unknown and repeated ones are refused before a handler runs.
const char *task_parameter(const struct task *task, const char *name);
/// A number parameter within a range; false after a 422.
bool task_number(struct task *task, const char *name, uint32_t minimum, uint32_t maximum, uint32_t *value_r);
/// The message id in the path's segment; false after a 404 (an id that cannot be is not found).
bool task_path_id(struct task *task, size_t segment, struct ph_id *id_r);

/// Reads the body's fields; false after a 422.
bool task_fields(struct task *task, const struct json_field *fields, size_t count, void *target);

struct api_settings;
const struct api_settings *api_settings(const struct api *api);
struct session_cache *api_sessions(struct api *api);
struct http_server *api_server(struct api *api);
/// Takes a place for a hash of a password; false when all are taken. Any thread.
bool api_work_begin(struct api *api);
void api_work_end(struct api *api);

/// The caller's clock, in milliseconds since 1970.
int64_t task_now(const struct task *task);

#endif
