// SPDX-License-Identifier: Apache-2.0
//
// Checks that hold for every kind: the life of an instance and the rules of THE CALL, over all operations that
// the plugin offers, asked for things that do not exist.
#include "conformance/stand.h"
#include "conformance/suites.h"

#include "conformance/harmless.h"
#include "core/loader.h"
#include "core/operation.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MANY 24

static void open_closes(struct test *test)
{
    test_step(test, "open, close, open and close again");
    subject_close(subject_open(test));
    subject_close(subject_open(test));
}

static void open_many(struct test *test)
{
    enum { INSTANCES = 4 };
    struct subject *subjects[INSTANCES];
    test_step(test, "four instances of one configuration at once");
    for (size_t i = 0; i < INSTANCES; i++) {
        subjects[i] = subject_open(test);
    }
    for (size_t i = 0; i < INSTANCES; i++) {
        ask_want(ask_one(subjects[(i * 3) % INSTANCES], PH_HEALTH, NULL), PH_OK);
    }
    test_step(test, "close of three of them, health of the last");
    subject_close(subjects[2]);
    subject_close(subjects[0]);
    subject_close(subjects[3]);
    ask_want(ask_one(subjects[1], PH_HEALTH, NULL), PH_OK);
}

static void health_answers(struct test *test)
{
    struct subject *subject = subject_open(test);
    test_step(test, "health of a backend that works");
    const struct ph_health *health = ask_want(ask_one(subject, PH_HEALTH, NULL), PH_OK);
    want_true(test, health->detail == NULL || strchr(health->detail, '\n') == NULL, "a detail of one line");
    want_true(test, health->version == NULL || strlen(health->version) < 200, "a short version");
}

static void reload_same(struct test *test)
{
    struct subject *subject = subject_open(test);
    if (!subject_offers(subject, PH_RELOAD)) {
        test_skip(test, "the plugin has no reload");
    }
    struct ph_reload entry = {.config = test->config};
    test_step(test, "reload with the same values");
    ask_want(ask_one(subject, PH_RELOAD, &entry), PH_OK);
    ask_want(ask_one(subject, PH_HEALTH, NULL), PH_OK);
}

static const struct ph_steps *setup_once(struct test *test)
{
    struct subject *subject = subject_unopened(test);
    if (!subject_offers(subject, PH_SETUP)) {
        test_skip(test, "the plugin has no setup");
    }
    struct ph_setup *entry = test_alloc(test, sizeof *entry);
    entry->config = test->config;
    const struct ph_steps *steps = ask_want(ask_one(subject, PH_SETUP, entry), PH_OK);
    for (size_t i = 0; i < steps->count; i++) {
        const struct ph_step *step = steps->steps[i];
        want_true(test, step->state >= PH_STEP_FOUND && step->state <= PH_STEP_SKIPPED, "a step with a state");
        want_true(test, step->what.length > 0 && step->what.bytes != NULL, "a step that says what it is about");
        want_true(test, step->note.length == 0 || step->note.bytes != NULL, "a note that is a text");
    }
    return steps;
}

static void setup_repeats(struct test *test)
{
    test_step(test, "setup");
    setup_once(test);
    test_step(test, "setup again");
    const struct ph_steps *again = setup_once(test);
    for (size_t i = 0; i < again->count; i++) {
        want_true(test, again->steps[i]->state != PH_STEP_MADE, "what is there is left as it is");
    }
    test_step(test, "open of what setup made");
    ask_want(ask_one(subject_open(test), PH_HEALTH, NULL), PH_OK);
}

static void probe_answers(struct test *test)
{
    struct subject *subject = subject_open(test);
    const struct plugin *plugin = test->plugin;
    const size_t count = plugin->descriptor.right_count;
    if (!subject_offers(subject, PH_PROBE)) {
        test_skip(test, "the plugin has no probe");
    }
    const void **entries = test_alloc(test, (count + 1) * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = &plugin->rights[i];
    }
    test_step(test, "probe of all rights");
    struct ask *call = ask(subject, PH_PROBE, count, entries);
    for (size_t i = 0; i < count; i++) {
        const char *text = call->raw->results[i]->text;
        want_true(test, ask_outcome(call, i) == PH_OK || (text != NULL && text[0] != '\0'),
                  "a right that is there, or a text that says why not");
    }
}

static void cancel_over(struct test *test)
{
    struct subject *subject = subject_open(test);
    if (!subject_offers(subject, PH_CANCEL)) {
        test_skip(test, "the plugin has no cancel");
    }
    struct ask *over = ask_one(subject, PH_HEALTH, NULL);
    struct ph_cancel entry = {.call = over->raw};
    test_step(test, "cancel of a call that is over");
    ask_want(ask_one(subject, PH_CANCEL, &entry), PH_NOT_FOUND);
}

static void cancel_running(struct test *test)
{
    struct subject *subject = subject_open(test);
    if (!subject_offers(subject, PH_CANCEL)) {
        test_skip(test, "the plugin has no cancel");
    }
    struct harmless list = harmless_list(test);
    test_step(test, "calls of every operation, each cancelled at once");
    for (size_t i = 0; i < list.count; i++) {
        struct ask *victim = ask_start(subject, list.operations[i], 1, harmless_entries(test, list.operations[i], 1));
        struct ph_cancel *entry = test_alloc(test, sizeof *entry);
        entry->call = victim->raw;
        const void **entries = test_alloc(test, sizeof *entries);
        entries[0] = entry;
        struct ask *cancel = ask_start(subject, PH_CANCEL, 1, entries);
        ask_wait(victim);
        ask_wait(cancel);
        want_true(test, ask_outcome(cancel, 0) == PH_OK || ask_outcome(cancel, 0) == PH_NOT_FOUND,
                  "cancel ends PH_OK or PH_NOT_FOUND");
    }
    stand_turn(test, 20);
}

static void call_empty(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct harmless list = harmless_list(test);
    for (size_t i = 0; i < list.count; i++) {
        test_step(test, "%s with 0 entries", operation_name(list.operations[i]));
        ask(subject, list.operations[i], 0, NULL);
    }
    ask_want(ask_one(subject, PH_HEALTH, NULL), PH_OK);
}

static bool is_single(uint32_t operation)
{
    return (operation_find(operation)->flags & OPERATION_SINGLE) != 0;
}

static void call_sizes(struct test *test, size_t count)
{
    struct subject *subject = subject_open(test);
    struct harmless list = harmless_list(test);
    for (size_t i = 0; i < list.count; i++) {
        if (is_single(list.operations[i])) {
            continue;
        }
        test_step(test, "%s with %zu entries", operation_name(list.operations[i]), count);
        struct ask *call = ask(subject, list.operations[i], count, harmless_entries(test, list.operations[i], count));
        size_t invalid = 0;
        for (size_t j = 0; j < count; j++) {
            enum ph_outcome outcome = ask_outcome(call, j);
            want_true(test,
                      outcome != PH_UNCERTAIN && outcome != PH_INTERNAL && outcome != PH_TRANSIENT &&
                          outcome != PH_UNAVAILABLE,
                      "an outcome that is an answer");
            invalid += outcome == PH_INVALID ? 1 : 0;
        }
        want_true(test, count <= plugin_batch_limit(test->plugin) ? invalid == 0 : invalid == 0 || invalid == count,
                  "up to batch_limit every entry is taken; beyond, all or none");
        ask_drop(call);
    }
}

static void call_one(struct test *test)
{
    call_sizes(test, 1);
}

static void call_maximum(struct test *test)
{
    call_sizes(test, plugin_batch_limit(test->plugin));
}

static void call_beyond(struct test *test)
{
    call_sizes(test, plugin_batch_limit(test->plugin) + 1);
}

static void call_many(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct subject *other = subject_open(test);
    struct harmless list = harmless_list(test);
    struct ask *calls[MANY];
    test_step(test, "%d calls of all operations at once, in two instances", MANY);
    for (size_t i = 0; i < MANY; i++) {
        uint32_t operation = list.operations[i % list.count];
        calls[i] = ask_start(i % 3 == 0 ? other : subject, operation, 1, harmless_entries(test, operation, 1));
    }
    for (size_t i = 0; i < MANY; i++) {
        ask_wait(calls[MANY - 1 - i]);
    }
}

static void close_waiting(struct test *test)
{
    struct harmless list = harmless_list(test);
    test_step(test, "close as soon as calls of every operation have come back");
    struct subject *subject = subject_open(test);
    for (size_t i = 0; i < list.count; i++) {
        ask_start(subject, list.operations[i], 1, harmless_entries(test, list.operations[i], 1));
    }
    subject_close(subject);
}

static void outputs_outlive(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct harmless list = harmless_list(test);
    struct ask *calls[OPERATION_KIND_MAX];
    unsigned char copies[OPERATION_KIND_MAX][OPERATION_OUTPUT_MAX];
    char texts[OPERATION_KIND_MAX][200];
    for (size_t i = 0; i < list.count; i++) {
        calls[i] = ask_one(subject, list.operations[i], harmless_entries(test, list.operations[i], 1)[0]);
        size_t size = operation_find(list.operations[i])->output_size;
        if (size > 0) {
            memcpy(copies[i], ask_output(calls[i], 0), size);
        }
        const char *text = calls[i]->raw->results[0]->text;
        snprintf(texts[i], sizeof texts[i], "%s", text != NULL ? text : "");
    }
    subject_close(subject);
    for (size_t i = 0; i < list.count; i++) {
        test_step(test, "the answer of %s, looked at after other calls and the close",
                  operation_name(list.operations[i]));
        size_t size = operation_find(list.operations[i])->output_size;
        want_true(test, size == 0 || memcmp(copies[i], ask_output(calls[i], 0), size) == 0,
                  "answers are from the call's arena and do not change");
        const char *text = calls[i]->raw->results[0]->text;
        want_true(test, strncmp(texts[i], text != NULL ? text : "", sizeof texts[i] - 1) == 0,
                  "a result's text does not change");
    }
}

static void entries_unchanged(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct harmless list = harmless_list(test);
    for (size_t i = 0; i < list.count; i++) {
        uint32_t operation = list.operations[i];
        test_step(test, "%s, with entries that cannot be written", operation_name(operation));
        size_t from = test_page(test);
        const void *const *entries = harmless_entries(test, operation, 3);
        size_t count = is_single(operation) ? 1 : 3;
        test_protect(test, from, PROT_READ);
        ask(subject, operation, count, entries);
        test_step(test, "after %s, with entries that cannot be read any more", operation_name(operation));
        test_protect(test, from, PROT_NONE);
        ask_want(ask_one(subject, PH_HEALTH, NULL), PH_OK);
    }
    subject_close(subject);
}

static const struct check CHECKS[] = {
    {"open.closes", "open, close: close frees the instance and ends PH_OK", open_closes, 0},
    {"open.many", "THREADS: a plugin may be opened many times at once", open_many, 0},
    {"health.answers", "health: PH_OK for a backend that works, a detail of one line", health_answers, 0},
    {"reload.same", "reload: takes over a config", reload_same, 0},
    {"setup.repeats", "setup: makes what is missing; a repeat makes nothing", setup_repeats, 0},
    {"probe.answers", "probe: PH_OK, or a text that says why", probe_answers, 0},
    {"cancel.over", "cancel: a call that is over is PH_NOT_FOUND", cancel_over, 0},
    {"cancel.running", "cancel: the victim still completes by itself, exactly once", cancel_running, 0},
    {"call.empty", "THE CALL: a plugin must bear 0 entries", call_empty, 0},
    {"call.one", "THE CALL: an outcome for the entry, whatever it asks for", call_one, 0},
    {"call.maximum", "THE CALL: at most batch_limit entries, an outcome for each", call_maximum, 0},
    {"call.beyond", "THE CALL: more than batch_limit: do it all, or refuse every entry with PH_INVALID", call_beyond,
     0},
    {"call.many", "THE CALL: the host may start several calls before the first completes", call_many, 0},
    {"close.waiting", "close: the host has no call under way then; nothing comes after", close_waiting, 0},
    {"outputs.outlive", "THE CALL: answers are from the call's arena; neither side frees the other's memory",
     outputs_outlive, 0},
    {"entries.unchanged", "THE CALL: entries stay unchanged, and are not touched after the completion",
     entries_unchanged, 0},
};

const struct suite SUITE_COMMON = SUITE(CHECKS);
