// SPDX-License-Identifier: Apache-2.0
//
// See plugins/secret-secretsmanager/cache.h.
#include "plugins/secret-secretsmanager/cache.h"
#include "core/list.h"
#include "plugins/secret-secretsmanager/source.h"
#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_CEILING ((size_t)64 << 10)
#define ERROR_SIZE 512
#define JITTER 8 // a period is longer by up to an eighth, so that many daemons do not ask at once

// An entry of a call that waits.
struct waiter {
    struct fetch *fetch;
    size_t index;
    LIST_ENTRY(waiter) entry;
};

struct fetch {
    struct ph_call *call;
    size_t pending;
    LIST_ENTRY(fetch) entry;
};

struct value {
    char *bytes; // NULL: none
    size_t length;
};

struct row {
    struct secret_cache *cache;
    char *name;
    struct secret_ask ask; // points into the name
    struct value value;
    struct value current; // while the pending stage is asked
    bool asking;
    bool fresh; // somebody waits whose value was refused
    struct buffer body;
    LIST_HEAD(, waiter) waiters;
    LIST_ENTRY(row) entry;
};

struct secret_cache {
    const struct ph_host *host;
    struct aws_client *client;
    int64_t refresh_ms;
    struct event *timer;
    LIST_HEAD(, row) rows;
    size_t count;
    LIST_HEAD(, fetch) fetches;
    enum ph_outcome outcome; // of the last refresh that failed, until one goes well
    char *failed;            // the name that it was
    char error[ERROR_SIZE];
};

// --- Values and rows ---------------------------------------------------------------------------------------

static void value_wipe(struct value *value)
{
    if (value->bytes != NULL) {
        OPENSSL_cleanse(value->bytes, value->length);
        free(value->bytes);
        *value = (struct value){0};
    }
}

static bool value_equal(const struct value *left, const struct value *right)
{
    return left->length == right->length && CRYPTO_memcmp(left->bytes, right->bytes, left->length) == 0;
}

static void row_free(struct row *row)
{
    LIST_REMOVE(row, entry);
    row->cache->count--;
    value_wipe(&row->value);
    value_wipe(&row->current);
    buffer_free(&row->body);
    free(row->name);
    free(row);
}

static struct row *row_find(struct secret_cache *cache, struct ph_text name)
{
    struct row *row;
    LIST_FOREACH(row, &cache->rows, entry)
    {
        if (strlen(row->name) == name.length && memcmp(row->name, name.bytes, name.length) == 0) {
            return row;
        }
    }
    return NULL;
}

static struct row *row_new(struct secret_cache *cache, struct ph_text name)
{
    struct row *row = cache->count < SECRET_CACHE_MAX ? calloc(1, sizeof *row) : NULL;
    if (row == NULL) {
        return NULL;
    }
    row->cache = cache;
    row->name = strndup(name.bytes, name.length);
    if (row->name == NULL || !secret_ask_read((struct ph_text){row->name, name.length}, &row->ask)) {
        free(row->name);
        free(row);
        return NULL;
    }
    buffer_init(&row->body, BODY_CEILING);
    LIST_INIT(&row->waiters);
    LIST_INSERT_HEAD(&cache->rows, row, entry);
    cache->count++;
    return row;
}

// --- Answers to calls --------------------------------------------------------------------------------------

static void fetch_finish(struct fetch *fetch)
{
    struct ph_call *call = fetch->call;
    LIST_REMOVE(fetch, entry);
    free(fetch);
    call->host->complete(call);
}

static void answer_value(struct ph_call *call, size_t index, const struct value *value)
{
    char *copy = call->host->alloc(call, value->length + 1);
    if (copy == NULL) {
        call->host->set(call, index, PH_INTERNAL, 0, "the call's arena is full");
        return;
    }
    memcpy(copy, value->bytes, value->length + 1);
    ((struct ph_secret *)call->outputs[index])->value = (struct ph_text){copy, value->length};
    call->results[index]->outcome = PH_OK;
}

// Ends all who wait for a row: with its value, or with a failure.
static void row_answer(struct row *row, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    struct waiter *waiter;
    row->fresh = false;
    while ((waiter = LIST_FIRST(&row->waiters)) != NULL) {
        struct fetch *fetch = waiter->fetch;
        if (outcome == PH_OK) {
            answer_value(fetch->call, waiter->index, &row->value);
        } else {
            fetch->call->host->set(fetch->call, waiter->index, outcome, delay_ms, "%s", text);
        }
        LIST_REMOVE(waiter, entry);
        free(waiter);
        if (--fetch->pending == 0) {
            fetch_finish(fetch);
        }
    }
}

// --- Asking ------------------------------------------------------------------------------------------------

static void row_ask(struct row *row, enum secret_stage stage);

static void row_take(struct row *row, struct value value)
{
    struct secret_cache *cache = row->cache;
    bool changed = row->value.bytes != NULL && !value_equal(&row->value, &value);
    value_wipe(&row->value);
    row->value = value;
    if (changed) {
        cache->host->log(cache->host, PH_LOG_INFO, NULL, "the secret %s has changed", row->name);
    }
    if (cache->failed != NULL && strcmp(cache->failed, row->name) == 0) {
        cache->outcome = PH_OK;
    }
    row_answer(row, PH_OK, 0, NULL);
}

// The pending stage has no value, or cannot be had: the current one it is.
static void row_take_current(struct row *row)
{
    struct value current = row->current;
    row->current = (struct value){0};
    row_take(row, current);
}

// A value that is held stays when it cannot be asked for again. Only who wants it fresh hears of it.
static void row_fail(struct row *row, enum ph_outcome outcome, uint32_t delay_ms, const char *text)
{
    struct secret_cache *cache = row->cache;
    if (row->value.bytes != NULL) {
        free(cache->failed);
        cache->failed = strdup(row->name);
        cache->outcome = outcome;
        snprintf(cache->error, sizeof cache->error, "%s", text);
        if (LIST_EMPTY(&row->waiters)) {
            cache->host->log(cache->host, PH_LOG_WARN, NULL, "the last value is kept: %s", text);
        }
    }
    row_answer(row, outcome, delay_ms, text);
    if (row->value.bytes == NULL) {
        row_free(row);
    }
}

static void fail_by_answer(struct row *row, const struct aws_answer *answer)
{
    char text[ERROR_SIZE];
    const char *kind = row->ask.parameter ? "parameter" : "secret";
    enum ph_outcome outcome = answer->outcome;
    if (strcmp(answer->code, "InvalidRequestException") == 0) {
        outcome = PH_NOT_FOUND; // it is marked for deletion, as the message says
    }
    snprintf(text, sizeof text, "the %s %.128s: %.360s", kind, row->ask.name, answer->text);
    if (outcome == PH_NOT_FOUND && answer->outcome == PH_NOT_FOUND) {
        snprintf(text, sizeof text,
                 "the %s %.300s does not exist in this account and region, or has no value at that stage", kind,
                 row->ask.name);
    }
    row_fail(row, outcome, answer->delay_ms, text);
}

static void on_answer(void *context, const struct aws_answer *answer)
{
    struct row *row = context;
    struct value value = {0};
    const char *fault = NULL;
    row->asking = false;
    if (answer->outcome == PH_OK) {
        value.bytes = secret_value_read(&row->ask, answer->json, &value.length, &fault);
    }
    if (row->current.bytes != NULL) { // this was the question for the pending stage
        if (value.bytes != NULL && !value_equal(&value, &row->value)) {
            value_wipe(&row->current);
            row_take(row, value);
        } else {
            value_wipe(&value);
            row_take_current(row);
        }
        return;
    }
    if (answer->outcome != PH_OK) {
        fail_by_answer(row, answer);
    } else if (value.bytes == NULL) {
        char text[ERROR_SIZE];
        snprintf(text, sizeof text, "the secret %.300s %s", row->name, fault);
        row_fail(row, PH_INVALID, 0, text);
    } else if (row->fresh && row->ask.any_stage && row->value.bytes != NULL && value_equal(&value, &row->value)) {
        row->current = value;
        row_ask(row, SECRET_PENDING);
    } else {
        row_take(row, value);
    }
}

static void row_ask(struct row *row, enum secret_stage stage)
{
    row->asking = true;
    buffer_clear(&row->body);
    const struct aws_request request = secret_request(&row->ask, stage, &row->body);
    aws_send(row->cache->client, &request, on_answer, row);
}

// --- The period --------------------------------------------------------------------------------------------

static void timer_set(struct secret_cache *cache)
{
    uint32_t random = 0;
    cache->host->random(cache->host, &random, sizeof random);
    int64_t period = cache->refresh_ms + (int64_t)random % (cache->refresh_ms / JITTER + 1);
    const struct timeval time = {.tv_sec = period / 1000, .tv_usec = period % 1000 * 1000};
    evtimer_add(cache->timer, &time);
}

static void on_timer(evutil_socket_t descriptor, short events, void *context)
{
    struct secret_cache *cache = context;
    struct row *row;
    (void)descriptor;
    (void)events;
    LIST_FOREACH(row, &cache->rows, entry)
    {
        if (!row->asking) {
            row_ask(row, row->ask.stage);
        }
    }
    timer_set(cache);
}

// --- Calls -------------------------------------------------------------------------------------------------

static void fetch_entry(struct secret_cache *cache, struct fetch *fetch, size_t index)
{
    struct ph_call *call = fetch->call;
    const struct ph_secret_name *entry = call->entries[index];
    struct secret_ask ask;
    if (!secret_ask_read(entry->name, &ask)) {
        call->host->set(call, index, PH_INVALID, 0, "no secret can have this name: %.200s", entry->name.bytes);
        return;
    }
    struct row *row = row_find(cache, entry->name);
    if (row != NULL && row->value.bytes != NULL && !entry->fresh) {
        answer_value(call, index, &row->value);
        return;
    }
    row = row != NULL ? row : row_new(cache, entry->name);
    struct waiter *waiter = row != NULL ? calloc(1, sizeof *waiter) : NULL;
    if (waiter == NULL) {
        call->host->set(call, index, PH_UNAVAILABLE, 0, "too many secrets are held to fetch %.200s", entry->name.bytes);
        return;
    }
    *waiter = (struct waiter){.fetch = fetch, .index = index};
    LIST_INSERT_HEAD(&row->waiters, waiter, entry);
    fetch->pending++;
    row->fresh = row->fresh || entry->fresh;
    if (!row->asking) {
        row_ask(row, row->ask.stage);
    }
}

void secret_cache_fetch(struct secret_cache *cache, struct ph_call *call)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    fetch->call = call;
    fetch->pending = 1; // this function itself
    LIST_INSERT_HEAD(&cache->fetches, fetch, entry);
    for (size_t i = 0; i < call->count; i++) {
        fetch_entry(cache, fetch, i);
    }
    if (--fetch->pending == 0) {
        fetch_finish(fetch);
    }
}

bool secret_cache_cancel(struct secret_cache *cache, const struct ph_call *call)
{
    struct fetch *fetch;
    LIST_FOREACH(fetch, &cache->fetches, entry)
    {
        if (fetch->call == call) {
            break;
        }
    }
    if (fetch == NULL) {
        return false;
    }
    struct row *row;
    LIST_FOREACH(row, &cache->rows, entry)
    {
        struct waiter *next;
        for (struct waiter *waiter = LIST_FIRST(&row->waiters); waiter != NULL; waiter = next) {
            next = LIST_NEXT(waiter, entry);
            if (waiter->fetch == fetch) {
                fetch->call->host->set(fetch->call, waiter->index, PH_TRANSIENT, 0, "cancelled");
                LIST_REMOVE(waiter, entry);
                free(waiter);
            }
        }
    }
    fetch_finish(fetch);
    return true;
}

// --- The cache ---------------------------------------------------------------------------------------------

struct secret_cache *secret_cache_new(const struct ph_host *host, struct aws_client *client, int64_t refresh_ms)
{
    struct secret_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        return NULL;
    }
    *cache = (struct secret_cache){.host = host, .client = client, .refresh_ms = refresh_ms, .outcome = PH_OK};
    LIST_INIT(&cache->rows);
    LIST_INIT(&cache->fetches);
    cache->timer = evtimer_new(host->base, on_timer, cache);
    if (cache->timer == NULL) {
        free(cache);
        return NULL;
    }
    if (refresh_ms > 0) {
        timer_set(cache);
    }
    return cache;
}

void secret_cache_stop(struct secret_cache *cache)
{
    event_del(cache->timer);
}

void secret_cache_free(struct secret_cache *cache)
{
    struct row *row;
    while ((row = LIST_FIRST(&cache->rows)) != NULL) {
        row_free(row);
    }
    event_free(cache->timer);
    free(cache->failed);
    free(cache);
}

enum ph_outcome secret_cache_health(const struct secret_cache *cache, size_t *held_r, const char **error_r)
{
    *held_r = cache->count;
    *error_r = cache->outcome != PH_OK ? cache->error : NULL;
    return cache->outcome;
}
