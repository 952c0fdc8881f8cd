// SPDX-License-Identifier: Apache-2.0
//
// See core/probe.h.
#include "core/probe.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/outcome.h"
#include "core/uuid.h"
#include "core/xalloc.h"

#define OPEN_LIMIT_MS 30000

struct answer {
    bool done;
    uint32_t outcome;
    char text[sizeof((struct probe *)0)->text];
};

static void answer_set(struct answer *answer, const struct ph_result *result)
{
    answer->done = true;
    answer->outcome = result->outcome;
    snprintf(answer->text, sizeof answer->text, "%s", result->text != NULL ? result->text : "no reason was given");
}

static void opened(struct backend *backend, const struct ph_result *result, void *context)
{
    (void)backend;
    answer_set(context, result);
}

static void asked(struct backend_call *call, void *context)
{
    answer_set(context, backend_call_result(call, 0));
    backend_call_free(call);
}

static struct answer open_backend(struct runtime *runtime, enum ph_kind kind)
{
    struct answer answer = {.outcome = PH_UNAVAILABLE};
    struct backend *backend = runtime_backend(runtime, kind, NULL, NULL);
    backend_open(backend, opened, &answer);
    if (!runtime_run_until(runtime, &answer.done, OPEN_LIMIT_MS)) {
        snprintf(answer.text, sizeof answer.text, "it did not open within %d s", OPEN_LIMIT_MS / 1000);
    }
    return answer;
}

static struct ph_id some_id(void)
{
    struct ph_id id;
    struct uuid uuid;
    uuid_make(clock_wall_ms(clock_system()), &uuid);
    memcpy(id.bytes, uuid.bytes, sizeof id.bytes);
    return id;
}

// What is asked: NULL for operations without an entry.
static const void *entry_of(struct backend_call *call, uint32_t operation)
{
    if (operation == PH_META_GET) {
        struct ph_document_id *entry = backend_call_alloc(call, sizeof *entry);
        entry->id = some_id();
        return entry;
    }
    return NULL;
}

static struct answer ask(struct runtime *runtime, enum ph_kind kind, uint32_t operation, struct probe *probe)
{
    struct answer answer = {.done = false};
    struct backend_call *call = backend_call_new(runtime->backends[kind], (enum ph_operation)operation, 1);
    backend_call_add(call, entry_of(call, operation));
    backend_submit(call, NULL, asked, &answer);
    runtime_run_until(runtime, &answer.done, 0); // the call has a deadline
    probe->operation = operation;
    probe->asked[probe->asked_count++] = operation;
    return answer;
}

// Open and health must be good; of the others, only a refusal of this program counts.
static bool is_trouble(uint32_t operation, uint32_t outcome)
{
    return operation == PH_OPEN || operation == PH_HEALTH ? outcome != PH_OK : outcome == PH_DENIED;
}

bool probe_run(struct runtime *runtime, enum ph_kind kind, struct probe *probe_r)
{
    static const struct {
        enum ph_kind kind;
        uint32_t operation;
    } questions[] = {
        {PH_KIND_STORAGE, PH_STORAGE_STATS},
        {PH_KIND_META, PH_META_GET},
        {PH_KIND_QUEUE, PH_QUEUE_STATS},
    };
    struct answer answer = {.outcome = PH_OK};
    *probe_r = (struct probe){.operation = PH_OPEN, .outcome = PH_OK, .asked_count = 1, .asked = {PH_OPEN}};
    if (runtime->backends[kind] == NULL) { // the secret backend may be open for the secrets
        answer = open_backend(runtime, kind);
    }
    if (answer.outcome == PH_OK) {
        answer = ask(runtime, kind, PH_HEALTH, probe_r);
    }
    for (size_t i = 0; i < sizeof questions / sizeof questions[0] && !is_trouble(probe_r->operation, answer.outcome);
         i++) {
        if (questions[i].kind == kind) {
            answer = ask(runtime, kind, questions[i].operation, probe_r);
        }
    }
    if (!is_trouble(probe_r->operation, answer.outcome)) {
        return true;
    }
    probe_r->outcome = answer.outcome;
    memcpy(probe_r->text, answer.text, sizeof probe_r->text);
    return false;
}

// --- Rights ------------------------------------------------------------------------------------------------

static bool same_right(const struct rights_need *left, const struct rights_need *right)
{
    return left->section == right->section && strcmp(left->right->action, right->right->action) == 0 &&
           strcmp(left->resource, right->resource) == 0;
}

static bool was_used(const struct probe *probe, const struct rights_need *need)
{
    for (size_t i = 0; i < probe->asked_count; i++) {
        if (probe->asked[i] == need->right->operation) {
            return true;
        }
    }
    return need->right->operation == PH_SECRET_FETCH;
}

// True for a right that is still to be tried: the first row of its action on its resource, of which no row was used.
static bool is_open(const struct probe *probe, const struct rights *rights, size_t index)
{
    const struct rights_need *need = &rights->needs[index];
    for (size_t i = 0; i < rights->count; i++) {
        const struct rights_need *other = &rights->needs[i];
        if (same_right(need, other) && (i < index || was_used(probe, other))) {
            return false;
        }
    }
    return need->right->via == NULL;
}

struct trials {
    bool done;
    struct probe_right *rights;
    size_t count;
};

static void tried(struct backend_call *call, void *context)
{
    struct trials *trials = context;
    for (size_t i = 0; i < trials->count; i++) {
        struct answer answer;
        answer_set(&answer, backend_call_result(call, i));
        trials->rights[i].outcome = answer.outcome;
        memcpy(trials->rights[i].text, answer.text, sizeof answer.text);
    }
    trials->done = true;
    backend_call_free(call);
}

static void try_rights(struct runtime *runtime, struct backend *backend, struct trials *trials)
{
    struct backend_call *call = backend_call_new(backend, PH_PROBE, trials->count);
    for (size_t i = 0; i < trials->count; i++) {
        backend_call_add(call, trials->rights[i].need->right);
    }
    backend_submit(call, NULL, tried, trials);
    runtime_run_until(runtime, &trials->done, 0); // the call has a deadline
}

size_t probe_rights(struct runtime *runtime, enum ph_kind kind, const struct probe *probe, const struct rights *rights,
                    struct probe_right **rights_r)
{
    struct trials trials = {.rights = xcalloc(rights->count + 1, sizeof *trials.rights)};
    for (size_t i = 0; i < rights->count; i++) {
        if (rights->needs[i].section->kind == kind && is_open(probe, rights, i)) {
            trials.rights[trials.count++] =
                (struct probe_right){.need = &rights->needs[i],
                                     .outcome = PH_INVALID,
                                     .text = "the plugin has no way to try it without an effect"};
        }
    }
    if (trials.count > 0 && backend_offers(runtime->backends[kind], PH_PROBE)) {
        try_rights(runtime, runtime->backends[kind], &trials);
    }
    *rights_r = trials.rights;
    return trials.count;
}
