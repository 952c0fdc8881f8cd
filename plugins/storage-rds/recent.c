// SPDX-License-Identifier: Apache-2.0
//
// See recent.h. Sets of a few places: which one a message goes to is a hash of its id, and there it takes the place of the
// one that came first.
#include "plugins/storage-rds/recent.h"

#include <stdlib.h>
#include <string.h>

#include "plugins/storage-rds/names.h"

#define SETS ((size_t)4096)
#define PLACES 4
#define TEXTS_MOST 1024 // bytes of a message; so all take 20 MiB at most

struct entry {
    struct recent_message message;
    uint64_t number; // in the order in which they came
    char texts[];
};

struct recent {
    uint64_t seed;
    uint64_t number;
    struct entry *sets[SETS][PLACES];
};

struct recent *recent_new(uint64_t seed)
{
    struct recent *recent = calloc(1, sizeof(*recent));
    if (recent != NULL)
        recent->seed = seed;
    return recent;
}

void recent_free(struct recent *recent)
{
    for (size_t i = 0; recent != NULL && i < SETS; i++) {
        for (size_t j = 0; j < PLACES; j++)
            free(recent->sets[i][j]);
    }
    free(recent);
}

// Where its set is.
static size_t set_of(const struct recent *recent, const struct ph_id *id)
{
    return (size_t)names_hash(recent->seed, id, sizeof(*id)) & (SETS - 1);
}

// The place of that id in a set; PLACES: it is not there.
static size_t place_of(struct entry *const set[PLACES], const struct ph_id *id)
{
    size_t place = 0;
    while (place < PLACES && (set[place] == NULL || memcmp(&set[place]->message.id, id, sizeof(*id)) != 0))
        place++;
    return place;
}

// The place that is free, or whose message came first.
static size_t place_for(struct entry *const set[PLACES])
{
    size_t oldest = 0;
    for (size_t place = 0; place < PLACES; place++) {
        if (set[place] == NULL)
            return place;
        if (set[place]->number < set[oldest]->number)
            oldest = place;
    }
    return oldest;
}

static struct ph_text keep(char **at, struct ph_text text)
{
    struct ph_text kept = {.bytes = *at, .length = text.length};
    if (text.length > 0)
        memcpy(*at, text.bytes, text.length);
    *at += text.length;
    return kept;
}

static struct ph_text keep_recipients(char **at, const struct ph_message *message)
{
    const char *kept = *at;
    *at = names_join(*at, message->recipients, message->recipient_count);
    return (struct ph_text){.bytes = kept, .length = (size_t)(*at - kept)};
}

static size_t length_of(const struct ph_message *message)
{
    return message->sender.length + message->trace.length + message->content_type.length + message->attributes.length +
           names_joined_length(message->recipients, message->recipient_count);
}

static struct entry *entry_new(const struct ph_message *message, int64_t accepted_at)
{
    const size_t length = length_of(message);
    struct entry *entry = length <= TEXTS_MOST ? malloc(sizeof(*entry) + length) : NULL;
    if (entry == NULL)
        return NULL;
    char *at = entry->texts;
    entry->message = (struct recent_message){
        .id = message->id,
        .accepted_at = accepted_at,
        .deliver_at = message->deliver_at,
        .expires_at = message->expires_at,
        .body_length = message->body.length,
        .priority = message->priority,
    };
    entry->message.sender = keep(&at, message->sender);
    entry->message.recipients = keep_recipients(&at, message);
    entry->message.trace = keep(&at, message->trace);
    entry->message.content_type = keep(&at, message->content_type);
    entry->message.attributes = keep(&at, message->attributes);
    return entry;
}

void recent_put(struct recent *recent, const struct ph_message *message, int64_t accepted_at)
{
    struct entry **set = recent->sets[set_of(recent, &message->id)];
    struct entry *entry = entry_new(message, accepted_at);
    size_t place = place_of(set, &message->id);
    if (entry == NULL) {
        recent_drop(recent, &message->id);
        return;
    }
    if (place == PLACES)
        place = place_for(set);
    free(set[place]);
    entry->number = ++recent->number;
    set[place] = entry;
}

const struct recent_message *recent_find(const struct recent *recent, const struct ph_id *id)
{
    struct entry *const *set = recent->sets[set_of(recent, id)];
    const size_t place = place_of(set, id);
    return place < PLACES ? &set[place]->message : NULL;
}

void recent_drop(struct recent *recent, const struct ph_id *id)
{
    struct entry **set = recent->sets[set_of(recent, id)];
    const size_t place = place_of(set, id);
    if (place < PLACES) {
        free(set[place]);
        set[place] = NULL;
    }
}
