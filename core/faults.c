// SPDX-License-Identifier: Apache-2.0
//
// See core/faults.h: the decisions. The parser is in core/faults_parse.c.
#include "core/faults.h"
#include "core/xalloc.h"
#include <stdlib.h>
#include <string.h>

#define MILLION 1000000u
#define MS UINT64_C(1000000)

struct faults {
    struct fault_settings settings;
    uint64_t started_ns;
    struct random_seeded generators[OPERATION_NUMBER_MAX];
};

struct faults *faults_new(const struct fault_settings *settings, uint64_t started_ns)
{
    if (!settings->present) {
        return NULL;
    }
    struct faults *faults = xcalloc(1, sizeof *faults);
    faults->settings = *settings;
    faults->started_ns = started_ns;
    for (uint32_t number = 0; number < OPERATION_NUMBER_MAX; number++) {
        // Far apart, so that operations do not share a stretch of one sequence.
        random_seeded_init(&faults->generators[number], settings->seed + number * UINT64_C(0x9e3779b97f4a7c15));
    }
    return faults;
}

void faults_free(struct faults *faults)
{
    free(faults);
}

static const struct fault_rule *rule_of(const struct faults *faults, uint32_t number)
{
    if (number >= OPERATION_NUMBER_MAX) {
        return NULL;
    }
    if (faults->settings.rules[number].set) {
        return &faults->settings.rules[number];
    }
    const struct operation *operation = operation_find(number);
    bool covered = operation != NULL && (operation->kind != 0 || number == PH_HEALTH);
    return covered && faults->settings.all.set ? &faults->settings.all : NULL;
}

static enum fault_choice choose(const struct fault_rule *rule, uint32_t drawn)
{
    const struct {
        uint32_t share;
        enum fault_choice choice;
    } shares[] = {
        {rule->transient, FAULT_TRANSIENT}, {rule->uncertain, FAULT_UNCERTAIN},     {rule->throttled, FAULT_THROTTLED},
        {rule->hang, FAULT_HANG},           {rule->unavailable, FAULT_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        if (drawn < shares[i].share) {
            return shares[i].choice;
        }
        drawn -= shares[i].share;
    }
    return FAULT_NONE;
}

static bool is_down(const struct faults *faults, const struct fault_rule *rule, uint64_t now_ns)
{
    uint64_t since = now_ns > faults->started_ns ? now_ns - faults->started_ns : 0;
    return since >= (uint64_t)rule->down_from_ms * MS && since < (uint64_t)rule->down_to_ms * MS;
}

bool faults_decide(struct faults *faults, uint32_t operation, uint64_t now_ns, struct fault_decision *decision_r)
{
    const struct fault_rule *rule = rule_of(faults, operation);
    if (rule == NULL) {
        return false;
    }
    // Always four numbers, used or not, so that a rule that is changed does not shift the others' decisions.
    struct random_seeded *generator = &faults->generators[operation];
    uint32_t choice = (uint32_t)random_seeded_below(generator, MILLION);
    uint32_t duplicate = (uint32_t)random_seeded_below(generator, MILLION);
    double latency = random_seeded_unit(generator);
    uint64_t entries = random_seeded_next(generator);
    *decision_r = (struct fault_decision){
        .choice = is_down(faults, rule, now_ns) ? FAULT_UNAVAILABLE : choose(rule, choice),
        .duplicate = duplicate < rule->duplicate,
        .latency_ms = rule->latency_from_ms +
                      (int64_t)(latency * (double)(rule->latency_to_ms - rule->latency_from_ms + 1)),
        .delay_ms = rule->throttled_delay_ms,
        .partial = rule->partial,
    };
    if (rule->latency_to_ms == 0) {
        decision_r->latency_ms = 0;
    }
    random_seeded_init(&decision_r->entries, entries);
    return decision_r->choice != FAULT_NONE || decision_r->duplicate || decision_r->latency_ms > 0 ||
           decision_r->partial > 0;
}

bool faults_leaves_out(struct fault_decision *decision)
{
    return random_seeded_below(&decision->entries, MILLION) < decision->partial;
}
