// SPDX-License-Identifier: Apache-2.0
//
// See cli/setup.h. One backend after the other, in the order in which a daemon needs them; secrets are fetched first, as
// for a start. A backend that fails does not keep the others from being set up.
#include "cli/setup.h"

#include <stdio.h>
#include <string.h>

#include "cli/exit_codes.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/backend.h"
#include "core/config.h"
#include "core/log.h"
#include "core/outcome.h"
#include "core/runtime.h"

// A table takes AWS up to a minute.
#define SETUP_LIMIT_MS 180000
#define CLOSE_LIMIT_MS 5000

struct step {
    bool done;
    const char *section;
    uint32_t outcome;
    size_t made;
    char text[512];
};

static void print_step(const char *section, const struct ph_step *step)
{
    static const char *const words[] = {
        [PH_STEP_FOUND] = "is there", [PH_STEP_MADE] = "made", [PH_STEP_SKIPPED] = "skipped"};
    const char *word = step->state >= PH_STEP_FOUND && step->state <= PH_STEP_SKIPPED ? words[step->state] : "?";
    FILE *out = step->state == PH_STEP_SKIPPED ? stderr : stdout;
    fprintf(out, "%s%s: ", step->state == PH_STEP_SKIPPED ? "warning: " : "", section);
    output_clean(out, step->what.bytes);
    fprintf(out, ": %s", word);
    if (step->note.length > 0) {
        fputs("; ", out);
        output_clean(out, step->note.bytes);
    }
    fputc('\n', out);
}

static void set_up(struct backend *backend, const struct ph_result *result, const struct ph_steps *steps, void *context)
{
    struct step *step = context;
    (void)backend;
    step->done = true;
    step->outcome = result->outcome;
    snprintf(step->text, sizeof step->text, "%s", result->text != NULL ? result->text : outcome_name(result->outcome));
    for (size_t i = 0; steps != NULL && i < steps->count; i++) {
        print_step(step->section, steps->steps[i]);
        step->made += steps->steps[i]->state == PH_STEP_MADE ? 1 : 0;
    }
}

static bool set_up_kind(struct runtime *runtime, enum ph_kind kind, size_t *count_r)
{
    const struct config_backend *section = runtime->sections[kind];
    struct step step = {.section = section->section};
    struct backend *backend = runtime->backends[kind] != NULL ? NULL : runtime_backend(runtime, kind, NULL, NULL);
    if (backend == NULL || !backend_offers(backend, PH_SETUP)) {
        return true;
    }
    ++*count_r;
    backend_setup(backend, SETUP_LIMIT_MS, set_up, &step);
    runtime_run_until(runtime, &step.done, 0);
    if (step.outcome == PH_OK) {
        return true;
    }
    fprintf(stderr, "%s:%u: %s: %s could not be set up: %s: ", section->place.file, section->place.line,
            section->section, section->plugin_name, outcome_name(step.outcome));
    output_clean(stderr, step.text);
    fputc('\n', stderr);
    return false;
}

static int set_up_all(const char *file)
{
    struct findings findings = {0};
    struct runtime *runtime = runtime_new();
    if (runtime == NULL) {
        perror("posthouse: setup");
        return EXIT_FAILED;
    }
    log_set_level(LOG_LEVEL_WARN);
    bool good = runtime_configure(runtime, file, &findings);
    int code = good ? EXIT_GOOD : CONFIG_EXIT;
    size_t count = 0;
    findings_print(&findings, stderr);
    findings_free(&findings);
    for (int kind = PH_KIND_STORAGE; good && kind < RUNTIME_KINDS; kind++) {
        if (runtime->sections[kind] != NULL && !set_up_kind(runtime, (enum ph_kind)kind, &count)) {
            code = EXIT_FAILED;
        }
    }
    if (good && count == 0) {
        puts("There is nothing to set up: these backends need nothing, or make it when they are opened.");
    }
    if (!runtime_free(runtime, CLOSE_LIMIT_MS)) {
        runtime_leave(code);
    }
    return code;
}

int setup_run(int argc, char **argv)
{
    const char *file = NULL;
    int code;
    const struct options_entry entries[] = {
        {.name = "config",
         .argument = "FILE",
         .letter = 'c',
         .text = &file,
         .help = "the configuration; must be given"},
    };
    const struct options_command command = {
        .name = "setup",
        .operands = "",
        .about =
            "Makes in the backends what a configuration names and is missing (a table, a queue with its dead-letter\n"
            "queue, a topic): for local use and tests. What is there stays as it is; what an emulator lacks is "
            "skipped\n"
            "with a warning. In production, Terraform makes these things (infra/).\n",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    if (!options_read(&command, argc, argv, NULL, &code)) {
        return code;
    }
    return file == NULL ? options_wrong("setup", "a configuration is needed: -c FILE") : set_up_all(file);
}
