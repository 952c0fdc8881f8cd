// SPDX-License-Identifier: Apache-2.0
//
// What plugins get from the daemon: the services behind struct ph_host, over the base modules.
//
// One host an exchange loop. It owns what all instances share: the queue of completions, the heap of timers,
// the HTTP client. Everything is called on the loop's thread unless it says otherwise.
#ifndef CORE_HOST_H
#define CORE_HOST_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct deferred_queue;
struct event_base;
struct instance;
struct log_context;
struct metrics;
struct offload;
struct timers;

/// Fetches an option of a section anew (see ph_host.resolve). `done` must run once, later, on the loop, with
/// NULL when it failed; the value is valid during it.
typedef void host_resolve_f(void *context, const char *section, const char *option,
                            void (*done)(void *done_context, const char *value), void *done_context);

/// An inbox may have grown. On the loop.
typedef void host_hint_f(void *context, struct ph_text user);

/// A plugin broke a rule of the boundary; `text` says which, with plugin and operation. It is logged as well.
typedef void host_misuse_f(void *context, const char *text);

struct host_settings {
    struct event_base *base;   ///< the exchange loop's
    const struct clock *clock; ///< NULL: the system's
    struct metrics *metrics;   ///< NULL: none are kept
    struct offload *offload;   ///< NULL: offload always refuses
    uint64_t seed;             ///< of jitter and of ph_host.random; 0: from the kernel
    host_resolve_f *resolve;   ///< NULL: always fails
    void *resolve_context;
    host_hint_f *hint; ///< NULL: hints are dropped
    void *hint_context;
    host_misuse_f *misuse; ///< NULL: only logged
    void *misuse_context;
};

struct host;

/// Makes the services. NULL when the system gives no descriptor or no HTTP client.
struct host *host_new(const struct host_settings *settings) __attribute__((warn_unused_result));

/// Frees it. Every backend and instance must be closed; those in quarantine are left where they are.
void host_free(struct host *host);

const struct host_settings *host_settings(const struct host *host);
struct deferred_queue *host_deferred(struct host *host);
struct timers *host_timers(struct host *host);
uint64_t host_now_ns(const struct host *host);

/// A number below `limit` for jitter: from the seed in tests.
uint64_t host_random_below(struct host *host, uint64_t limit);

/// Fills the services of one instance; `ph_host.context` is `instance`.
void host_bind(struct host *host, struct ph_host *services, struct instance *instance, const char *section);

/// Bytes of a trace id, its NUL included.
#define HOST_TRACE_SIZE 33

/// The trace id in a traceparent, written to `out`; NULL when there is none.
const char *host_trace_id(struct ph_text traceparent, char out[HOST_TRACE_SIZE]);

/// Logs and reports a broken rule. `context` may be NULL.
void host_misuse(struct host *host, const struct log_context *context, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
