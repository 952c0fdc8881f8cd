// SPDX-License-Identifier: Apache-2.0
//
// A backend: one plugin behind THE WRAPPER, which is the only caller of a plugin's function in the daemon.
//
// The wrapper adds to every backend alike: deadline, retries by outcome class (full jitter, capped, with a
// budget), circuit breaker, concurrency limit, metrics, trace, injected faults, and a state that tells
// whether the backend works. A plugin only classifies.
//
// A call is made, filled with entries, submitted, received with `done` and freed:
//
//     struct backend_call *call = backend_call_new(storage, PH_STORAGE_DELIVER, 64);
//     struct ph_deliver *entry = backend_call_alloc(call, sizeof *entry);
//     backend_call_add(call, entry);
//     backend_submit(call, &options, delivered, exchange);
//
// Everything runs on the exchange loop, except where "any thread" is said. `done` and `on_entry` never run
// inside backend_submit(). They may do anything but free the backend.
//
// Invariants:
//   1. `done` runs exactly once for each submitted call; `on_entry`, if given, exactly once for each entry,
//      before it. Then each entry has a result that is not pending.
//   2. Entries stay valid and unchanged until the release: nobody needs them before the receiver freed the
//      call and every attempt, also one that was given up, has completed.
//   3. What a plugin's call still holds keeps its place under the concurrency limit.
//   4. An entry is repeated only after transient, throttled, unavailable or uncertain. If any attempt of it
//      ended uncertain and no later one got an answer, it ends uncertain.
//   5. What waited in the plugin's own line until its time was over, and so never went out, is no attempt while the
//      backend answers others: it goes to the plugin again until the deadline, without a retry, the budget or the
//      breaker counting it. A backend that is slow is not made to look dead by what waits for it; one that answers
//      nobody is.
#ifndef CORE_BACKEND_H
#define CORE_BACKEND_H

#include "core/backend_settings.h"
#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct backend_call;
struct fault_settings;
struct host;
struct plugin;

enum backend_state {
    BACKEND_OPENING,     ///< not open yet, or tried again
    BACKEND_READY,       ///< works
    BACKEND_DEGRADED,    ///< takes calls, but the last health call or several calls failed, or an operation is denied
    BACKEND_UNAVAILABLE, ///< the breaker is open: calls end at once
    BACKEND_FAILED,      ///< open was refused for good (denied, invalid, internal)
    BACKEND_CLOSING,     ///< drains
    BACKEND_CLOSED       ///< closed, or its instance is in quarantine
};

#define BACKEND_DETAIL_SIZE 1040

struct backend_status {
    enum backend_state state;
    int64_t since_ms;                 ///< wall time of the last change of state
    uint32_t kind;                    ///< enum ph_kind
    const char *section;              ///< such as "storage"
    const char *plugin;               ///< the plugin's name
    const char *plugin_version;       ///< the plugin's version
    const char *backend_version;      ///< such as "PostgreSQL 15.8"; "" when not known
    char detail[BACKEND_DETAIL_SIZE]; ///< one line for an operator: what is wrong, what it says of itself; "": nothing
    uint32_t outcome;                 ///< of the last open or health call (enum ph_outcome)
    size_t under_way;                 ///< plugin calls
    size_t waiting;                   ///< plugin calls that wait for a place
    bool faults;                      ///< faults are injected
};

typedef void backend_state_f(struct backend *backend, void *context);

struct backend_settings {
    struct host *host;            ///< outlives the backend
    const struct plugin *plugin;  ///< outlives the backend
    const void *config;           ///< the plugin's filled config struct; stays until closed or replaced by a reload
    const char *section;          ///< copied
    struct backend_policy policy; ///< see core/backend_settings.h
    const struct fault_settings *faults; ///< NULL: none. Copied
    backend_state_f *on_state;           ///< after each change of state, never inside a function of the caller; or NULL
    void *on_state_context;
};

/// The backend's end of an open, a reload or a close; valid during the callback.
typedef void backend_opened_f(struct backend *backend, const struct ph_result *result, void *context);

/// A backend that is not open; its state is BACKEND_OPENING. Never NULL.
struct backend *backend_new(const struct backend_settings *settings) __attribute__((warn_unused_result));

/// Tries once to open it. `done` runs once, later. After a failure it may be tried again, or freed. A result
/// of transient, throttled, unavailable or uncertain is worth another try, any other is a refusal.
void backend_open(struct backend *backend, backend_opened_f *done, void *context);

/// Opens it, trying again with growing delays (up to 2 s) while that may help. `done` runs once, later: with
/// PH_OK, with a refusal, or with PH_UNAVAILABLE when the backend is closed meanwhile. Failed tries show in
/// the state's detail.
void backend_open_until(struct backend *backend, backend_opened_f *done, void *context);

/// `steps` is NULL when there was no answer; it and `result` are valid during the callback.
typedef void backend_setup_f(struct backend *backend, const struct ph_result *result, const struct ph_steps *steps,
                             void *context);

/// Has the plugin make what is missing, before the backend is opened; neither is it opened by it. `done` runs once,
/// later: PH_INVALID when the plugin does not offer it, PH_UNCERTAIN when `limit_ms` have passed. One at a time.
void backend_setup(struct backend *backend, int64_t limit_ms, backend_setup_f *done, void *context);

/// Hands a new config to the plugin, in which only reloadable options differ. PH_OK: the new one is in force
/// and the old may go; else the old stays in force (PH_INVALID also when the plugin cannot reload: swap it).
void backend_reload(struct backend *backend, const void *config, backend_opened_f *done, void *context);

/// Takes over a new policy for calls submitted from now on.
void backend_set_policy(struct backend *backend, const struct backend_policy *policy);

/// `quarantined`: calls were still out at the limit; the instance is left alone, its config must stay too.
typedef void backend_closed_f(struct backend *backend, bool quarantined, void *context);

/// No new calls (they end PH_UNAVAILABLE at once); waits up to `limit_ms` for submitted calls, ends the rest,
/// then closes the instance or leaves it in quarantine. `done` (may be NULL) runs once, later.
void backend_close(struct backend *backend, int64_t limit_ms, backend_closed_f *done, void *context);

/// Frees a backend that never was opened, failed to open, or is closed. Not inside its callbacks but
/// backend_closed_f. Calls that were received and not freed stay valid. NULL is allowed.
void backend_free(struct backend *backend);

/// What readiness and operators want to know; its texts are valid until the loop goes on.
void backend_status(const struct backend *backend, struct backend_status *status_r);
enum backend_state backend_state(const struct backend *backend);
/// "opening", "ready", …
const char *backend_state_name(enum backend_state state);
/// True in BACKEND_READY and BACKEND_DEGRADED: a call has a chance.
bool backend_usable(const struct backend *backend);
/// True when the plugin has a function for the operation.
bool backend_offers(const struct backend *backend, uint32_t operation);
const struct plugin *backend_plugin(const struct backend *backend);

// --- Calls -------------------------------------------------------------------------------------------------

/// An empty call for at most `capacity` entries. Never NULL.
struct backend_call *backend_call_new(struct backend *backend, enum ph_operation operation, size_t capacity)
    __attribute__((warn_unused_result));

/// Zeroed memory that lives as long as the entries must (released with the call), for entries and what they
/// point to. NULL beyond 64 MiB a call: end the request as too large. Until the submit, one thread at a time.
void *backend_call_alloc(struct backend_call *call, size_t size) __attribute__((warn_unused_result));

/// A copy in that memory, NUL behind it; NULL bytes as above.
struct ph_text backend_call_text(struct backend_call *call, const char *bytes, size_t length);

/// Adds an entry and returns its index. The entry (NULL for operations without) stays until the release.
size_t backend_call_add(struct backend_call *call, const void *entry);

/// Runs once when nobody needs the entries any more, on the thread that ended the last need: the one that
/// freed the call, or the loop when a late attempt completed after that. The call is no longer usable in it,
/// its memory goes right after.
void backend_call_on_release(struct backend_call *call, void (*function)(void *context), void *context);

typedef void backend_done_f(struct backend_call *call, void *context);
typedef void backend_entry_f(struct backend_call *call, size_t index, void *context);

struct backend_options {
    int64_t deadline_ms;       ///< from now; 0: the section's call.deadline (a receive's: its wait and that)
    bool until_deadline;       ///< repeat until the deadline, whatever call.retries and the budget say
    struct ph_text trace;      ///< W3C traceparent, or empty; copied
    backend_entry_f *on_entry; ///< as soon as an entry is final, with the context of `done`; or NULL
};

/// Submits a call; `options` may be NULL. `done` runs once, later; then the receiver owns the call.
void backend_submit(struct backend_call *call, const struct backend_options *options, backend_done_f *done,
                    void *context);

/// Ends the call as soon as may be: entries that are not final become what a passed deadline makes of them.
/// `done` still runs, later. For a request whose client has gone, and for a drain. Nothing when it is done.
void backend_call_cancel(struct backend_call *call);

// May be read in on_entry (of that entry) and from `done` on, on one thread at a time.
size_t backend_call_count(const struct backend_call *call);
enum ph_operation backend_call_operation(const struct backend_call *call);
const void *backend_call_entry(const struct backend_call *call, size_t index);
/// In on_entry: every entry is final, so that `done` follows at once.
bool backend_call_settled(const struct backend_call *call);
/// Never NULL; outcome and text live until backend_call_free().
const struct ph_result *backend_call_result(const struct backend_call *call, size_t index);
/// The operation's output struct; zeroed when there was no answer. Never NULL.
const void *backend_call_output(const struct backend_call *call, size_t index);
/// True when an attempt of this entry ended uncertain before the one that counts.
bool backend_call_was_uncertain(const struct backend_call *call, size_t index);

/// Ends the receiver's use: results and outputs go, the entries as soon as no attempt needs them. Also for a
/// call that was never submitted. Any thread. NULL is allowed.
void backend_call_free(struct backend_call *call);

#endif
