// SPDX-License-Identifier: Apache-2.0
//
// One opened plugin and raw calls to it, without any policy. The wrapper (core/backend.h) uses it for the
// daemon, the conformance runner uses it directly.
//
// Invariants:
//   1. `done` of a call runs exactly once, on the loop, never inside instance_call_start() or a plugin's
//      function; the completions of one turn share one event.
//   2. When `done` runs no result is pending: one left so is uncertain where the operation changes something,
//      else internal. An outcome out of range is internal, and named as a broken rule.
//   3. A completion for a call that is over, or that nobody knows, changes nothing and is named in the log.
//   4. The plugin's close runs only when no call is out, and then no call follows.
//   5. Entries must stay valid until `done` begins; results and outputs live until instance_call_free().
#ifndef CORE_INSTANCE_H
#define CORE_INSTANCE_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;
struct instance;
struct instance_call;
struct plugin;

/// The most that one call's arena hands out.
#define INSTANCE_CALL_CEILING ((size_t)64 << 20)
/// The most entries of one call.
#define INSTANCE_CALL_ENTRIES_MAX 65536

/// A call has completed; the receiver owns it and ends it with instance_call_free(), at any time, on any
/// thread.
typedef void instance_done_f(struct instance_call *call, void *context);

/// An instance that is not open yet. `section` is copied; plugin and host must outlive it.
struct instance *instance_new(struct host *host, const struct plugin *plugin, const char *section)
    __attribute__((warn_unused_result));

/// Makes a call of `count` entries (0 is allowed) that is not started. The array `entries` and what it points
/// to must stay until `done`; NULL: the entries are NULL pointers. Outputs are zeroed structs of the host's
/// size, results pending. Members of instance_call_raw() such as deadline, trace and attempt may be set
/// before the start.
struct instance_call *instance_call_new(struct instance *instance, uint32_t operation, size_t count,
                                        const void *const *entries) __attribute__((warn_unused_result));

/// Starts it. The plugin must offer the operation and the instance be open (for PH_OPEN and PH_SETUP: not open);
/// else the call completes, later, with PH_INVALID for all. A successful open makes the instance open.
void instance_call_start(struct instance_call *call, instance_done_f *done, void *context);

/// What the plugin sees. Results and outputs may be read once `done` runs.
struct ph_call *instance_call_raw(struct instance_call *call);

/// Frees a call that is over, or was never started, with its results and outputs. Any thread. NULL is
/// allowed.
void instance_call_free(struct instance_call *call);

/// Asks the plugin to end a call that is under way; false when it offers no cancel. The cancel is a call of
/// its own, whose end nobody waits for.
bool instance_call_cancel(struct instance_call *call);

/// Calls that were started and have not completed, cancels included.
size_t instance_under_way(const struct instance *instance);

/// True between a successful open and instance_close().
bool instance_is_open(const struct instance *instance);

struct host *instance_host(const struct instance *instance);
const struct plugin *instance_plugin(const struct instance *instance);
const char *instance_section(const struct instance *instance);

enum instance_end {
    INSTANCE_CLOSED,     ///< closed and freed
    INSTANCE_QUARANTINED ///< calls are still out; it is closed and freed if ever they come back
};

typedef void instance_closed_f(enum instance_end end, void *context);

/// Ends an instance: no call may be started any more. Waits up to `limit_ms` for calls under way, then closes
/// the plugin and frees the instance, or leaves it in quarantine. `closed` (may be NULL) runs once, later, on
/// the loop. An instance that never was open is freed without a close. The pointer must not be used again.
void instance_close(struct instance *instance, int64_t limit_ms, instance_closed_f *closed, void *context);

#endif
