// SPDX-License-Identifier: Apache-2.0
//
// Deliveries are grouped by inbox: the inboxes in order of their names' bytes, which is the order in which they are locked,
// and the entries of each in the wave's order.
#include "plugins/storage-rds/known.h"

#include <stdlib.h>

#include "plugins/storage-rds/names.h"
#include "plugins/storage-rds/parameters.h"
#include "plugins/storage-rds/rds.h"
#include "plugins/storage-rds/record.h"

/// An inbox of the wave.
struct inbox {
    struct ph_text name;
    size_t item;  ///< its number among the names
    size_t count; ///< how many messages get in
    size_t first; ///< where its entries begin
};

/// All inboxes of a wave, and who gets in.
struct grouping {
    struct names names;
    struct inbox *inboxes;
    size_t *place;    ///< of each name, where its next entry goes
    int64_t *entries; ///< numbers from 1 on, those of an inbox together
    size_t deliveries;
};

const struct recent_message *const *known_find(const struct wave *wave)
{
    const struct recent_message **known = wave->rds->host->alloc(wave->call, (wave->count + 1) * sizeof(*known));
    for (size_t i = 0; known != NULL && i < wave->count; i++) {
        known[i] = recent_find(wave->rds->recent, wave->call->entries[wave->indexes[i]]);
        if (known[i] == NULL)
            return NULL;
    }
    return known;
}

static int compare_inboxes(const void *left, const void *right)
{
    return names_compare(((const struct inbox *)left)->name, ((const struct inbox *)right)->name);
}

static bool begin(struct grouping *grouping, struct wave *wave, struct ph_record *const *records)
{
    const struct ph_host *host = wave->rds->host;
    *grouping = (struct grouping){.deliveries = 0};
    for (size_t i = 0; i < wave->count; i++)
        grouping->deliveries += records[i]->recipient_count;
    const size_t most = grouping->deliveries + 1;
    grouping->inboxes = host->alloc(wave->call, most * sizeof(struct inbox));
    grouping->place = host->alloc(wave->call, most * sizeof(size_t));
    grouping->entries = host->alloc(wave->call, most * sizeof(int64_t));
    return grouping->inboxes != NULL && grouping->place != NULL && grouping->entries != NULL &&
           names_begin(&grouping->names, wave->call, wave->rds->seed, most);
}

static void count_inboxes(struct grouping *grouping, const struct wave *wave, struct ph_record *const *records)
{
    for (size_t i = 0; i < wave->count; i++) {
        for (size_t r = 0; r < records[i]->recipient_count; r++) {
            const size_t item = names_add(&grouping->names, records[i]->recipients[r]->name);
            struct inbox *inbox = &grouping->inboxes[item];
            inbox->name = grouping->names.items[item];
            inbox->item = item;
            inbox->count++;
        }
    }
    qsort(grouping->inboxes, grouping->names.count, sizeof(struct inbox), compare_inboxes);
}

static void place_entries(struct grouping *grouping, const struct wave *wave, struct ph_record *const *records)
{
    size_t first = 0;
    for (size_t i = 0; i < grouping->names.count; i++) {
        struct inbox *inbox = &grouping->inboxes[i];
        inbox->first = grouping->place[inbox->item] = first;
        first += inbox->count;
    }
    for (size_t i = 0; i < wave->count; i++) {
        for (size_t r = 0; r < records[i]->recipient_count; r++) {
            const size_t item = names_add(&grouping->names, records[i]->recipients[r]->name);
            grouping->entries[grouping->place[item]++] = (int64_t)i + 1;
        }
    }
}

static bool add_grouping(struct rds_step *step, const struct wave *wave, const struct grouping *grouping)
{
    const size_t inboxes = grouping->names.count;
    struct array names = array_begin(wave->call, PARAMETER_TEXT, inboxes, inboxes * 16);
    struct array firsts = array_begin(wave->call, PARAMETER_BIGINT, inboxes, inboxes * 8);
    struct array counts = array_begin(wave->call, PARAMETER_BIGINT, inboxes, inboxes * 8);
    struct array entries = array_begin(wave->call, PARAMETER_BIGINT, grouping->deliveries, grouping->deliveries * 8);
    for (size_t i = 0; i < inboxes; i++) {
        const struct inbox *inbox = &grouping->inboxes[i];
        array_bytes(&names, inbox->name.bytes, inbox->name.length);
        array_bigint(&firsts, (int64_t)inbox->first);
        array_bigint(&counts, (int64_t)inbox->count);
    }
    for (size_t i = 0; i < grouping->deliveries; i++)
        array_bigint(&entries, grouping->entries[i]);
    return step_array(step, &names) && step_array(step, &firsts) && step_array(step, &counts) &&
           step_array(step, &entries);
}

bool known_add(struct rds_step *step, struct wave *wave, const struct recent_message *const *known)
{
    struct ph_record **records = wave->rds->host->alloc(wave->call, (wave->count + 1) * sizeof(struct ph_record *));
    struct array priorities = array_begin(wave->call, PARAMETER_BIGINT, wave->count, wave->count * 8);
    struct grouping grouping;
    wave->data = records;
    for (size_t i = 0; records != NULL && i < wave->count; i++) {
        records[i] = record_known(wave->call, known[i]);
        if (records[i] == NULL)
            return false;
        array_bigint(&priorities, known[i]->priority);
    }
    if (records == NULL || !begin(&grouping, wave, records))
        return false;
    count_inboxes(&grouping, wave, records);
    place_entries(&grouping, wave, records);
    return add_grouping(step, wave, &grouping) && step_column(step, &priorities);
}
