// SPDX-License-Identifier: Apache-2.0
//
// See leases.h. Places are an array that grows; free ones form a list; those in use hang in buckets by a hash of the job's
// name. When all are in use, a hand goes round and frees what is over: a few places a note, so that the cost
// of a note is bounded.
#include "plugins/queue-sqs/leases.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_PLACES 256u
#define BUCKETS 4096u
#define HAND_STEPS 8u
#define NONE UINT32_MAX

struct place {
    uint64_t job; // hash of its name
    int64_t end;
    uint32_t turn;
    uint32_t next; // in the bucket, or of the free ones
    bool used;
};

struct leases {
    uint64_t seed;
    uint32_t count; // places
    uint32_t free;
    uint32_t hand;
    struct place *places;
    uint32_t buckets[BUCKETS];
};

struct leases *leases_new(uint64_t seed)
{
    struct leases *leases = calloc(1, sizeof *leases);
    if (leases == NULL) {
        return NULL;
    }
    leases->seed = seed;
    leases->free = NONE;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        leases->buckets[i] = NONE;
    }
    return leases;
}

void leases_free(struct leases *leases)
{
    if (leases != NULL) {
        free(leases->places);
        free(leases);
    }
}

static uint64_t hash_of(const struct leases *leases, const char *job)
{
    uint64_t hash = leases->seed ^ 0xcbf29ce484222325u;
    for (; *job != '\0'; job++) {
        hash = (hash ^ (unsigned char)*job) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

static uint32_t *bucket_of(struct leases *leases, uint64_t job)
{
    return &leases->buckets[job % BUCKETS];
}

// Takes a place out of its bucket; whoever refers to it will see another turn.
static void release(struct leases *leases, uint32_t index)
{
    struct place *place = &leases->places[index];
    uint32_t *link = bucket_of(leases, place->job);
    while (*link != index) {
        link = &leases->places[*link].next;
    }
    *link = place->next;
    place->used = false;
    place->turn++;
    place->next = leases->free;
    leases->free = index;
}

static bool grow(struct leases *leases)
{
    const uint32_t count = leases->count == 0 ? FIRST_PLACES : 2 * leases->count;
    if (count > LEASES_MAX) {
        return false;
    }
    struct place *places = realloc(leases->places, count * sizeof *places);
    if (places == NULL) {
        return false;
    }
    memset(places + leases->count, 0, (count - leases->count) * sizeof *places);
    for (uint32_t i = count; i-- > leases->count;) {
        places[i].next = leases->free;
        leases->free = i;
    }
    leases->places = places;
    leases->count = count;
    return true;
}

static void move_hand(struct leases *leases, int64_t now)
{
    for (uint32_t i = 0; i < HAND_STEPS && leases->count > 0; i++) {
        const struct place *place = &leases->places[leases->hand];
        if (place->used && place->end <= now) {
            release(leases, leases->hand);
        }
        leases->hand = (leases->hand + 1) % leases->count;
    }
}

// The receiving before this one ends here, whether its lease has ended or not.
static void replace(struct leases *leases, uint64_t job)
{
    for (uint32_t index = *bucket_of(leases, job); index != NONE; index = leases->places[index].next) {
        if (leases->places[index].job == job) {
            release(leases, index);
            return;
        }
    }
}

struct lease_reference leases_note(struct leases *leases, const char *job, int64_t now, int64_t end)
{
    const uint64_t hash = hash_of(leases, job);
    replace(leases, hash);
    if (leases->free == NONE && !grow(leases)) {
        move_hand(leases, now);
        if (leases->free == NONE) {
            return (struct lease_reference){0};
        }
    }
    const uint32_t index = leases->free;
    struct place *place = &leases->places[index];
    leases->free = place->next;
    place->used = true;
    place->job = hash;
    place->end = end;
    place->next = *bucket_of(leases, hash);
    *bucket_of(leases, hash) = index;
    return (struct lease_reference){.place = index + 1, .turn = place->turn};
}

static struct place *place_of(const struct leases *leases, struct lease_reference reference)
{
    if (reference.place == 0 || reference.place > leases->count) {
        return NULL;
    }
    struct place *place = &leases->places[reference.place - 1];
    return place->used && place->turn == reference.turn ? place : NULL;
}

enum lease_state leases_look(const struct leases *leases, struct lease_reference reference, int64_t now)
{
    if (reference.place == 0) {
        return LEASE_UNKNOWN;
    }
    const struct place *place = place_of(leases, reference);
    if (place == NULL) {
        return LEASE_REPLACED;
    }
    return place->end > now ? LEASE_GOOD : LEASE_OVER;
}

void leases_move(struct leases *leases, struct lease_reference reference, int64_t end)
{
    struct place *place = place_of(leases, reference);
    if (place != NULL) {
        place->end = end;
    }
}

void leases_end(struct leases *leases, struct lease_reference reference)
{
    if (place_of(leases, reference) != NULL) {
        release(leases, reference.place - 1);
    }
}
