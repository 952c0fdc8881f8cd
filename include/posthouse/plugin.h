// SPDX-License-Identifier: Apache-2.0
//
// posthouse/plugin.h: all that a backend plugin of posthouse needs.
//
// A plugin of kind K and name N is the shared object K-N.so. It exports one constant, made by PH_PLUGIN: a
// descriptor, which the host reads without running a function of the plugin. The descriptor leads to a table of
// options, from which the host fills the plugin's own config struct, and to a table of operations.
//
// THE CALL. Every operation is an asynchronous call over a batch. The host makes the call and starts it on the
// exchange loop; the plugin works without blocking and ends with host->complete(call), on that loop, exactly once.
//   - entries[i] points to what is asked (the struct named at the slot), outputs[i] to a zeroed struct for the answer
//     (NULL where the slot names none), results[i] to the outcome. Entry, output and result i belong together.
//   - Entries stay valid and unchanged until the completion, also when the core has long answered its client.
//   - Memory for answers comes from host->alloc and host->make: the call's arena, freed with the call by whoever
//     received it. Neither side frees the other's memory. One thread at a time may work on a call.
//   - host->complete may be used inside the starting function: the host queues the completion, so that nobody is
//     called back before the start returns.
//   - A result left PH_PENDING becomes PH_UNCERTAIN for operations that change something, else PH_INTERNAL. A second
//     completion is caught and named in the log. A call that never completes keeps its place under the concurrency
//     limit, and its instance is never closed.
//   - A call has at least one entry and at most batch_limit, but a plugin must bear 0 entries (complete at once) and
//     more than its limit (do it all, or refuse every entry with PH_INVALID; never a part).
//   - The host may start several calls before the first completes (see `concurrency`), in the order of their making.
//
// REPEATING. The host repeats what ended PH_TRANSIENT, PH_THROTTLED, PH_UNAVAILABLE or PH_UNCERTAIN. Therefore every
// operation that changes something is idempotent by the ids in its entries; each slot says what a repeat answers.
//
// THREADS. All starting functions run on the exchange loop. Blocking work goes through host->offload. No plugin needs
// a lock. A plugin keeps no mutable globals: it may be opened many times at once.
//
// TEXT is UTF-8, and every ph_text is followed by a NUL byte that its length does not count. TIMES are milliseconds
// since 1970 UTC, 0 for "none"; storage tells the time by its own clock (that of the database, where it has one).
//
// CHANGES, newest first. Equal major and a minor not newer than the host's load. A newer minor only appends.
//   1.2  2026-11-30  the common operation probe: tries rights without an effect
//   1.1  2026-11-29  rights: what a plugin must be allowed to do, in the descriptor; the common operation setup
//   1.0  2026-11-22  first version; fail says what a number too high is, and when its document mark is due
#ifndef POSTHOUSE_PLUGIN_H
#define POSTHOUSE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PH_ABI_MAGIC 0x70684f55u
#define PH_ABI_MAJOR 1
#define PH_ABI_MINOR 2

struct event_base; // libevent's, opaque here
struct ph_host;

enum ph_kind {
    PH_KIND_STORAGE = 1, // messages, inboxes, outbox, dead letters, users, sessions: the durable truth
    PH_KIND_META = 2,    // one document per message
    PH_KIND_QUEUE = 3,   // transport of jobs; may lose, repeat and reorder
    PH_KIND_ALERT = 4,   // publishes alerts
    PH_KIND_SECRET = 5   // fetches secrets by name
};

// How an entry ended. The plugin classifies; retries, breakers and deadlines are the host's work.
enum ph_outcome {
    PH_PENDING = 0,     // not set yet
    PH_OK = 1,          // done
    PH_DUPLICATE = 2,   // it was there before; nothing was changed (each slot says what the output holds)
    PH_CONFLICT = 3,    // the name or key is in use for something else; permanent
    PH_NOT_FOUND = 4,   // what the entry names does not exist; permanent
    PH_INVALID = 5,     // the backend will never take this entry; permanent
    PH_TRANSIENT = 6,   // not done, for a passing reason (deadlock, reset or cancelled before sending); a repeat may do
    PH_THROTTLED = 7,   // not done, too fast; a repeat may do after delay_ms
    PH_UNAVAILABLE = 8, // not done: the backend cannot be reached or cannot work now (down, full, read-only, locked)
    PH_DENIED = 9,      // not done: the backend refuses this program (credentials, rights); an operator must act
    PH_UNCERTAIN = 10,  // the answer was lost: it may have been done; a repeat settles it
    PH_INTERNAL = 11    // a fault of the plugin; permanent
};

// Bytes with their length; never NULL where count or length is above 0. Frozen for ever.
struct ph_text {
    const char *bytes;
    size_t length;
};

// A UUID as its 16 bytes in network order. Frozen for ever.
struct ph_id {
    uint8_t bytes[16];
};

// The outcome of one entry. Frozen for ever; set it with host->set or by hand.
struct ph_result {
    uint32_t outcome;  // enum ph_outcome
    uint32_t delay_ms; // for PH_THROTTLED: when to come again, 0 for "not said"
    const char *text;  // for the log, may be NULL; from the call's arena or constant; holds no secret
};

// One call. Made by the host; it may grow at its end.
struct ph_call {
    const struct ph_host *host;
    uint32_t operation; // enum ph_operation
    uint32_t attempt;   // 1, 2, … as the host repeats
    size_t count;
    const void *const *entries;
    struct ph_result *const *results;
    void *const *outputs;
    int64_t deadline;     // host->monotonic() after which nobody waits; 0 for none
    struct ph_text trace; // W3C traceparent of the request behind it, or empty
    void *data;           // the plugin's own, NULL at the start
};

// Starts a call. `instance` is what open gave (NULL for open).
typedef void ph_start_f(void *instance, struct ph_call *call);

enum ph_operation {
    PH_OPEN = 1,
    PH_CLOSE = 2,
    PH_HEALTH = 3,
    PH_RELOAD = 4,
    PH_CANCEL = 5,
    PH_SETUP = 6, // 1.1
    PH_PROBE = 7, // 1.2

    PH_STORAGE_APPEND = 16,
    PH_STORAGE_DELIVER = 17,
    PH_STORAGE_FAIL = 18,
    PH_STORAGE_POSTPONE = 19,
    PH_STORAGE_LEASE = 20,
    PH_STORAGE_SETTLE = 21,
    PH_STORAGE_MARK = 22,
    PH_STORAGE_EXPIRE = 23,
    PH_STORAGE_INBOX_READ = 24,
    PH_STORAGE_INBOX_HEAD = 25,
    PH_STORAGE_INBOX_ACK = 26,
    PH_STORAGE_INBOX_REMOVE = 27,
    PH_STORAGE_MESSAGE_GET = 28,
    PH_STORAGE_SENT_READ = 29,
    PH_STORAGE_DEAD_READ = 30,
    PH_STORAGE_REDRIVE = 31,
    PH_STORAGE_USER_ADD = 32,
    PH_STORAGE_USER_GET = 33,
    PH_STORAGE_USER_LIST = 34,
    PH_STORAGE_USER_PASSWORD = 35,
    PH_STORAGE_USER_REMOVE = 36,
    PH_STORAGE_SESSION_ADD = 37,
    PH_STORAGE_SESSION_GET = 38,
    PH_STORAGE_SESSION_REMOVE = 39,
    PH_STORAGE_PURGE = 40,
    PH_STORAGE_STATS = 41,
    PH_STORAGE_NOTIFY = 42,

    PH_META_PUT = 64,
    PH_META_GET = 65,

    PH_QUEUE_SEND = 80,
    PH_QUEUE_RECEIVE = 81,
    PH_QUEUE_REMOVE = 82,
    PH_QUEUE_EXTEND = 83,
    PH_QUEUE_STATS = 84,

    PH_ALERT_PUBLISH = 96,

    PH_SECRET_FETCH = 112
};

// ------------------------------------------------------------------------------------- common operations

// open's entry.
struct ph_open {
    const void *config; // the plugin's config struct, filled; it lives until the close or the next reload completes
};
// open's output.
struct ph_opened {
    void *instance; // handed to every later call
};
// reload's entry: the new config, in which only options with PH_OPTION_RELOADABLE differ from the old.
struct ph_reload {
    const void *config;
};
// health's output; both may be NULL.
struct ph_health {
    const char *detail;  // what an operator wants to read, one line, no secret
    const char *version; // the backend's version, such as "PostgreSQL 15.8"
};
// cancel's entry.
struct ph_cancel {
    struct ph_call *call; // a call of this instance that is past its deadline
};
// setup's entry. 1.1
struct ph_setup {
    const void *config; // as open's
};
enum ph_step_state {
    PH_STEP_FOUND = 1,  // it was there before
    PH_STEP_MADE = 2,   // made now
    PH_STEP_SKIPPED = 3 // wanted, but an emulator lacks it; the note says what follows
};
// One thing that setup looked after; made with host->make(call, PH_MAKE_STEP). 1.1
struct ph_step {
    uint32_t state;      // enum ph_step_state
    struct ph_text what; // such as "table posthouse-messages"
    struct ph_text note; // for people, may be empty
};
// setup's output. 1.1
struct ph_steps {
    struct ph_step *const *steps; // in the order in which they were done
    size_t count;
};

struct ph_common_operations {
    // Opens an instance. Entry ph_open, output ph_opened. Makes or migrates the schema where there is one
    // (migrations only expand within a major; the oldest program version that can still use it is recorded).
    // PH_UNAVAILABLE is tried again by the host; PH_DENIED and PH_INVALID (corrupt, a newer schema, wrong
    // settings) are not. A failed open leaves nothing behind. Mandatory.
    ph_start_f *open;
    // Frees the instance. One entry, NULL. The host has no call under way then, and makes none after. Must
    // end PH_OK. Mandatory.
    ph_start_f *close;
    // Asks whether the backend works now, cheaply. One entry, NULL; output ph_health. Changes nothing. Mandatory.
    ph_start_f *health;
    // Takes over a changed config. Entry ph_reload. On any outcome but PH_OK the old config stays in force.
    // NULL: every change makes the host swap instances.
    ph_start_f *reload;
    // Asks that a call end soon, with whatever outcome is true then: of a change, PH_TRANSIENT means that it had not
    // begun, PH_UNAVAILABLE that what was under way is undone. Entry ph_cancel. The victim still completes by itself,
    // exactly once, before or after; a call that is unknown or over is PH_NOT_FOUND. NULL: never asked.
    ph_start_f *cancel;
    // 1.1. Makes in the backend what the config names and is missing (table, queue, topic), for local use and
    // tests. Entry ph_setup, output ph_steps. Called without an instance, since open may refuse such a backend;
    // leaves nothing behind. What is there stays as it is, so a repeat makes nothing; what an emulator lacks is
    // skipped. The first thing that cannot be made ends it, with the steps so far. NULL: nothing to make.
    ph_start_f *setup;
    // 1.2. Tries rights by requests that change nothing, whether they are allowed or not. Entry ph_right (a row of the
    // plugin's own table, see below), no output. PH_OK: it is there. PH_DENIED: the backend says that it is missing.
    // Anything else: not known, and the text says why. NULL: none can be tried.
    ph_start_f *probe;
};

// ----------------------------------------------------------------------------------------------- storage

enum ph_priority { PH_PRIORITY_NORMAL = 0, PH_PRIORITY_ALERT = 1 };

// Where a message, or a message for one recipient, stands.
enum ph_state {
    PH_STATE_ACCEPTED = 0, // open: a mark exists
    PH_STATE_DELIVERED = 1,
    PH_STATE_EXPIRED = 2,
    PH_STATE_DEAD = 3,
    PH_STATE_FAILED = 4 // the recipient is gone
};

// A mark is a row that says "something is still to be done for this message", with the time when it is due.
enum ph_mark_kind {
    PH_MARK_OUTBOX = 1,  // deliver it
    PH_MARK_ALERT = 2,   // publish its alert
    PH_MARK_DOCUMENT = 3 // put its metadata document
};

enum { PH_ROLE_OPERATOR = 1 };

// A message to append.
struct ph_message {
    struct ph_id id;
    struct ph_text sender;
    const struct ph_text *recipients; // distinct names in byte order
    size_t recipient_count;
    struct ph_text subject;
    struct ph_text body;
    struct ph_text content_type;
    struct ph_text attributes; // a JSON object of strings in canonical form, or empty
    struct ph_text trace;      // W3C traceparent, or empty
    uint32_t priority;         // enum ph_priority
    uint32_t due_in_ms;        // the outbox mark is due so long after the append, or at deliver_at if that is later
    int64_t deliver_at;        // not before, or 0
    int64_t expires_at;        // not after, or 0
    struct ph_text idempotency_key; // in the sender's own scope, or empty
    uint8_t content_hash[32];       // what the key stands for; only with a key
};
// append's output.
struct ph_accepted {
    struct ph_id id;               // the stored message's: the first one's for PH_DUPLICATE
    int64_t accepted_at;           // its time, by the storage's clock
    const struct ph_text *unknown; // PH_NOT_FOUND: the names that are no users, the sender's included
    size_t unknown_count;
};

// A recipient of a stored message; made with host->make(call, PH_MAKE_RECIPIENT).
struct ph_recipient {
    struct ph_text name;
    uint32_t state; // enum ph_state
    int64_t at;     // when it came into that state (accepted_at while open)
    int64_t read_at;
};
// A stored message; made with host->make(call, PH_MAKE_RECORD). Which fields are filled is said at each slot:
// the HEAD is id, sender, content_type, attributes, trace, priority, all times but delivered_at and read_at,
// body_length, status, failures and recipients with their states.
struct ph_record {
    struct ph_id id;
    struct ph_text sender;
    struct ph_text subject;
    struct ph_text body;
    struct ph_text content_type;
    struct ph_text attributes;
    struct ph_text trace;
    struct ph_recipient *const *recipients; // in byte order of their names
    size_t recipient_count;
    uint64_t body_length; // bytes
    uint32_t priority;    // enum ph_priority
    uint32_t status;      // enum ph_state: accepted while any recipient is open, then delivered if any got it,
                          // else dead, expired or failed, the first of these that occurs
    uint32_t failures;    // failed attempts that were recorded since the append or the last redrive
    int64_t accepted_at;
    int64_t deliver_at;
    int64_t expires_at;
    int64_t finished_at;     // when the outbox mark was removed, 0 while it exists
    int64_t first_failed_at; // 0 without failures
    int64_t last_failed_at;
    struct ph_text reason; // of the last failure
    uint64_t position;     // in the list that was read (inbox, sent or dead letters), else 0
    int64_t delivered_at;  // inbox_read: when this reader got it
    int64_t read_at;       // inbox_read: when this reader acknowledged it, or 0
};

// deliver's entry.
struct ph_deliver {
    struct ph_id id;
    uint32_t alert_lease_ms; // an alert mark is due so long after the delivery: the deliverer publishes meanwhile
};
// deliver's output.
struct ph_delivery {
    struct ph_record *record; // HEAD; NULL unless PH_OK or PH_DUPLICATE
    bool delivered;           // this call wrote inbox rows
    int64_t due_at;           // PH_OK with status accepted: too early, the mark stays and is due then
};
// fail's entry: an attempt to deliver failed for a reason that will not pass by itself.
struct ph_failure {
    struct ph_id id;
    uint32_t attempt;     // its number: record.failures + 1
    uint32_t limit;       // at so many recorded attempts the message is dead
    uint32_t retry_in_ms; // else its mark is due again so long from now
    struct ph_text reason;
};
// fail's output.
struct ph_failed {
    uint32_t failures; // recorded so far
    bool dead;
};
// postpone's entry.
struct ph_postpone {
    struct ph_id id;
    uint32_t due_in_ms;
};
// lease's entry.
struct ph_lease {
    uint32_t mark;     // enum ph_mark_kind
    uint32_t limit;    // at most so many
    uint32_t lease_ms; // they are due again so long from now
};
// A leased mark; made with host->make(call, PH_MAKE_MARK).
struct ph_mark {
    struct ph_id id;
    struct ph_text trace;
    uint32_t sends;           // outbox: how often postpone has moved it
    struct ph_record *record; // alert: HEAD with subject and body; document: HEAD; outbox: NULL
};
// lease's output.
struct ph_leased {
    struct ph_mark *const *marks; // the longest due first
    size_t count;
    bool more; // others are due now
};
// settle's entry.
struct ph_settle {
    struct ph_id id;
    uint32_t mark; // PH_MARK_ALERT or PH_MARK_DOCUMENT
};
// mark's entry.
struct ph_mark_document {
    struct ph_id id;
    uint32_t due_in_ms;
};
// expire's entry.
struct ph_expire {
    uint32_t limit;
};
// expire's output, and purge's.
struct ph_swept {
    uint64_t count; // how many ended, or rows removed
    bool more;      // there is more to do now
};
// inbox_read's, sent_read's and dead_read's entry.
struct ph_read {
    struct ph_text user; // empty for dead_read
    uint64_t after;      // positions above this one
    uint32_t limit;      // at most so many records
    uint32_t byte_limit; // stop when subjects, bodies and attributes exceed this, but give at least one record
};
// Their output. A record's position is above 0 and grows along the list.
struct ph_page {
    struct ph_record *const *records;
    size_t count;
    uint64_t head; // the highest position of the list at the time of reading, 0 if it never had one
};
// inbox_head's entry.
struct ph_head {
    struct ph_text user;
};
// inbox_head's output.
struct ph_head_position {
    uint64_t head;
};
// inbox_ack's entry.
struct ph_ack {
    struct ph_text user;
    const struct ph_id *ids;
    size_t id_count;
};
// inbox_ack's output.
struct ph_acked {
    uint64_t acked; // how many of the ids are acknowledged now, before or by this call
};
// The entry of inbox_remove, message_get (user: who asks) and redrive (user: empty).
struct ph_pick {
    struct ph_text user;
    struct ph_id id;
};
// message_get's output.
struct ph_found {
    struct ph_record *record;
};
// user_add's entry.
struct ph_user_add {
    struct ph_id id; // of this request: a repeat is known by it
    struct ph_text name;
    struct ph_text password; // as the core hashed it
    uint32_t roles;          // PH_ROLE_OPERATOR or 0
};
// The entry of user_get and user_remove.
struct ph_user_name {
    struct ph_text name;
};
// A user; user_get's output, and in lists made with host->make(call, PH_MAKE_USER).
struct ph_user {
    struct ph_text name;
    struct ph_text password; // empty in lists
    uint32_t roles;
    int64_t created_at;
};
// user_list's entry.
struct ph_user_list {
    struct ph_text after; // names above this one in byte order; empty for all
    uint32_t limit;
};
// user_list's output.
struct ph_users {
    struct ph_user *const *users;
    size_t count;
    bool more;
};
// user_password's entry.
struct ph_user_password {
    struct ph_text name;
    struct ph_text password;
    uint8_t keep_session[32]; // the token hash of the one session that stays; all zero: none stays
};
// session_add's entry.
struct ph_session_add {
    uint8_t token_hash[32];
    struct ph_text user;
    int64_t lifetime_ms;
};
// The entry of session_get and session_remove.
struct ph_session_token {
    uint8_t token_hash[32];
};
// session_add's and session_get's output.
struct ph_session {
    struct ph_text user;
    uint32_t roles;
    int64_t expires_at;
};
// purge's entry.
struct ph_purge {
    int64_t retention_ms;     // messages that finished longer ago go; 0: none
    int64_t key_retention_ms; // idempotency keys of messages accepted longer ago go
    uint32_t limit;           // about so many rows a call, so that no lock is held for long
};
// stats' output.
struct ph_storage_stats {
    uint64_t outbox_waiting;  // marks, those of delayed messages included
    int64_t outbox_oldest_ms; // the age of the longest due outbox mark since its message could be delivered;
                              // 0: none
    uint64_t dead;
    uint64_t alerts_waiting;
    uint64_t documents_waiting;
};
// notify's entry.
struct ph_notify {
    const struct ph_text *users; // whose inboxes grew
    size_t user_count;
};

// Entries of one call may name the same message, user or key: they act as if one after the other in their
// order. A call of append, deliver, fail, postpone, settle, mark, inbox_ack, inbox_remove or redrive is one
// transaction where the backend has them: all its PH_OK entries are durable when it completes, and an entry
// that is refused leaves the others alone.
struct ph_storage_operations {
    // Stores messages, each with its outbox mark and key, durably. Entry ph_message, output ph_accepted. PH_OK:
    // stored, also when this id was stored before (a repeat; accepted_at is the recorded one). PH_DUPLICATE: the
    // sender's key exists with this content_hash for another id, which the output names. PH_CONFLICT: the key exists
    // with another hash. PH_NOT_FOUND: `unknown` names who is no user. Twins in one call count as well. Mandatory.
    ph_start_f *append;
    // Carries messages to their inboxes. Entry ph_deliver, output ph_delivery. Only where an outbox mark exists, and
    // in one transaction: ends the message as expired if expires_at has passed; leaves it if deliver_at has not come
    // (PH_OK, status accepted, due_at set); else gives every open recipient the next position of its inbox – taken
    // from a counter that stays locked, in byte order of names, until the commit, so that a lower position never
    // becomes visible after a higher one – or the state failed if the user is gone, writes an alert mark for
    // PH_PRIORITY_ALERT, and removes the mark. PH_OK: done now. PH_DUPLICATE: no mark, the output is what was
    // recorded; nothing changed. PH_NOT_FOUND: no such message. PH_INVALID, PH_CONFLICT and PH_INTERNAL count as
    // failed attempts; every other outcome leaves the mark and does not count. Mandatory.
    ph_start_f *deliver;
    // Records a failed attempt under its number. Entry ph_failure, output ph_failed. Acts only where a mark
    // exists and attempt is failures + 1; a lower number was recorded before (PH_DUPLICATE, output filled), a
    // higher one is PH_INVALID. At the limit every open recipient becomes dead, the mark goes and a document
    // mark, due at once, is written. PH_NOT_FOUND: no mark. Mandatory.
    ph_start_f *fail;
    // Moves outbox marks after a send: due_in_ms from now, sends + 1. Entry ph_postpone, no output. Only ever
    // updates a mark that exists, else PH_NOT_FOUND. Need not be durable at once. Mandatory.
    ph_start_f *postpone;
    // Leases due marks, so that one daemon at a time works on them. Entry ph_lease, output ph_leased. Skips outbox
    // marks whose message has expired. A lease that nobody follows up is due again by itself. Mandatory.
    ph_start_f *lease;
    // Removes an alert or document mark whose work is done. Entry ph_settle, no output. A mark that is gone
    // is PH_OK. Mandatory.
    ph_start_f *settle;
    // Writes a document mark, or moves the one that exists. Entry ph_mark_document, no output. PH_NOT_FOUND:
    // no such message. Mandatory.
    ph_start_f *mark;
    // Ends messages whose expires_at has passed while their outbox mark exists: open recipients become expired, the
    // mark goes, a document mark (due at once) is written. Entry ph_expire, output ph_swept. Mandatory.
    ph_start_f *expire;
    // Reads an inbox from a position. Entry ph_read, output ph_page of whole records (recipients without
    // states). Expired and removed messages are not in it, nor what is not committed; whatever it shows, no
    // lower position appears later. PH_NOT_FOUND: no such user. Mandatory.
    ph_start_f *inbox_read;
    // Tells an inbox's highest position. Entry ph_head, output ph_head_position. PH_NOT_FOUND as above. Mandatory.
    ph_start_f *inbox_head;
    // Marks inbox messages as read, those not yet read with the time of now. Entry ph_ack, output ph_acked.
    // Ids that are not in the inbox count for nothing. A repeat answers the same number. Mandatory.
    ph_start_f *inbox_ack;
    // Removes a message from an inbox for good; a later deliver does not bring it back. Entry ph_pick, no output.
    // PH_DUPLICATE: it was removed before. PH_NOT_FOUND: it was never there, or has expired. Mandatory.
    ph_start_f *inbox_remove;
    // Reads a message with states. Entry ph_pick, output ph_found: a whole record, for its sender, or for a
    // recipient who has it in the inbox (not removed, not expired); for others PH_NOT_FOUND. Mandatory.
    ph_start_f *message_get;
    // Reads what a user has sent, from a position, in order of acceptance. Entry ph_read, output ph_page of
    // whole records with states. Positions keep the promise of inbox_read. Mandatory.
    ph_start_f *sent_read;
    // Reads dead letters from a position. Entry ph_read, output ph_page of HEAD with reason. Mandatory.
    ph_start_f *dead_read;
    // Reopens a dead message: dead recipients become open, failures 0, and an outbox mark is due at once.
    // Entry ph_pick, no output. PH_NOT_FOUND: not dead (a repeat too). Mandatory.
    ph_start_f *redrive;
    // Adds a user. Entry ph_user_add, no output. PH_CONFLICT: the name is in use or ever was. A repeat with
    // the same id is PH_OK. Mandatory.
    ph_start_f *user_add;
    // Reads a user. Entry ph_user_name, output ph_user. PH_NOT_FOUND: none, or removed. Mandatory.
    ph_start_f *user_get;
    // Lists users by name. Entry ph_user_list, output ph_users. Mandatory.
    ph_start_f *user_list;
    // Sets a password and ends the user's other sessions. Entry ph_user_password, no output. PH_NOT_FOUND. A
    // repeat changes nothing. Mandatory.
    ph_start_f *user_password;
    // Removes a user: sessions end, the inbox is gone at once (its rows go with purge), what is still to come
    // becomes failed by deliver, the name stays reserved. Entry ph_user_name, no output. PH_DUPLICATE:
    // removed before. PH_NOT_FOUND: never was. Mandatory.
    ph_start_f *user_remove;
    // Adds a session. Entry ph_session_add, output ph_session. PH_NOT_FOUND: no such user. A repeat with the
    // same hash answers what was recorded. Mandatory.
    ph_start_f *session_add;
    // Reads a session that has not expired. Entry ph_session_token, output ph_session. PH_NOT_FOUND. Mandatory.
    ph_start_f *session_get;
    // Ends a session. Entry ph_session_token, no output. One that is gone is PH_OK. Mandatory.
    ph_start_f *session_remove;
    // Removes in a small step what is past its retention: messages that finished (never one with a mark of any kind),
    // old keys, expired sessions, inboxes of removed users. Entry ph_purge, output ph_swept. Mandatory.
    ph_start_f *purge;
    // Counts. One entry, NULL; output ph_storage_stats. Mandatory.
    ph_start_f *stats;
    // Tells the other daemons on this storage that inboxes grew; there the plugin calls host->hint. Best effort,
    // outside any transaction. Entry ph_notify, no output. NULL: readers in other processes wait for their poll.
    ph_start_f *notify;
};

// -------------------------------------------------------------------------------------------------- meta

// put's entry: a message's document, whole.
struct ph_document {
    struct ph_id id;
    struct ph_text json;
    struct ph_text sender;
    uint32_t status;    // enum ph_state
    int64_t expires_at; // after this the backend may forget it; 0: never
};
// The entry of get.
struct ph_document_id {
    struct ph_id id;
};
// get's output.
struct ph_document_found {
    struct ph_text json;
};

struct ph_meta_operations {
    // Stores documents, each replacing the one of the same id. Entry ph_document, no output. A repeat changes
    // nothing. Mandatory.
    ph_start_f *put;
    // Reads documents. Entry ph_document_id, output ph_document_found. PH_NOT_FOUND: none, or past its
    // expires_at. Mandatory.
    ph_start_f *get;
};

// ------------------------------------------------------------------------------------------------- queue

// send's entry: a job is a reference to a message, never the message.
struct ph_job {
    struct ph_id id; // the message's
    struct ph_text trace;
    uint32_t delay_ms; // not received before; a queue that cannot wait so long waits as long as it can
};
// receive's entry; always alone in its call.
struct ph_receive {
    uint32_t limit;
    uint32_t wait_ms;  // how long to wait for a first job
    uint32_t lease_ms; // how long the jobs stay hidden from others
};
// A received job; made with host->make(call, PH_MAKE_RECEIVED).
struct ph_received {
    struct ph_id id;
    struct ph_text trace;
    struct ph_text receipt; // names this receiving, for remove and extend
    uint32_t receives;      // how often it was received, this time included; 0 for "not known"
};
// receive's output.
struct ph_received_jobs {
    struct ph_received *const *jobs;
    size_t count;
};
// The entry of remove and extend.
struct ph_receipt {
    struct ph_id id;
    struct ph_text receipt;
    uint32_t lease_ms; // extend: hidden so long from now; 0 gives it back at once
};
// stats' output; -1 for what the backend cannot tell.
struct ph_queue_stats {
    int64_t waiting;   // could be received now
    int64_t in_flight; // received and neither removed nor given back
    int64_t delayed;
    int64_t oldest_ms; // the age of the oldest waiting job
};

struct ph_queue_operations {
    // Queues jobs. Entry ph_job, no output. A repeat may queue a job twice: deliver bears that. Mandatory.
    ph_start_f *send;
    // Receives up to `limit` jobs; ends as soon as it has some, or PH_OK with none after wait_ms. Entry
    // ph_receive, output ph_received_jobs. A job that is not removed within lease_ms comes again. Jobs are
    // lost only by a cancelled or failed receive until their lease ends. Mandatory.
    ph_start_f *receive;
    // Removes received jobs for good. Entry ph_receipt, no output. One that is gone, or whose lease has
    // ended, is PH_OK. Mandatory.
    ph_start_f *remove;
    // Sets how long received jobs stay hidden. Entry ph_receipt, no output. PH_NOT_FOUND: its lease has
    // ended. Mandatory.
    ph_start_f *extend;
    // Counts, roughly. One entry, NULL; output ph_queue_stats. Mandatory.
    ph_start_f *stats;
};

// ------------------------------------------------------------------------------------------------- alert

// publish's entry. The plugin shortens what its channel cannot hold, at a character's boundary.
struct ph_alert {
    struct ph_id id;
    struct ph_text sender;
    struct ph_text subject;
    struct ph_text body;
    struct ph_text attributes; // a JSON object of strings, or empty
    int64_t accepted_at;
};

struct ph_alert_operations {
    // Publishes alerts. Entry ph_alert, no output. A repeat may publish twice. Mandatory.
    ph_start_f *publish;
};

// ------------------------------------------------------------------------------------------------ secret

// fetch's entry.
struct ph_secret_name {
    struct ph_text name; // as written in ${secret:NAME#key}, without the key
    bool fresh;          // the cached value was refused somewhere: ask the source again
};
// fetch's output.
struct ph_secret {
    struct ph_text value; // whole; the host picks the #key out of a JSON object; wiped with the call
};

struct ph_secret_operations {
    // Fetches secrets. Entry ph_secret_name, output ph_secret. PH_NOT_FOUND, PH_DENIED name the secret in
    // their text, never its value. Mandatory.
    ph_start_f *fetch;
};

// ----------------------------------------------------------------------------------------- host services

enum ph_log_level { PH_LOG_DEBUG = 0, PH_LOG_INFO = 1, PH_LOG_WARN = 2, PH_LOG_ERROR = 3 };

// What host->make makes: zeroed structs of the host's size, so that they may grow.
enum ph_make {
    PH_MAKE_RECORD = 1,
    PH_MAKE_RECIPIENT = 2,
    PH_MAKE_MARK = 3,
    PH_MAKE_USER = 4,
    PH_MAKE_RECEIVED = 5,
    PH_MAKE_STEP = 6 // 1.1
};

// An HTTP request of a plugin; all it points to must stay until its done function runs.
struct ph_http_request {
    const char *method;
    const char *url;            // http or https
    const char *const *headers; // "Name: value" lines, NULL at the end; CR, LF and NUL are refused
    struct ph_text body;
    uint32_t timeout_ms;         // for all of it; at most 120,000
    uint32_t connect_timeout_ms; // 0: as the host likes
    size_t response_limit;       // a larger body is an error; 0: 16 MiB
    const char *ca_file;         // NULL: the system's
};
// How an HTTP exchange ended. Valid only inside the done function.
struct ph_http_response {
    uint32_t outcome; // PH_OK: there is a status. PH_TRANSIENT: the request did not go out. PH_UNCERTAIN: it
                      // went out, the answer did not come whole. PH_INVALID: the request was refused here
    int status;
    struct ph_text body;
    const char *error;                         // text for the log unless PH_OK
    size_t header_count;                       // of the last answer, without 1xx
    const struct ph_text *const *header_names; // lower case
    const struct ph_text *const *header_values;
    int64_t date; // the Date header's time, 0 without one
};
struct ph_http_exchange;
struct ph_metric;

enum ph_metric_type { PH_METRIC_COUNTER = 1, PH_METRIC_GAUGE = 2, PH_METRIC_HISTOGRAM = 3 };

// What the host does for one instance. Every function is called on the exchange loop, except where it says
// "any thread". The struct lives as long as the instance; it may grow at its end.
struct ph_host {
    struct event_base *base; // the exchange loop's; a plugin makes its own events on it and frees them in close
    const char *section;     // the INI section, such as "storage"
    void *context;           // the host's own

    // Memory from the call's arena, aligned for any type, zeroed. NULL only when the call's ceiling (64 MiB)
    // is reached: end the entry with PH_INTERNAL then. Any thread, one at a time per call.
    void *(*alloc)(struct ph_call *call, size_t size);
    // A zeroed struct of that type from the arena, or NULL as above.
    void *(*make)(struct ph_call *call, enum ph_make type);
    // Sets results[index]; the text is formatted into the arena (format may be NULL). Any thread, one at a
    // time per call.
    void (*set)(struct ph_call *call, size_t index, enum ph_outcome outcome, uint32_t delay_ms, const char *format, ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 5, 6)))
#endif
        ;
    // Ends the call.
    void (*complete)(struct ph_call *call);

    // One line to the log, with section and trace added, control characters cleaned. `call` may be NULL. Any thread.
    void (*log)(const struct ph_host *host, enum ph_log_level level, const struct ph_call *call, const char *format,
                ...)
#if defined(__GNUC__)
        __attribute__((format(printf, 4, 5)))
#endif
        ;
    // Nanoseconds of a clock that never goes back. Any thread.
    int64_t (*monotonic)(const struct ph_host *host);
    // Milliseconds since 1970 UTC. Any thread.
    int64_t (*now)(const struct ph_host *host);
    // Random bytes, fit for secrets (from a seed in tests). Any thread.
    void (*random)(const struct ph_host *host, void *bytes, size_t length);

    // Runs `work` on a helper thread, then `done` on the loop, never inside this call. Works with the same
    // key run one after the other, in order, whichever instance asks; an empty key runs beside others. False:
    // the pool's queue is full or it is stopping; neither will run.
    bool (*offload)(const struct ph_host *host, struct ph_text key, void (*work)(void *context),
                    void (*done)(void *context), void *context);

    // Sends an HTTP request on a kept connection; `done` runs once, later. NULL: refused at once (nothing
    // will run). Cancelling runs `done` with PH_UNCERTAIN, or PH_TRANSIENT if nothing went out, later.
    struct ph_http_exchange *(*http)(const struct ph_host *host, const struct ph_http_request *request,
                                     void (*done)(void *context, const struct ph_http_response *response),
                                     void *context);
    void (*http_cancel)(struct ph_http_exchange *exchange);

    // Resolves one of the section's own options again, as the INI file has it, with ${…} expanded anew and secrets
    // fetched fresh: for a password that was refused. `done` runs once, later, with NULL when that failed.
    void (*resolve)(const struct ph_host *host, const char *option, void (*done)(void *context, const char *value),
                    void *context);

    // A metric of this backend, named posthouse_plugin_<kind>_<plugin>_<name>; the same name gives the same
    // metric. NULL: too many. `labels` is NULL or pairs of name and value, NULL at the end.
    struct ph_metric *(*metric)(const struct ph_host *host, enum ph_metric_type type, const char *name,
                                const char *help, const char *const *labels);
    // Adds to a counter or gauge, or observes a histogram's value (seconds, bytes…). NULL metric: nothing.
    // Any thread.
    void (*measure)(struct ph_metric *metric, double value);

    // Storage: this user's inbox may have grown, look again.
    void (*hint)(const struct ph_host *host, struct ph_text user);
};

// ----------------------------------------------------------------------------------------------- options

enum ph_option_type {
    PH_OPTION_TEXT = 1,     // const char *, never NULL unless without a default
    PH_OPTION_INTEGER = 2,  // int64_t
    PH_OPTION_SIZE = 3,     // uint64_t, bytes; written 64KiB, 1MiB, 10MB
    PH_OPTION_DURATION = 4, // int64_t, milliseconds; written 500ms, 10s, 5m, 12h, 30d
    PH_OPTION_BOOLEAN = 5,  // bool; yes or no
    PH_OPTION_CHOICE = 6,   // uint32_t, the index in choices
    PH_OPTION_URL = 7,      // const char *, absolute, http or https
    PH_OPTION_LIST = 8      // struct ph_list; items apart by spaces or commas
};
enum ph_option_flag {
    PH_OPTION_REQUIRED = 1,   // has no default and must be there
    PH_OPTION_SECRET = 2,     // never shown
    PH_OPTION_RELOADABLE = 4, // may change in a reload
    PH_OPTION_PATH = 8        // text that is a file's path: a relative one is put under state_dir
};

// A list's value. Frozen for ever.
struct ph_list {
    const char *const *items;
    size_t count;
};

// One option. Made by the PH_OPTION… macros, which have the compiler check that option and member agree.
struct ph_option {
    const char *name;          // small letters, digits and _
    uint32_t type;             // enum ph_option_type
    uint32_t flags;            // enum ph_option_flag
    size_t offset;             // of the member in the config struct
    const char *default_value; // as written in an INI file; NULL: none (numbers 0, text NULL)
    int64_t minimum;           // of a number, size or duration; both 0: no range
    int64_t maximum;
    const char *const *choices; // NULL at the end
    const char *help;           // one sentence
};

#ifdef __cplusplus
#define PH_MEMBER(ctype, config, member) (offsetof(config, member) + 0 * sizeof((ctype *)0 == &((config *)0)->member))
#else
#define PH_MEMBER(ctype, config, member) \
    (offsetof(config, member) + 0 * sizeof(_Generic(&((config *)0)->member, ctype * : 1)))
#endif
#define PH_TEXT(config, member, flags, standard, help)                                                      \
    {                                                                                                       \
#member, PH_OPTION_TEXT, flags, PH_MEMBER(const char *, config, member), standard, 0, 0, NULL, help \
    }
#define PH_URL(config, member, flags, standard, help)                                                      \
    {                                                                                                      \
#member, PH_OPTION_URL, flags, PH_MEMBER(const char *, config, member), standard, 0, 0, NULL, help \
    }
#define PH_INTEGER(config, member, flags, standard, minimum, maximum, help)                                           \
    {                                                                                                                 \
#member, PH_OPTION_INTEGER, flags, PH_MEMBER(int64_t, config, member), standard, minimum, maximum, NULL, help \
    }
#define PH_SIZE(config, member, flags, standard, minimum, maximum, help)                                            \
    {                                                                                                               \
#member, PH_OPTION_SIZE, flags, PH_MEMBER(uint64_t, config, member), standard, minimum, maximum, NULL, help \
    }
#define PH_DURATION(config, member, flags, standard, minimum, maximum, help)                                           \
    {                                                                                                                  \
#member, PH_OPTION_DURATION, flags, PH_MEMBER(int64_t, config, member), standard, minimum, maximum, NULL, help \
    }
#define PH_BOOLEAN(config, member, flags, standard, help)                                              \
    {                                                                                                  \
#member, PH_OPTION_BOOLEAN, flags, PH_MEMBER(bool, config, member), standard, 0, 0, NULL, help \
    }
#define PH_CHOICE(config, member, flags, standard, choices, help)                                            \
    {                                                                                                        \
#member, PH_OPTION_CHOICE, flags, PH_MEMBER(uint32_t, config, member), standard, 0, 0, choices, help \
    }
#define PH_LIST(config, member, flags, standard, help)                                                        \
    {                                                                                                         \
#member, PH_OPTION_LIST, flags, PH_MEMBER(struct ph_list, config, member), standard, 0, 0, NULL, help \
    }

// ------------------------------------------------------------------------------------------ rights (1.1)

// An action of the backend's access control, and an operation that needs it. The host makes of the table, without
// running the plugin, what `posthouse iam-policy` prints and `posthoused --check=deep` advises; so it is complete
// and holds nothing that is not used: a row for each pair of action and operation. What authorises counts, not the
// request's name (SendMessageBatch is authorised as sqs:SendMessage).
//
// A resource is an ARN with placeholders, filled from the plugin's own section:
//   {NAME}    the value of option NAME, a text or URL; a list gives one resource for each item
//   {NAME/}   what is behind its last slash, such as the queue's name in a queue URL
//   {secret}  one resource for each secret that the configuration names in ${secret:NAME#key}, but for those that
//             another row takes with {secret:PREFIX}: one for each whose name begins with PREFIX, taken off
//   {key}     the customer managed key that encrypts the backend's data (see via)
//   {partition} {region} {account}  from the first of: the command line (--partition …); the section's option
//             `region`; an ARN or queue URL (https://sqs.REGION.amazonaws.com/ACCOUNT/NAME) in an option that the
//             row names; AWS_REGION, AWS_DEFAULT_REGION; an ARN or queue URL in another option; the partition
//             follows from the region (cn-… is aws-cn). Region and account may stay "*", and the host says so
// A value that is itself an ARN is the whole resource. No slash is doubled. A row that names an option without a
// value is not needed.
struct ph_right {
    const char *action;   // as in a policy, such as "sqs:SendMessage"
    uint32_t operation;   // enum ph_operation; PH_SETUP: for local use, in no policy unless asked for
    const char *resource; // as above; "*" where the action knows none
    const char *when;     // needed only where this option is not "no", 0 or empty; NULL: always
    const char *via;      // with {key}: the service, such as "sqs", that uses the key for other rows; else NULL
    const char *purpose;  // one short sentence, for people
};

// -------------------------------------------------------------------------------------------- descriptor

enum ph_plugin_flag {
    PH_PLUGIN_VOLATILE = 1 // keeps nothing over a restart: conformance skips durability by that name
};

// What the plugin exports under the name PH_DESCRIPTOR. The first seven members never move.
struct ph_plugin {
    uint32_t magic;
    uint16_t abi_major;
    uint16_t abi_minor;
    size_t plugin_size;     // sizeof(struct ph_plugin) as the plugin was compiled
    size_t option_size;     // sizeof(struct ph_option)
    size_t operations_size; // sizeof of the kind's operations struct
    size_t common_size;     // sizeof(struct ph_common_operations)

    uint32_t kind;       // enum ph_kind
    uint32_t flags;      // enum ph_plugin_flag
    const char *name;    // small letters, digits and -, as in its file's name
    const char *version; // the plugin's own, such as "1.2.0"
    const char *summary; // one sentence
    size_t config_size;
    const struct ph_option *options;
    size_t option_count;
    size_t batch_limit; // the most entries of a call; 0: 1024
    size_t concurrency; // the most calls at once that make sense; 0: 16
    const struct ph_common_operations *common;
    const void *operations; // the kind's struct: ph_storage_operations, …

    const struct ph_right *rights; // 1.1, as what follows
    size_t right_count;
    size_t right_size; // sizeof(struct ph_right)
};

#define PH_DESCRIPTOR ph_plugin_descriptor
#define PH_DESCRIPTOR_NAME "ph_plugin_descriptor"

#if defined(__GNUC__)
#define PH_EXPORT __attribute__((visibility("default")))
#else
#define PH_EXPORT
#endif

#define PH_OPTIONS(table) .options = (table), .option_count = sizeof(table) / sizeof((table)[0])
#define PH_RIGHTS(table) .rights = (table), .right_count = sizeof(table) / sizeof((table)[0])

// Defines the descriptor: PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .name = "mine", …);
#ifdef __cplusplus
#define PH_PLUGIN_LINKAGE extern "C"
#else
#define PH_PLUGIN_LINKAGE extern
#endif
#define PH_PLUGIN(operations_type, ...)                                                         \
    PH_PLUGIN_LINKAGE PH_EXPORT const struct ph_plugin PH_DESCRIPTOR;                           \
    const struct ph_plugin PH_DESCRIPTOR = {.magic = PH_ABI_MAGIC,                              \
                                            .abi_major = PH_ABI_MAJOR,                          \
                                            .abi_minor = PH_ABI_MINOR,                          \
                                            .plugin_size = sizeof(struct ph_plugin),            \
                                            .option_size = sizeof(struct ph_option),            \
                                            .operations_size = sizeof(operations_type),         \
                                            .common_size = sizeof(struct ph_common_operations), \
                                            __VA_ARGS__,                                        \
                                            .right_size = sizeof(struct ph_right)}

#ifdef __cplusplus
}
#endif

#endif
