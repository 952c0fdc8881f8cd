// SPDX-License-Identifier: Apache-2.0
//
// append: messages, their outbox marks and keys, a wave of them in one statement.
//
// It says that it is under way (statements.c), decides and writes. Most waves are of new messages between known users, and are
// written by a statement that does no more; where anything is not as usual it writes nothing, and the wave is sent again with
// the whole statement. That one leaves out what it refuses, and
// answers a row for each thing that is not as usual: a message that is stored already, a key that is taken, a name of no
// user.
#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/operations.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/recent.h"
#include "plugins/storage-rds/statements.h"
#include "plugins/storage-rds/tables.h"
#include "plugins/storage-rds/values.h"
#include "plugins/storage-rds/wave.h"

#include <string.h>

enum { ANSWER_CLOCK, ANSWER_STORED, ANSWER_TAKEN, ANSWER_UNKNOWN };

_Static_assert(WAVE_MOST <= RDS_POSITIONS, "a wave takes one block of positions");

#define REPEATS_MOST 3 // of a job that met a twin

/// What a wave of append carries.
struct appending {
    struct wave *wave;
    struct names names; ///< of senders and recipients, each once
    size_t *senders;    ///< of each entry of the wave, an index into names
    bool *unknown;      ///< of each name
    size_t unknown_count;
    unsigned repeats;
    int64_t now; ///< 0: nothing was written
};

static size_t append_names(const void *data, uint64_t seed, uint64_t names_r[WAVE_NAMES])
{
    const struct ph_message *entry = data;
    names_r[0] = names_hash(seed, &entry->id, sizeof(entry->id));
    if (entry->idempotency_key.length == 0)
        return 1;
    uint64_t sender = names_hash(seed, entry->sender.bytes, entry->sender.length);
    names_r[1] = names_hash(sender, entry->idempotency_key.bytes, entry->idempotency_key.length);
    return 2;
}

static size_t append_bytes(const void *data)
{
    const struct ph_message *entry = data;
    size_t bytes = entry->body.length + entry->subject.length + entry->attributes.length + entry->trace.length + 300;
    for (size_t i = 0; i < entry->recipient_count; i++)
        bytes += 2 * entry->recipients[i].length + 24;
    return bytes;
}

static const struct ph_message *entry_of(const struct wave *wave, size_t i)
{
    return wave->call->entries[wave->indexes[i]];
}

// ------------------------------------------------------------------------------------------ parameters

static bool names_room(struct appending *appending)
{
    struct wave *wave = appending->wave;
    size_t most = wave->count;
    for (size_t i = 0; i < wave->count; i++)
        most += entry_of(wave, i)->recipient_count;
    appending->senders = wave->rds->host->alloc(wave->call, (wave->count + 1) * sizeof(size_t));
    return appending->senders != NULL && names_begin(&appending->names, wave->call, wave->rds->seed, most);
}

/// The arrays of the statements, by the number of their parameter less one.
enum {
    ID,
    SENDER,
    RECIPIENTS,
    DELIVER_AT,
    EXPIRES_AT,
    PRIORITY,
    TRACE,
    CONTENT_TYPE,
    ATTRIBUTES,
    SUBJECT,
    BODY,
    NAME, // of all users in it, each once
    DUE_IN,
    ARRAYS_NEW,
    KEY_SENDER = ARRAYS_NEW,
    KEY,
    KEY_ID,
    KEY_HASH,
    ARRAYS_KEYED,
    KEY_ENTRY = ARRAYS_KEYED,
    PAIR_ENTRY,
    PAIR_NAME,
    ARRAYS
};

static const enum parameter_type types[ARRAYS] = {
    [ID] = PARAMETER_UUID,           [SENDER] = PARAMETER_TEXT,        [RECIPIENTS] = PARAMETER_TEXT,
    [DELIVER_AT] = PARAMETER_BIGINT, [EXPIRES_AT] = PARAMETER_BIGINT,  [PRIORITY] = PARAMETER_BIGINT,
    [TRACE] = PARAMETER_BYTEA,       [CONTENT_TYPE] = PARAMETER_BYTEA, [ATTRIBUTES] = PARAMETER_BYTEA,
    [SUBJECT] = PARAMETER_BYTEA,     [BODY] = PARAMETER_BYTEA,         [NAME] = PARAMETER_TEXT,
    [DUE_IN] = PARAMETER_BIGINT,     [KEY_SENDER] = PARAMETER_TEXT,    [KEY] = PARAMETER_BYTEA,
    [KEY_ID] = PARAMETER_UUID,       [KEY_HASH] = PARAMETER_BYTEA,     [KEY_ENTRY] = PARAMETER_BIGINT,
    [PAIR_ENTRY] = PARAMETER_BIGINT, [PAIR_NAME] = PARAMETER_BIGINT,
};

// What is the same in many messages; the statement takes one item for all.
static bool may_shrink(size_t array)
{
    return (array >= SENDER && array <= BODY) || array == DUE_IN;
}

static void add_text(struct array *array, struct ph_text text)
{
    array_bytes(array, text.bytes, text.length);
}

static void add_recipients(struct appending *appending, struct array arrays[ARRAYS], size_t i)
{
    const struct ph_message *entry = entry_of(appending->wave, i);
    char *joined = array_reserve(&arrays[RECIPIENTS], names_joined_length(entry->recipients, entry->recipient_count));
    if (joined != NULL)
        names_join(joined, entry->recipients, entry->recipient_count);
    for (size_t r = 0; r < entry->recipient_count; r++) {
        array_bigint(&arrays[PAIR_ENTRY], (int64_t)i + 1);
        array_bigint(&arrays[PAIR_NAME], (int64_t)names_add(&appending->names, entry->recipients[r]) + 1);
    }
    array_bigint(&arrays[PAIR_ENTRY], (int64_t)i + 1);
    array_bigint(&arrays[PAIR_NAME], (int64_t)appending->senders[i] + 1);
}

static void add_key(struct array arrays[ARRAYS], const struct ph_message *entry, size_t i)
{
    array_bigint(&arrays[KEY_ENTRY], (int64_t)i + 1);
    add_text(&arrays[KEY_SENDER], entry->sender);
    add_text(&arrays[KEY], entry->idempotency_key);
    array_bytes(&arrays[KEY_ID], entry->id.bytes, sizeof(entry->id.bytes));
    array_bytes(&arrays[KEY_HASH], entry->content_hash, sizeof(entry->content_hash));
}

static void add_entry(struct appending *appending, struct array arrays[ARRAYS], size_t i)
{
    const struct ph_message *entry = entry_of(appending->wave, i);
    appending->senders[i] = names_add(&appending->names, entry->sender);
    array_bytes(&arrays[ID], entry->id.bytes, sizeof(entry->id.bytes));
    add_text(&arrays[SENDER], entry->sender);
    array_bigint(&arrays[DELIVER_AT], entry->deliver_at);
    array_bigint(&arrays[EXPIRES_AT], entry->expires_at);
    array_bigint(&arrays[PRIORITY], entry->priority);
    add_text(&arrays[TRACE], entry->trace);
    add_text(&arrays[CONTENT_TYPE], entry->content_type);
    add_text(&arrays[ATTRIBUTES], entry->attributes);
    add_text(&arrays[SUBJECT], entry->subject);
    add_text(&arrays[BODY], entry->body);
    array_bigint(&arrays[DUE_IN], entry->due_in_ms);
    add_recipients(appending, arrays, i);
    if (entry->idempotency_key.length > 0)
        add_key(arrays, entry, i);
}

// Whether all are due after the same time, as the statement for new messages has it.
static bool due_alike(const struct wave *wave)
{
    for (size_t i = 1; i < wave->count; i++) {
        if (entry_of(wave, i)->due_in_ms != entry_of(wave, 0)->due_in_ms)
            return false;
    }
    return true;
}

static size_t add_entries(struct appending *appending, struct array arrays[ARRAYS])
{
    for (size_t i = 0; i < appending->wave->count; i++)
        add_entry(appending, arrays, i);
    for (size_t i = 0; i < appending->names.count; i++)
        add_text(&arrays[NAME], appending->names.items[i]);
    return arrays[KEY].count;
}

// Whether the messages differ in nothing that clients seldom give; after columns have been shrunk.
static bool alike(const struct array arrays[ARRAYS])
{
    for (size_t i = DELIVER_AT; i <= ATTRIBUTES; i++) {
        if (arrays[i].count > 1)
            return false;
    }
    return true;
}

static uint32_t short_statement(const struct array arrays[ARRAYS], bool keyed)
{
    if (alike(arrays))
        return keyed ? SQL_APPEND_ALIKE_KEYED : SQL_APPEND_ALIKE;
    return keyed ? SQL_APPEND_KEYED : SQL_APPEND_NEW;
}

static bool write_step(struct appending *appending, struct rds_job *job)
{
    const struct wave *wave = appending->wave;
    struct array arrays[ARRAYS];
    size_t bodies = 0;
    for (size_t i = 0; i < wave->count; i++)
        bodies += entry_of(wave, i)->body.length;
    for (size_t i = 0; i < ARRAYS; i++)
        arrays[i] = array_begin(wave->call, types[i], wave->count, i == BODY ? bodies : wave->count * 16);
    bool keyed = add_entries(appending, arrays) > 0;
    bool good = true;
    struct rds_step *step = rds_job_step(job, SQL_APPEND, 0);
    for (size_t i = 0; good && i < ARRAYS; i++)
        good = may_shrink(i) ? step_column(step, &arrays[i]) : step_array(step, &arrays[i]);
    if (good && due_alike(wave)) {
        step->statement = short_statement(arrays, keyed);
        step->count = keyed ? ARRAYS_KEYED : ARRAYS_NEW;
    }
    return good;
}

// ------------------------------------------------------------------------------------------ answers

static void settle(struct appending *appending, size_t i, enum ph_outcome outcome, struct ph_id id, int64_t accepted_at)
{
    struct ph_call *call = appending->wave->call;
    struct ph_accepted *accepted = call->outputs[appending->wave->indexes[i]];
    accepted->id = id;
    accepted->accepted_at = accepted_at;
    if (outcome == PH_OK)
        rds_appended(appending->wave->rds, &id, accepted_at);
    call->host->set(call, appending->wave->indexes[i], outcome, 0,
                    outcome == PH_CONFLICT ? "the idempotency key stands for another message" : NULL);
}

// Stored by an attempt before this one, whose time is the one that counts.
static void read_stored(struct appending *appending, struct values *values, size_t i)
{
    recent_drop(appending->wave->rds->recent, &entry_of(appending->wave, i)->id);
    settle(appending, i, PH_OK, entry_of(appending->wave, i)->id, values_bigint(values, 2));
}

// Stored here now, unless the commit fails. What is to wait is not kept.
static void settle_new(struct appending *appending, size_t i)
{
    const struct ph_message *entry = entry_of(appending->wave, i);
    if (entry->deliver_at <= appending->now)
        recent_put(appending->wave->rds->recent, entry, appending->now);
    settle(appending, i, PH_OK, entry->id, appending->now);
}

static void read_taken(struct appending *appending, struct values *values, size_t i)
{
    const struct ph_message *entry = entry_of(appending->wave, i);
    struct ph_id id = values_id(values, 3);
    struct ph_text hash = values_peek(values, 4);
    bool same = hash.length == sizeof(entry->content_hash) && memcmp(hash.bytes, entry->content_hash, hash.length) == 0;
    // A repeat whose key was stored is stored itself, and was answered so before.
    if (appending->wave->call->results[appending->wave->indexes[i]]->outcome != PH_PENDING)
        return;
    if (!same)
        settle(appending, i, PH_CONFLICT, id, 0);
    else
        settle(appending, i, memcmp(&id, &entry->id, sizeof(id)) == 0 ? PH_OK : PH_DUPLICATE, id,
               values_bigint(values, 2));
}

static bool read_row(struct appending *appending, struct values *values)
{
    size_t index;
    switch (values_bigint(values, 0)) {
    case ANSWER_CLOCK:
        appending->now = values_bigint(values, 2);
        break;
    case ANSWER_STORED:
        index = values_index(values, 1, appending->wave->count);
        if (!values->wrong)
            read_stored(appending, values, index);
        break;
    case ANSWER_TAKEN:
        index = values_index(values, 1, appending->wave->count);
        if (!values->wrong)
            read_taken(appending, values, index);
        break;
    case ANSWER_UNKNOWN:
        index = values_index(values, 1, appending->names.count);
        if (!values->wrong) {
            appending->unknown[index] = true;
            appending->unknown_count++;
        }
        break;
    default:
        return false;
    }
    return !values->wrong;
}

// Names who is no user; a sender who is a recipient too is named once. False: the arena is used up.
static bool refuse_unknown(struct appending *appending, size_t i)
{
    struct ph_call *call = appending->wave->call;
    const struct ph_message *entry = entry_of(appending->wave, i);
    struct ph_accepted *accepted = call->outputs[appending->wave->indexes[i]];
    struct ph_text *unknown = call->host->alloc(call, (entry->recipient_count + 1) * sizeof(*unknown));
    size_t count = 0;
    bool sender_named = false;
    if (unknown == NULL)
        return false;
    for (size_t r = 0; r < entry->recipient_count; r++) {
        size_t name = names_add(&appending->names, entry->recipients[r]);
        if (appending->unknown[name] && !names_copy(call, entry->recipients[r], &unknown[count++]))
            return false;
        sender_named = sender_named || name == appending->senders[i];
    }
    if (appending->unknown[appending->senders[i]] && !sender_named &&
        !names_copy(call, entry->sender, &unknown[count++]))
        return false;
    if (count == 0)
        return true;
    accepted->unknown = unknown;
    accepted->unknown_count = count;
    call->host->set(call, appending->wave->indexes[i], PH_NOT_FOUND, 0, NULL);
    return true;
}

static bool append_rows(struct rds_job *job, size_t step, const PGresult *result)
{
    struct appending *appending = ((struct wave *)job->data)->data;
    struct ph_call *call = job->call;
    bool good = true;
    for (int row = 0; good && row < PQntuples(result); row++) {
        struct values values = values_row(call, result, row, 5);
        good = read_row(appending, &values);
    }
    if (appending->now == 0)
        return good && job->steps[step].statement != SQL_APPEND;
    for (size_t i = 0; good && i < appending->wave->count; i++) {
        const struct ph_result *outcome = call->results[appending->wave->indexes[i]];
        if (outcome->outcome == PH_PENDING && appending->unknown_count > 0)
            good = refuse_unknown(appending, i);
        if (good && outcome->outcome == PH_PENDING)
            settle_new(appending, i);
    }
    return good;
}

// ------------------------------------------------------------------------------------------ the slot

// Sends the job again, with the whole statement.
static void again(struct rds_job *job)
{
    job->steps[0].statement = SQL_APPEND;
    job->steps[0].count = ARRAYS;
    rds_submit_again(job);
}

// A twin is a repeat, or was committed while this was under way, so that the snapshot had missed it; the next one has it.
static void append_done(struct rds_job *job, const struct rds_failure *failure)
{
    struct wave *wave = job->data;
    struct appending *appending = wave->data;
    bool twin = failure->twin && appending->repeats++ < REPEATS_MOST;
    bool unusual = failure->outcome == PH_OK && appending->now == 0;
    // What was not committed, as far as is known, may yet be stored with another time.
    for (size_t i = 0; failure->outcome != PH_OK && i < wave->count; i++)
        recent_drop(wave->rds->recent, &entry_of(wave, i)->id);
    if (twin || unusual)
        again(job);
    else
        wave_end(wave, failure);
}

static void append_start(struct wave *wave)
{
    struct rds_job *job = rds_job(wave->rds, wave->call, RDS_WRITE, true, 1, append_rows);
    if (job == NULL)
        return;
    struct appending *appending = wave->rds->host->alloc(wave->call, sizeof(*appending));
    job->appends = true;
    job->done = append_done;
    job->data = wave;
    wave->data = appending;
    if (appending == NULL) {
        rds_no_memory(job);
        return;
    }
    *appending = (struct appending){.wave = wave};
    bool good = names_room(appending) && write_step(appending, job);
    if (good)
        appending->unknown = wave->rds->host->alloc(wave->call, appending->names.count + 1);
    if (good && appending->unknown != NULL)
        rds_submit(job);
    else
        rds_no_memory(job);
}

static bool acceptable(const struct ph_message *entry)
{
    bool good = entry->recipient_count > 0 && names_plain(entry->sender);
    for (size_t i = 0; good && i < entry->recipient_count; i++)
        good = names_plain(entry->recipients[i]) &&
               (i == 0 || names_compare(entry->recipients[i - 1], entry->recipients[i]) < 0);
    return good;
}

void rds_append(void *instance, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (!acceptable(call->entries[i]))
            call->host->set(call, i, PH_INVALID, 0, "sender and recipients are not distinct names in byte order");
    }
    wave_begin(instance, call, append_names, append_bytes, append_start, NULL);
}
