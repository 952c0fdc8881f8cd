// SPDX-License-Identifier: Apache-2.0
//
// One instance of an SQLite plugin: what takes calls on the loop, runs them on helper threads, and completes them.
//
// A kind gives a table of operations and a table of statements; the engine gives each operation a transaction. Writes
// go through one lane: a connection whose jobs carry the file as their offload key. What arrives while a write runs is
// taken whole by the next one, whatever the operation: all share a commit. Reads go through a few lanes without a key,
// each batch in one short snapshot. See README.md for the invariants.
#ifndef PLUGINS_SQLITE_ENGINE_H
#define PLUGINS_SQLITE_ENGINE_H

#include "plugins/sqlite/connection.h"
#include "plugins/sqlite/query.h"

struct engine;

/// What an operation works with, on a helper thread, inside a transaction.
struct scope {
    struct connection *connection;
    const struct ph_host *host;
    int64_t now; ///< ms since 1970, taken when the transaction had begun
    void *memo;  ///< the kind's, zeroed when a transaction begins
    void *state; ///< the kind's, for as long as the instance; only for operations that write
};

/// Does all entries of a call: sets results, fills outputs (zeroed before). SQLITE_OK, or the code that ended it; then
/// nothing it did stays, and it may be run again. Refuses an entry only before it wrote anything for it.
typedef int operation_run_f(struct scope *scope, struct ph_call *call);

struct operation {
    uint32_t operation; ///< enum ph_operation
    bool writes;
    bool lazy; ///< what it writes may be lost by a power cut: when no other is in its batch, nobody waits for the disk
    size_t output_size; ///< of one output, 0 for none
    operation_run_f *run;
};

struct engine_kind {
    struct schema schema;
    struct connection_statements statements;
    const struct operation *operations;
    size_t operation_count;
    size_t memo_size;
    size_t state_size;
    operation_run_f *flush; ///< before each commit, with call NULL; may be NULL
    /// On the loop, when an instance is open; false: it could not be set up. May be NULL, as those below.
    bool (*opened)(struct engine *engine);
    /// On the loop, before it is freed.
    void (*closing)(struct engine *engine);
    /// On the loop, when a call has been run. True: the kind keeps it, and ends it later.
    bool (*finished)(struct engine *engine, struct ph_call *call);
    /// On the loop: a call, of this instance or not, is to end soon. True: the kind knows it, and has ended it or will
    /// as soon as what it is doing is over.
    bool (*cancelled)(struct engine *engine, struct ph_call *call);
};

/// open's slot for a kind; the config is struct sqlite_config.
void engine_open(const struct engine_kind *kind, struct ph_call *call);

/// The other common slots. `instance` is a struct engine.
void engine_close(void *instance, struct ph_call *call);
void engine_health(void *instance, struct ph_call *call);
void engine_reload(void *instance, struct ph_call *call);
void engine_cancel(void *instance, struct ph_call *call);

/// Every slot of a kind: runs what its table has for the call's operation, then completes the call.
void engine_start(void *instance, struct ph_call *call);

/// Runs an operation that is no slot for a call, such as a poll; it ends with `finished` as well.
void engine_start_as(struct engine *engine, struct ph_call *call, const struct operation *operation);

const struct ph_host *engine_host(const struct engine *engine);
void *engine_owner(const struct engine *engine);
void engine_set_owner(struct engine *engine, void *owner);

#endif
