// SPDX-License-Identifier: Apache-2.0
//
// The runtime: what must stand before a backend can be opened (loop, clock, metrics, helper threads, plugin loader, host
// services, configuration with its secrets), and the opened backends. The daemon, `--check=deep` and the command that
// works on a storage directly all begin with it. Everything runs on the loop's thread.
#ifndef CORE_RUNTIME_H
#define CORE_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/findings.h"
#include "posthouse/plugin.h"

struct config;
struct config_backend;
struct event_base;
struct host;
struct loader;
struct metrics;
struct offload;

#define RUNTIME_KINDS 6

struct runtime {
    struct event_base *base;
    struct metrics *metrics;
    struct offload *offload;
    struct loader *loader;
    struct host *host;
    struct config *config;                            ///< NULL before runtime_configure()
    struct config_backend *sections[RUNTIME_KINDS];   ///< by enum ph_kind; NULL where there is none
    struct backend *backends[RUNTIME_KINDS];          ///< likewise, once made
    void (*hint)(void *context, struct ph_text user); ///< storage's hints go there; NULL: nowhere
    void *hint_context;
    void (*on_read)(const struct config *config); ///< once the file is read, before a backend is opened; NULL: nothing
};

/// A runtime without configuration; NULL, with errno, when the system gives no loop, thread or descriptor.
struct runtime *runtime_new(void);

/// Reads the file, opens the secret backend if the file needs one, fetches its secrets and fills every section. All errors
/// are in `findings`; false if there were any. Runs the loop until the secrets are there.
bool runtime_configure(struct runtime *runtime, const char *file, struct findings *findings);

/// Makes (does not open) the backend of a kind whose section is there.
struct backend *runtime_backend(struct runtime *runtime, enum ph_kind kind, backend_state_f *on_state, void *context);

/// Runs the loop until *done, or until `limit_ms` have passed (0: no limit); true if *done.
bool runtime_run_until(struct runtime *runtime, const bool *done, uint32_t limit_ms);

/// Closes and frees all backends (calls under way get `limit_ms`), running the loop meanwhile. False when an instance never
/// came back and is in quarantine: what it uses must stay.
bool runtime_close_backends(struct runtime *runtime, uint32_t limit_ms);

/// Closes all backends that are left, and frees everything. False: an instance is in quarantine, nothing else was freed, and
/// the process can only end by runtime_leave(). NULL is allowed.
bool runtime_free(struct runtime *runtime, uint32_t limit_ms);

/// Ends the process with that code and leaves everything in place: threads that were not ended (the HTTP client's, helpers)
/// may be inside libraries that exit() takes down.
_Noreturn void runtime_leave(int code);

/// "storage", "meta", …
const char *runtime_kind_name(enum ph_kind kind);

#endif
