// SPDX-License-Identifier: Apache-2.0
//
// See conformance/stand.h.
#include "conformance/stand.h"

#include "core/clock.h"
#include "core/deferred.h"
#include "core/host.h"
#include "core/instance.h"
#include "core/loader.h"
#include "core/metrics.h"
#include "core/offload.h"
#include "core/operation.h"
#include "core/outcome.h"
#include "core/xalloc.h"
#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 20000
#define HELPERS 4
#define HELPER_JOBS 16384
#define METRICS_MAX 4096
#define HINTS_MAX 64
#define SECTION_SIZE 16

struct subject {
    struct subject *next;
    struct test *test;
    struct instance *instance;
    bool ended;
    enum instance_end end;
};

struct stand {
    struct event_base *base;
    struct metrics *metrics;
    struct offload *offload;
    struct host *host;
    struct subject *subjects;
    struct ask *asks;
    size_t hint_count;
    struct ph_text hints[HINTS_MAX];
    char misuse[512];
};

static void stand_misuse(void *context, const char *text)
{
    struct stand *stand = context;
    if (stand->misuse[0] == '\0') {
        snprintf(stand->misuse, sizeof stand->misuse, "%s", text);
    }
}

static void stand_hint(void *context, struct ph_text user)
{
    struct test *test = context;
    struct stand *stand = test->stand;
    if (stand->hint_count < HINTS_MAX) {
        stand->hints[stand->hint_count++] = test_bytes(test, user.bytes, user.length);
    }
}

unsigned stand_hints(const struct test *test, struct ph_text user)
{
    unsigned count = 0;
    for (size_t i = 0; i < test->stand->hint_count; i++) {
        count += text_equal(test->stand->hints[i], user) ? 1 : 0;
    }
    return count;
}

static struct stand *stand_of(struct test *test)
{
    if (test->stand != NULL) {
        return test->stand;
    }
    evthread_use_pthreads();
    struct stand *stand = xcalloc(1, sizeof *stand);
    test->stand = stand;
    stand->base = event_base_new();
    stand->metrics = metrics_new(METRICS_MAX);
    stand->offload = stand->base != NULL ? offload_new(stand->base, HELPERS, HELPER_JOBS) : NULL;
    const struct host_settings settings = {
        .base = stand->base,
        .metrics = stand->metrics,
        .offload = stand->offload,
        .hint = stand_hint,
        .hint_context = test,
        .misuse = stand_misuse,
        .misuse_context = stand,
    };
    stand->host = stand->offload != NULL ? host_new(&settings) : NULL;
    if (stand->host == NULL) {
        test_fail(test, "a loop and helper threads", "the system gives none");
    }
    return stand;
}

void stand_want_clean(struct test *test)
{
    if (test->stand != NULL && test->stand->misuse[0] != '\0') {
        test_fail(test, "no rule of the boundary broken (THE CALL)", "%s", test->stand->misuse);
    }
}

static void stand_step(struct stand *stand, int microseconds)
{
    const struct timeval moment = {microseconds / 1000000, microseconds % 1000000};
    event_base_loopexit(stand->base, &moment);
    event_base_loop(stand->base, EVLOOP_ONCE);
}

void stand_turn(struct test *test, int milliseconds)
{
    int64_t end = time_steady() + milliseconds;
    do {
        stand_step(stand_of(test), 2000);
    } while (time_steady() < end);
}

// --- Asks --------------------------------------------------------------------------------------------------

static void ask_done(struct instance_call *call, void *context)
{
    struct ask *ask = context;
    (void)call;
    ask->completed++;
    ask->early = ask->early || ask->starting;
}

struct ask *ask_start(struct subject *subject, uint32_t operation, size_t count, const void *const *entries)
{
    struct stand *stand = subject->test->stand;
    struct ask *ask = xcalloc(1, sizeof *ask);
    ask->subject = subject;
    ask->operation = operation;
    ask->count = count;
    ask->call = instance_call_new(subject->instance, operation, count, entries);
    ask->raw = instance_call_raw(ask->call);
    ask->next = stand->asks;
    stand->asks = ask;
    ask->starting = true;
    instance_call_start(ask->call, ask_done, ask);
    ask->starting = false;
    return ask;
}

// What holds for every call that is over.
static void ask_check(struct ask *ask)
{
    struct test *test = ask->subject->test;
    if (ask->early) {
        test_fail(test, "no completion inside the start (THE CALL)", "one inside %s", operation_name(ask->operation));
    }
    for (size_t i = 0; i < ask->count; i++) {
        const char *text = ask->raw->results[i]->text;
        if (text != NULL && strcmp(text, "the plugin ended the call without an outcome") == 0) {
            test_fail(test, "an outcome for every entry (THE CALL)", "%s left result %zu of %zu pending",
                      operation_name(ask->operation), i, ask->count);
        }
    }
    stand_want_clean(test);
}

void ask_wait(struct ask *ask)
{
    struct test *test = ask->subject->test;
    int64_t end = time_steady() + PATIENCE_MS;
    while (ask->completed == 0) {
        stand_step(test->stand, 20000);
        if (time_steady() > end) {
            test_fail(test, "the end of the call within 20 s", "%s with %zu entries does not end",
                      operation_name(ask->operation), ask->count);
        }
    }
    ask_check(ask);
}

struct ask *ask(struct subject *subject, uint32_t operation, size_t count, const void *const *entries)
{
    struct ask *ask = ask_start(subject, operation, count, entries);
    ask_wait(ask);
    return ask;
}

struct ask *ask_one(struct subject *subject, uint32_t operation, const void *entry)
{
    const void **entries = test_alloc(subject->test, sizeof *entries);
    entries[0] = entry;
    return ask(subject, operation, 1, entries);
}

void ask_drop(struct ask *ask)
{
    struct ask **place = &ask->subject->test->stand->asks;
    while (*place != ask) {
        place = &(*place)->next;
    }
    *place = ask->next;
    instance_call_free(ask->call);
    free(ask);
}

enum ph_outcome ask_outcome(const struct ask *ask, size_t index)
{
    return (enum ph_outcome)ask->raw->results[index]->outcome;
}

void *ask_output(const struct ask *ask, size_t index)
{
    return ask->raw->outputs[index];
}

void want_outcome(struct ask *ask, size_t index, enum ph_outcome outcome)
{
    const struct ph_result *result = ask->raw->results[index];
    if (result->outcome == (uint32_t)outcome) {
        return;
    }
    char expected[128];
    snprintf(expected, sizeof expected, "%s of entry %zu of %zu: %s", operation_name(ask->operation), index + 1,
             ask->count, outcome_name(outcome));
    test_fail(ask->subject->test, expected, "%s%s%s", outcome_name(result->outcome), result->text != NULL ? ": " : "",
              result->text != NULL ? result->text : "");
}

void want_all(struct ask *ask, enum ph_outcome outcome)
{
    for (size_t i = 0; i < ask->count; i++) {
        want_outcome(ask, i, outcome);
    }
}

void *ask_want(struct ask *ask, enum ph_outcome outcome)
{
    want_outcome(ask, 0, outcome);
    return ask_output(ask, 0);
}

// --- Subjects ----------------------------------------------------------------------------------------------

struct subject *subject_unopened(struct test *test)
{
    struct stand *stand = stand_of(test);
    struct subject *subject = xcalloc(1, sizeof *subject);
    subject->test = test;
    subject->instance = instance_new(stand->host, test->plugin, kind_name(test->plugin->descriptor.kind));
    subject->next = stand->subjects;
    stand->subjects = subject;
    return subject;
}

struct subject *subject_try(struct test *test, const void *config, enum ph_outcome *outcome_r)
{
    struct subject *subject = subject_unopened(test);
    struct ph_open *entry = test_alloc(test, sizeof *entry);
    entry->config = config;
    struct ask *opening = ask_one(subject, PH_OPEN, entry);
    *outcome_r = ask_outcome(opening, 0);
    if (*outcome_r == PH_OK) {
        const struct ph_opened *opened = ask_output(opening, 0);
        want_true(test, opened->instance != NULL, "open gives an instance with PH_OK");
        return subject;
    }
    test_step(test, "open: %s", opening->raw->results[0]->text != NULL ? opening->raw->results[0]->text : "no text");
    return NULL;
}

struct subject *subject_open(struct test *test)
{
    enum ph_outcome outcome;
    struct subject *subject = subject_try(test, test->config, &outcome);
    if (subject == NULL) {
        test_fail(test, "open ends PH_OK", "%s", outcome_name(outcome));
    }
    return subject;
}

static void subject_closed(enum instance_end end, void *context)
{
    struct subject *subject = context;
    subject->ended = true;
    subject->end = end;
}

void subject_close(struct subject *subject)
{
    struct test *test = subject->test;
    instance_close(subject->instance, PATIENCE_MS, subject_closed, subject);
    while (!subject->ended) {
        stand_step(test->stand, 20000);
    }
    if (subject->end != INSTANCE_CLOSED) {
        test_fail(test, "close, after all calls have come back, ends within 20 s", "an instance that does not close");
    }
    subject->instance = NULL;
    stand_want_clean(test);
}

struct test *subject_test(const struct subject *subject)
{
    return subject->test;
}

bool subject_offers(const struct subject *subject, uint32_t operation)
{
    return plugin_slot(subject->test->plugin, operation) != NULL;
}

void stand_end(struct test *test)
{
    struct stand *stand = test->stand;
    if (stand == NULL) {
        return;
    }
    for (struct subject *subject = stand->subjects; subject != NULL; subject = subject->next) {
        if (subject->instance != NULL) {
            test_step(test, "closing the instance at the end of the check");
            subject_close(subject);
        }
    }
    stand_turn(test, 5);
    stand_want_clean(test);
    while (stand->asks != NULL) {
        struct ask *ask = stand->asks;
        stand->asks = ask->next;
        if (ask->completed != 1) {
            test_fail(test, "every call completes exactly once (THE CALL)", "%s completed %u times",
                      operation_name(ask->operation), ask->completed);
        }
        instance_call_free(ask->call);
        free(ask);
    }
    while (stand->subjects != NULL) {
        struct subject *subject = stand->subjects;
        stand->subjects = subject->next;
        free(subject);
    }
    host_free(stand->host);
    offload_free(stand->offload);
    metrics_free(stand->metrics);
    event_base_free(stand->base);
    free(stand);
    test->stand = NULL;
}
