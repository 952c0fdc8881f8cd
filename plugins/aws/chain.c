// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/chain.h. This file decides when to fetch and which keys count; plugins/aws/fetch.h does the fetching.
#include "plugins/aws/chain.h"
#include "core/timestamp.h"
#include "plugins/aws/fetch.h"
#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAGIC 0x63686e6bu
#define MINUTES(n) ((int64_t)(n)*60000)
/// From so long before their end keys are fetched again, and from so long before it a request waits for that; of keys that
/// live less than an hour, a quarter and a sixth of their life.
#define ADVISORY_MS MINUTES(15)
#define ADVISORY_PART 4
#define MANDATORY_MS MINUTES(10)
#define MANDATORY_PART 6
/// Keys that have ended before they came are tried so long: it may be this machine's clock that is off.
#define DOUBTFUL_MS MINUTES(1)
/// After a failure the next try comes so much later, doubling up to the second number.
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 30000
#define NANOSECONDS_PER_MS 1000000

struct aws_chain {
    uint32_t magic;
    const struct ph_host *host;
    struct aws_settings *settings;
    void (*changed)(void *context);
    void *context;
    struct aws_fetch fetch;
    struct event *later; ///< a fetch has ended
    bool fetching;
    bool refused; ///< the keys' end was told by a service
    struct aws_keyset keys;
    int64_t until_ms; ///< they are used until then; 0: for ever
    int64_t advisory_ms;
    int64_t mandatory_ms;
    int64_t retry_at; ///< monotonic, ns; 0: the last fetch was good
    int64_t pause_ms;
    enum ph_outcome outcome; ///< of the last fetch
    char error[AWS_FETCH_TEXT_SIZE];
    int64_t failed_at; ///< ms since 1970
    void (*closed)(void *context);
    void *closed_context;
};

static void chain_free(struct aws_chain *chain)
{
    aws_fetch_clear(&chain->fetch);
    aws_keyset_clear(&chain->keys);
    if (chain->later != NULL) {
        event_free(chain->later);
    }
    chain->magic = 0;
    free(chain);
}

// --- Fetching ----------------------------------------------------------------------------------------------

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

static void set_times(struct aws_chain *chain)
{
    int64_t now = chain->host->now(chain->host);
    int64_t life = chain->keys.expires_ms - now;
    chain->until_ms = chain->keys.expires_ms;
    if (chain->until_ms != 0 && life <= 0) {
        life = DOUBTFUL_MS;
        chain->until_ms = now + life;
        chain->host->log(chain->host, PH_LOG_WARN, NULL,
                         "the credentials have ended before they came; is this machine's clock right?");
    }
    chain->advisory_ms = smaller(ADVISORY_MS, life / ADVISORY_PART);
    chain->mandatory_ms = smaller(MANDATORY_MS, life / MANDATORY_PART);
}

static void take_keys(struct aws_chain *chain)
{
    bool same = chain->keys.id != NULL && strcmp(chain->keys.id, chain->fetch.keys.id) == 0;
    bool first = chain->keys.id == NULL;
    bool was_refused = chain->refused;
    aws_keyset_clear(&chain->keys);
    chain->keys = chain->fetch.keys;
    chain->fetch.keys = (struct aws_keyset){0};
    set_times(chain);
    chain->refused = false;
    chain->pause_ms = 0;
    chain->retry_at = 0;
    if (was_refused && same) {
        // Nothing new is to be had yet: no fetch for each request that is refused.
        chain->pause_ms = PAUSE_MAX_MS;
        chain->retry_at = chain->host->monotonic(chain->host) + chain->pause_ms * NANOSECONDS_PER_MS;
    }
    chain->host->log(chain->host, first ? PH_LOG_INFO : PH_LOG_DEBUG, NULL, "credentials come from %s",
                     aws_source_name(chain->fetch.source));
}

static void take_failure(struct aws_chain *chain)
{
    chain->pause_ms = chain->pause_ms == 0 ? PAUSE_MIN_MS : chain->pause_ms * 2;
    chain->pause_ms = smaller(chain->pause_ms, PAUSE_MAX_MS);
    chain->retry_at = chain->host->monotonic(chain->host) + chain->pause_ms * NANOSECONDS_PER_MS;
    chain->failed_at = chain->host->now(chain->host);
    snprintf(chain->error, sizeof chain->error, "%s", chain->fetch.text);
    chain->host->log(chain->host, PH_LOG_WARN, NULL, "fetching credentials failed: %s", chain->error);
    if (chain->keys.id == NULL) {
        chain->fetch.source = AWS_SOURCE_NONE; // none has won yet: all are looked at again
        chain->fetch.loaded = false;
    }
}

// The end of a fetch, told outside of whatever brought it.
static void on_later(evutil_socket_t descriptor, short events, void *context)
{
    struct aws_chain *chain = context;
    (void)descriptor;
    (void)events;
    assert(chain->magic == CHAIN_MAGIC);
    chain->fetching = false;
    if (chain->closed != NULL) {
        void (*closed)(void *closed_context) = chain->closed;
        void *closed_context = chain->closed_context;
        chain_free(chain);
        closed(closed_context);
        return;
    }
    chain->outcome = chain->fetch.outcome;
    if (chain->outcome == PH_OK) {
        take_keys(chain);
    } else {
        take_failure(chain);
    }
    chain->changed(chain->context);
}

static void on_fetched(void *context)
{
    struct aws_chain *chain = context;
    event_active(chain->later, EV_TIMEOUT, 0);
}

// Begins a fetch unless one is under way, or the last one failed just now. Whether one is under way then.
static bool begin(struct aws_chain *chain)
{
    if (!chain->fetching && chain->host->monotonic(chain->host) >= chain->retry_at) {
        chain->fetching = true;
        aws_fetch_begin(&chain->fetch);
    }
    return chain->fetching;
}

// --- The keys ----------------------------------------------------------------------------------------------

static int64_t time_left(const struct aws_chain *chain)
{
    return chain->until_ms == 0 ? INT64_MAX : chain->until_ms - chain->host->now(chain->host);
}

static bool is_usable(const struct aws_chain *chain)
{
    return chain->keys.id != NULL && !chain->refused && time_left(chain) > 0;
}

enum aws_chain_state aws_chain_keys(struct aws_chain *chain, struct aws_keys *keys_r)
{
    assert(chain->magic == CHAIN_MAGIC);
    bool usable = is_usable(chain);
    int64_t left = time_left(chain);
    bool fetching = !usable || left <= chain->advisory_ms ? begin(chain) : chain->fetching;
    // Once a fetch has failed, keys that are still good are better than waiting for the next.
    bool wait = !usable || (left <= chain->mandatory_ms && chain->outcome == PH_OK);
    if (fetching && wait) {
        return AWS_CHAIN_WAIT;
    }
    if (!usable) {
        return AWS_CHAIN_FAILED;
    }
    *keys_r = (struct aws_keys){chain->keys.id, chain->keys.secret, chain->keys.token};
    return AWS_CHAIN_READY;
}

void aws_chain_refuse(struct aws_chain *chain, const char *key_id)
{
    bool current = chain->keys.id != NULL && key_id != NULL && strcmp(chain->keys.id, key_id) == 0;
    if (current && chain->host->monotonic(chain->host) >= chain->retry_at) {
        chain->refused = true;
    }
}

enum ph_outcome aws_chain_error(const struct aws_chain *chain, const char **text_r)
{
    bool said = chain->outcome != PH_OK;
    *text_r = said ? chain->error : "the credentials have expired and no new ones are to be had";
    return said ? chain->outcome : PH_DENIED;
}

void aws_chain_health(const struct aws_chain *chain, char *line_r, size_t size)
{
    char until[TIMESTAMP_SIZE] = "";
    char failed[TIMESTAMP_SIZE] = "";
    const char *source = aws_source_name(chain->fetch.source);
    if (chain->outcome != PH_OK) {
        timestamp_format(chain->failed_at, failed);
    }
    if (chain->keys.id == NULL) {
        snprintf(line_r, size, "no credentials%s%s", chain->outcome != PH_OK ? ": " : " yet",
                 chain->outcome != PH_OK ? chain->error : "");
        return;
    }
    if (chain->keys.expires_ms > 0) {
        timestamp_format(chain->keys.expires_ms, until);
    }
    const char *state = chain->refused ? ", refused as expired" : "";
    snprintf(line_r, size, "credentials from %s, %s%s%s%s%s%s%s", source,
             until[0] != '\0' ? "good until " : "without an end", until, state,
             failed[0] != '\0' ? "; the refresh failed at " : "", failed, failed[0] != '\0' ? ": " : "",
             failed[0] != '\0' ? chain->error : "");
}

// --- The chain ---------------------------------------------------------------------------------------------

struct aws_chain *aws_chain_new(const struct ph_host *host, struct aws_settings *settings, struct aws_meter *meter,
                                void (*changed)(void *context), void *context)
{
    struct aws_chain *chain = calloc(1, sizeof *chain);
    if (chain == NULL) {
        return NULL;
    }
    chain->magic = CHAIN_MAGIC;
    chain->host = host;
    chain->settings = settings;
    chain->changed = changed;
    chain->context = context;
    chain->outcome = PH_OK;
    chain->later = event_new(host->base, -1, 0, on_later, chain);
    if (!aws_fetch_init(&chain->fetch, host, settings, meter, on_fetched, chain) || chain->later == NULL) {
        chain_free(chain);
        return NULL;
    }
    return chain;
}

void aws_chain_close(struct aws_chain *chain, void (*closed)(void *context), void *context)
{
    assert(chain->magic == CHAIN_MAGIC);
    if (chain->fetching) {
        chain->closed = closed;
        chain->closed_context = context;
        aws_errand_cancel(&chain->fetch.errand);
        return;
    }
    chain_free(chain);
    closed(context);
}
