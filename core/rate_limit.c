// SPDX-License-Identifier: Apache-2.0
//
// Buckets hold thousandths of a token and fill by `rate` thousandths a millisecond. A list in order of use gives the
// bucket to forget.
#include "core/rate_limit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/list.h"
#include "core/map.h"
#include "core/xalloc.h"

#define MOST 1000000
#define TOKEN 1000

struct bucket {
    TAILQ_ENTRY(bucket) link;
    int64_t filled_ms; // when `level` was right
    uint64_t level;
    size_t length;
    unsigned char key[RATE_LIMIT_KEY_MAX];
};

TAILQ_HEAD(bucket_list, bucket);

struct rate_limit {
    uint32_t rate;
    uint64_t full;
    struct map *map;
    struct bucket_list used; // the least recently used first
    struct bucket_list spare;
    struct bucket *buckets;
};

struct rate_limit *rate_limit_create(uint32_t rate, uint32_t burst, size_t keys)
{
    assert(rate >= 1 && rate <= MOST && burst >= 1 && burst <= MOST && keys >= 1 && keys <= MOST);
    struct rate_limit *limit = xcalloc(1, sizeof(*limit));
    limit->rate = rate;
    limit->full = (uint64_t)burst * TOKEN;
    limit->map = map_new(keys);
    limit->buckets = xcalloc(keys, sizeof(*limit->buckets));
    TAILQ_INIT(&limit->used);
    TAILQ_INIT(&limit->spare);
    for (size_t i = 0; i < keys; i++) {
        TAILQ_INSERT_TAIL(&limit->spare, &limit->buckets[i], link);
    }
    return limit;
}

void rate_limit_destroy(struct rate_limit **limit)
{
    if (*limit == NULL) {
        return;
    }
    map_free((*limit)->map);
    free((*limit)->buckets);
    free(*limit);
    *limit = NULL;
}

static void fill(const struct rate_limit *limit, struct bucket *bucket, int64_t now_ms)
{
    uint64_t passed = now_ms > bucket->filled_ms ? (uint64_t)(now_ms - bucket->filled_ms) : 0;
    uint64_t missing = limit->full - bucket->level;
    // Compared by division, so that a long absence cannot overflow.
    bucket->level = passed > missing / limit->rate ? limit->full : bucket->level + passed * limit->rate;
    bucket->filled_ms = now_ms;
}

static void forget(struct rate_limit *limit, struct bucket *bucket)
{
    map_remove(limit->map, bucket->key, bucket->length);
    TAILQ_REMOVE(&limit->used, bucket, link);
    TAILQ_INSERT_TAIL(&limit->spare, bucket, link);
}

// A full bucket is as good as none. Two a call keep pace with the one that a call can add.
static void forget_full(struct rate_limit *limit, int64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        struct bucket *oldest = TAILQ_FIRST(&limit->used);
        if (oldest == NULL) {
            return;
        }
        fill(limit, oldest, now_ms);
        if (oldest->level < limit->full) {
            return;
        }
        forget(limit, oldest);
    }
}

static struct bucket *add(struct rate_limit *limit, const void *key, size_t length, int64_t now_ms)
{
    if (TAILQ_EMPTY(&limit->spare)) {
        forget(limit, TAILQ_FIRST(&limit->used));
    }
    struct bucket *bucket = TAILQ_FIRST(&limit->spare);
    TAILQ_REMOVE(&limit->spare, bucket, link);
    TAILQ_INSERT_TAIL(&limit->used, bucket, link);
    memcpy(bucket->key, key, length);
    bucket->length = length;
    bucket->level = limit->full;
    bucket->filled_ms = now_ms;
    bool added = map_add(limit->map, key, length, bucket);
    assert(added);
    (void)added;
    return bucket;
}

uint32_t rate_limit_take(struct rate_limit *limit, const void *key, size_t length, int64_t now_ms)
{
    assert(length >= 1 && length <= RATE_LIMIT_KEY_MAX);
    forget_full(limit, now_ms);
    struct bucket *bucket = map_get(limit->map, key, length);
    if (bucket == NULL) {
        bucket = add(limit, key, length, now_ms);
    } else {
        fill(limit, bucket, now_ms);
        TAILQ_REMOVE(&limit->used, bucket, link);
        TAILQ_INSERT_TAIL(&limit->used, bucket, link);
    }
    if (bucket->level >= TOKEN) {
        bucket->level -= TOKEN;
        return 0;
    }
    return (uint32_t)((TOKEN - bucket->level + limit->rate - 1) / limit->rate);
}
