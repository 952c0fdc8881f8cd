// SPDX-License-Identifier: Apache-2.0
//
// The exchange: everything between the HTTP API and the backends, on one loop. It accepts messages in group commits,
// dispatches them to the queue, delivers what the queue brings, sweeps what is due, publishes alerts, puts documents
// and wakes readers. This header is all that the API sees of it.
//
// The API asks with calls. A call names one operation of the plugin boundary and points to one entry; calls that
// arrive while an earlier batch is under way become the next batch. A call crosses from the HTTP loop it was made on to
// the exchange loop and comes back to the same HTTP loop; with loops = 0 both are one and nothing crosses.
#ifndef CORE_EXCHANGE_H
#define CORE_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/batcher.h"
#include "core/mailbox.h"
#include "posthouse/plugin.h"

struct exchange;
struct exchange_call;
struct exchange_port;

typedef void exchange_call_f(struct exchange_call *call);

/// One question to the exchange. Embed it in a struct of your own, or use it alone; zero it, fill the first part,
/// submit.
struct exchange_call {
    struct mailbox_item item; ///< private

    // Filled by the caller.
    uint32_t operation;       ///< enum ph_operation of storage, meta or queue; or EXCHANGE_POLL, EXCHANGE_WORK
    uint32_t deadline_ms;     ///< 0: the section's call.deadline
    const void *entry;        ///< what plugin.h names for the operation; unchanged until `release`
    struct ph_text trace;     ///< traceparent, or empty; lives as long as the entry
    exchange_call_f *done;    ///< once, on the port's loop, never inside exchange_submit()
    exchange_call_f *release; ///< once, when neither entry nor call is needed by anybody any more, after both `done`
                              ///< and exchange_end(): frees them. On any thread
    void (*work)(struct exchange_call *call); ///< EXCHANGE_WORK: runs on a helper thread
    void *context;                            ///< the caller's own

    // Filled for `done`, valid until exchange_end(). `text` and what `output` points to are read-only.
    uint32_t outcome;   ///< enum ph_outcome, never PH_PENDING
    uint32_t delay_ms;  ///< when a repeat makes sense, 0: not said
    const char *text;   ///< for the log only: it may name hosts and files
    const void *output; ///< the operation's output struct, or NULL
    bool uncertain;     ///< an earlier attempt of this entry ended uncertain (a PH_DUPLICATE may be our own)

    // Private.
    struct exchange_port *port;
    struct batcher_batch *batch;
    struct batcher_item entry_item;
    struct mailbox_item cancel_item;
    void *waiter;
    struct ph_page nothing; // what a poll answers when the time is over
    _Atomic int holds;
    _Atomic bool cancelled;
};

/// Operations that are the exchange's own.
enum {
    /// Reads an inbox and waits for something to read. Entry struct exchange_poll, output struct ph_page (count 0 when
    /// the
    /// time is over). Outcomes as PH_STORAGE_INBOX_READ.
    EXCHANGE_POLL = 1000,
    /// Runs `work` on a helper thread (hashing of passwords): PH_OK when it ran, PH_UNAVAILABLE when too many wait.
    EXCHANGE_WORK = 1001,
    /// Goes to the exchange loop and comes back: PH_OK. No entry.
    EXCHANGE_PING = 1002
};

/// EXCHANGE_POLL's entry.
struct exchange_poll {
    struct ph_read read;
    uint32_t wait_ms; ///< 0 … 20,000
};

/// Submits a call, on the port's loop. The answer always comes, within the deadline (a poll: wait_ms and the deadline).
void exchange_submit(struct exchange_port *port, struct exchange_call *call);

/// Asks that an EXCHANGE_POLL end now, because its client left: `done` comes as usual, soon. Harmless when it is over
/// but not ended. On the port's loop.
void exchange_cancel(struct exchange_call *call);

/// The caller has read the outputs. Once for each call, at or after `done`. Any thread.
void exchange_end(struct exchange_call *call);

/// A loop's way to the exchange. `loop_base` is the HTTP loop's base and `inbox` its mailbox (items are given to their
/// `run`); with loops = 0 both are NULL. Made on the exchange's thread before the loop starts; freed after it has
/// ended.
struct exchange_port *exchange_port_new(struct exchange *exchange, struct event_base *loop_base, struct mailbox *inbox);
void exchange_port_free(struct exchange_port **port);

/// False when so much waits for storage that a new message must be refused with 503. Any thread.
bool exchange_has_room(const struct exchange *exchange);

/// What readiness says.
enum exchange_state {
    EXCHANGE_READY,
    EXCHANGE_DEGRADED,    ///< messages are accepted; queue, meta or alert is not well
    EXCHANGE_UNAVAILABLE, ///< storage is not usable
    EXCHANGE_DRAINING
};

/// One backend as operators see it.
struct exchange_backend {
    char kind[16];   ///< "storage"
    char plugin[64]; ///< "sqlite"
    char version[32];
    char state[16]; ///< as backend_state_name()
    char detail[BACKEND_DETAIL_SIZE];
    char backend_version[64]; ///< what the backend says of itself, or ""
    int64_t since_ms;         ///< wall time when it came into that state
    uint64_t under_way;       ///< plugin calls
    bool usable;
    bool faults; ///< faults are injected
};

#define EXCHANGE_BACKENDS_MAX 5
struct exchange_snapshot {
    enum exchange_state state;
    size_t count;
    struct exchange_backend backends[EXCHANGE_BACKENDS_MAX];
};

/// A copy of the present state. Any thread; never waits for the loop.
void exchange_snapshot(struct exchange *exchange, struct exchange_snapshot *snapshot_r);

#endif
