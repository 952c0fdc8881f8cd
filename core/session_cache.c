// SPDX-License-Identifier: Apache-2.0
//
// See session_cache.h.
#include "core/session_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_task.h"
#include "core/map.h"
#include "core/xalloc.h"

struct entry {
    struct api_session session;
    uint64_t confirmed_ns;
};

struct session_cache {
    pthread_mutex_t lock;
    struct map *entries; // by token hash
    uint64_t epoch;
};

struct session_cache *session_cache_new(void)
{
    struct session_cache *cache = xcalloc(1, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->entries = map_new(SESSION_CACHE_MAX);
    return cache;
}

static void entries_clear(struct session_cache *cache)
{
    struct map_cursor cursor = {0};
    while (map_next(cache->entries, &cursor)) {
        free(cursor.value);
    }
    map_clear(cache->entries);
}

void session_cache_free(struct session_cache *cache)
{
    if (cache != NULL) {
        entries_clear(cache);
        map_free(cache->entries);
        pthread_mutex_destroy(&cache->lock);
        free(cache);
    }
}

bool session_cache_find(struct session_cache *cache, const uint8_t token_hash[32], uint64_t now_ns, int64_t now_ms,
                        struct api_session *session_r)
{
    bool found = false;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = map_get(cache->entries, token_hash, HASH_SHA256_SIZE);
    if (entry != NULL) {
        found = now_ns - entry->confirmed_ns < (uint64_t)SESSION_CACHE_MS * 1000000 &&
                entry->session.expires_at > now_ms;
        if (found) {
            *session_r = entry->session;
        } else {
            map_remove(cache->entries, token_hash, HASH_SHA256_SIZE);
            free(entry);
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

uint64_t session_cache_epoch(struct session_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    const uint64_t epoch = cache->epoch;
    pthread_mutex_unlock(&cache->lock);
    return epoch;
}

void session_cache_remember(struct session_cache *cache, const struct api_session *session, uint64_t now_ns,
                            uint64_t epoch)
{
    struct entry *entry = xmalloc(sizeof *entry);
    void *old = NULL;
    *entry = (struct entry){.session = *session, .confirmed_ns = now_ns};
    pthread_mutex_lock(&cache->lock);
    if (cache->epoch != epoch) {
        old = entry;
    } else {
        if (map_count(cache->entries) >= SESSION_CACHE_MAX) {
            entries_clear(cache); // they come back with one question to storage each
        }
        map_put(cache->entries, session->token_hash, HASH_SHA256_SIZE, entry, &old);
    }
    pthread_mutex_unlock(&cache->lock);
    free(old);
}

void session_cache_forget(struct session_cache *cache, const uint8_t token_hash[32])
{
    pthread_mutex_lock(&cache->lock);
    cache->epoch++;
    free(map_remove(cache->entries, token_hash, HASH_SHA256_SIZE));
    pthread_mutex_unlock(&cache->lock);
}

void session_cache_forget_user(struct session_cache *cache, const char *user, const uint8_t *but_token_hash)
{
    struct map_cursor cursor = {0};
    pthread_mutex_lock(&cache->lock);
    cache->epoch++;
    while (map_next(cache->entries, &cursor)) {
        struct entry *entry = cursor.value;
        if (strcmp(entry->session.user, user) == 0 &&
            (but_token_hash == NULL || !hash_equal(entry->session.token_hash, but_token_hash, HASH_SHA256_SIZE))) {
            map_remove(cache->entries, entry->session.token_hash, HASH_SHA256_SIZE);
            free(entry);
        }
    }
    pthread_mutex_unlock(&cache->lock);
}
