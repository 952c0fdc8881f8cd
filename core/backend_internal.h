// SPDX-License-Identifier: Apache-2.0
//
// What the files of the wrapper share. Nobody else includes this.
//
//   backend.c          a backend's life: open, reload, close
//   backend_setup.c    making what is missing, before the open
//   backend_state.c    its state, health calls, what it tells
//   backend_call.c     a call: entries, results, deadline, deliveries
//   backend_admit.c    who may start: breaker, concurrency, the queue before them
//   backend_attempt.c  one plugin call: time-out, injected faults, its end
//   backend_retry.c    what is repeated, and when
//
// A call of the core is split into attempts, each one plugin call of some of its entries. An attempt that the
// wrapper no longer waits for (given up) is taken out of its call's list at once, because the receiver may
// free the call on another thread; it keeps the call's memory by a reference, and its place.
#ifndef CORE_BACKEND_INTERNAL_H
#define CORE_BACKEND_INTERNAL_H

#include "core/backend.h"
#include "core/backend_metrics.h"
#include "core/breaker.h"
#include "core/deferred.h"
#include "core/faults.h"
#include "core/host.h"
#include "core/instance.h"
#include "core/list.h"
#include "core/log.h"
#include "core/operation.h"
#include "core/outcome.h"
#include "core/plain_call.h"
#include "core/retry.h"
#include "core/timers.h"
#include <stdatomic.h>

#define BACKEND_MAGIC 0xbac8e4d0u
#define BACKEND_CALL_MAGIC 0xbac8ca11u
#define BACKEND_MS UINT64_C(1000000)
/// What an asked cancel may take before an attempt is given up.
#define BACKEND_GRACE_MS 250
#define BACKEND_TEXT_SIZE 512

enum attempt_state {
    ATTEMPT_RESTING,  ///< its time has not come: a repeat that waits
    ATTEMPT_WAITING,  ///< in the queue before the backend
    ATTEMPT_DELAYED,  ///< has a place; injected latency runs
    ATTEMPT_FAKED,    ///< has a place; an injected outcome is on its way
    ATTEMPT_HUNG,     ///< has a place; injected: ends at its time-out
    ATTEMPT_RUNNING,  ///< has a place; the plugin has it
    ATTEMPT_ASKED,    ///< as running, and was asked to end
    ATTEMPT_GIVEN_UP, ///< has a place; nobody waits for it
    ATTEMPT_OVER
};

struct attempt {
    enum attempt_state state;
    struct backend *backend; ///< NULL once the backend is gone (only when given up)
    struct backend_call *call;
    uint32_t number; ///< 1 for the first time an entry is sent
    bool probe;      ///< the breaker wants to know how it ends
    bool embedded;   ///< lies in the call
    bool untouched;  ///< its time was over before anything of it went out, and the backend answered meanwhile
    bool again;      ///< it was let in before
    size_t count;
    size_t first;               ///< index of its first entry, without `indexes`
    const uint32_t *indexes;    ///< of its entries in the call, or NULL: they are in a row
    const void *const *entries; ///< what the plugin gets
    struct instance_call *plugin_call;
    struct fault_decision fault;
    bool faulty;            ///< `fault` holds something still to be done
    struct ph_result faked; ///< with ATTEMPT_FAKED
    uint64_t started_ns;
    struct timer timer;
    struct deferred_task task;
    TAILQ_ENTRY(attempt) queue; ///< the backend's queue, or its list of those given up
    LIST_ENTRY(attempt) entry;  ///< of the call
};

struct call_record {
    struct ph_result result; ///< of the last attempt; pending before the first
    const void *output;      ///< NULL: none
    bool final;
    bool earlier_uncertain; ///< an attempt before the last one ended uncertain
};

struct backend_call {
    uint32_t magic;
    atomic_uint references; ///< one for the receiver, one for each attempt the plugin may still use
    struct arena *arena;
    struct backend *backend;
    const struct operation *operation;
    size_t capacity;
    size_t count;
    const void **entries;
    struct call_record *records;
    uint32_t *finals; ///< indexes of final entries in the order they became so
    size_t final_count;
    size_t told_count; ///< of them, on_entry was called for
    bool submitted;
    bool ended; ///< no more attempts
    bool until_deadline;
    bool timed_out; ///< the deadline passed
    bool done_told;
    uint64_t deadline_ns;
    int64_t wait_ms; ///< what a receive may take longer
    struct ph_text trace;
    backend_done_f *done;
    backend_entry_f *on_entry;
    void *context;
    void (*on_release)(void *context);
    void *release_context;
    struct timer timer;
    struct deferred_task task;
    LIST_HEAD(, attempt) attempts;   ///< but those given up
    TAILQ_ENTRY(backend_call) entry; ///< of the backend, from submit to done
    struct attempt first;
};

struct backend {
    uint32_t magic;
    struct host *host;
    const struct plugin *plugin;
    const void *config;
    char *section;
    struct backend_policy policy;
    struct fault_settings *fault_settings;
    struct faults *faults;
    struct backend_metrics *metrics;
    struct log_context log;
    struct log_limit log_limit;
    struct instance *instance; ///< NULL unless open or being opened

    // What is asked of it.
    TAILQ_HEAD(, backend_call) calls; ///< submitted, not done
    TAILQ_HEAD(attempt_queue, attempt) waiting;
    size_t waiting_count;
    struct attempt_queue given_up;
    size_t running; ///< places in use
    struct breaker breaker;
    uint64_t answered_ns; ///< when an attempt was answered last
    struct retry_budget budget;

    // Its life.
    bool opening;
    bool open;
    bool refused; ///< open ended for good
    bool closing;
    bool closed;
    bool persistent; ///< open is tried again
    uint32_t open_tries;
    struct plain_call *open_call;
    backend_opened_f *opened;
    void *opened_context;
    struct timer open_timer;
    struct plain_call *reload_call;
    const void *new_config;
    backend_opened_f *reloaded;
    void *reloaded_context;
    uint64_t close_until_ns;
    struct timer close_timer;
    backend_closed_f *closed_done;
    void *closed_context;
    struct deferred_task close_task;
    bool quarantined;

    // What is known of it.
    enum backend_state state;
    enum backend_state told_state;
    int64_t since_ms;
    uint32_t outcome;
    bool unhealthy;
    bool denied[OPERATION_NUMBER_MAX]; ///< the last answer of this operation was a refusal of this program
    size_t denied_count;
    char denied_detail[BACKEND_TEXT_SIZE]; ///< of the last refusal
    char trouble[BACKEND_TEXT_SIZE];       ///< what failed last; "" when that is over
    char said[BACKEND_TEXT_SIZE];          ///< of itself, in the last health call that it answered, well or not
    char version[128];
    struct plain_call *health_call;
    uint64_t health_started_ns;
    struct timer health_timer;
    backend_state_f *on_state;
    void *on_state_context;
    struct deferred_task state_task;
};

// backend_state.c
void backend_update_state(struct backend *backend);
void backend_set_trouble(struct backend *backend, const char *text);
/// An operation got an answer, or was denied (`detail`: what to tell operators): an operator must act, though others work.
void backend_set_denied(struct backend *backend, uint32_t operation, const char *detail);
void backend_start_health(struct backend *backend);
void backend_stop_health(struct backend *backend);

// backend_call.c
/// The last reference frees the call.
void call_hold(struct backend_call *call);
void call_release(struct backend_call *call);
/// Takes over the outcome of an attempt for one entry, which is not final yet.
void call_store(struct backend_call *call, size_t index, const struct ph_result *result, const void *output);
/// The stored outcome is the entry's. Nobody is told before call_deliver().
void call_finish_entry(struct backend_call *call, size_t index);
/// Tells what is new. The call may be gone afterwards.
void call_deliver(struct backend_call *call);
/// As call_deliver(), in a later turn.
void call_deliver_later(struct backend_call *call);
/// Ends all entries that are not final, and the wait for attempts. `text` says why.
void call_end(struct backend_call *call, const char *text);

// backend_admit.c
/// Starts an attempt, lets it wait, or refuses it.
void backend_admit(struct attempt *attempt);
/// Starts what waits, as far as it may start now.
void backend_admit_next(struct backend *backend);
/// Takes an attempt out of the queue.
void backend_unqueue(struct attempt *attempt);
size_t backend_concurrency(const struct backend *backend);

// backend_attempt.c
/// An attempt for `count` entries from `first` on (indexes NULL), or for those of `indexes`, which is copied.
struct attempt *attempt_new(struct backend_call *call, size_t first, const uint32_t *indexes, size_t count,
                            uint32_t number);
static inline size_t attempt_index(const struct attempt *attempt, size_t at)
{
    return attempt->indexes != NULL ? attempt->indexes[at] : attempt->first + at;
}
/// Takes a place and starts.
void attempt_begin(struct attempt *attempt);
/// Nobody waits for it any more. `failed`: because it took too long, which the breaker hears.
void attempt_drop(struct attempt *attempt, bool failed);
/// Frees an attempt that is over or was never begun; not the one in the call.
void attempt_free(struct attempt *attempt);

// backend_retry.c
/// What follows from an attempt whose outcomes are stored: final entries, and attempts for the rest.
void backend_retry(struct attempt *attempt);
/// The attempt may not start: an overload (`text`), or the open breaker (NULL).
void backend_refuse(struct attempt *attempt, const char *text);
/// A resting attempt's time has come.
void backend_rested(struct timer *timer);

#endif
