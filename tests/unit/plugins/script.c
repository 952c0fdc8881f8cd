// SPDX-License-Identifier: Apache-2.0
//
// A queue that does what its test says: see script.h.
#include "tests/unit/plugins/script.h"
#include <stdlib.h>

struct script {
    const struct script_config *config;
};

static void script_end(struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    call->host->complete(call);
}

static void script_start(void *instance, struct ph_call *call)
{
    struct script *script = instance;
    if (!script->config->start(script->config->context, script, call)) {
        script_end(call);
    }
}

static void script_open(void *instance, struct ph_call *call)
{
    (void)instance;
    const struct ph_open *open = call->entries[0];
    const struct script_config *config = open->config;
    if (config->start(config->context, NULL, call)) {
        return;
    }
    struct script *script = calloc(1, sizeof *script);
    if (script == NULL) {
        abort();
    }
    script->config = config;
    ((struct ph_opened *)call->outputs[0])->instance = script;
    script_end(call);
}

static void script_close(void *instance, struct ph_call *call)
{
    struct script *script = instance;
    if (!script->config->start(script->config->context, script, call)) {
        script_end(call);
    }
    free(script);
}

// Comes before there is an instance; makes one thing.
static void script_setup(void *instance, struct ph_call *call)
{
    const struct ph_setup *setup = call->entries[0];
    const struct script_config *config = setup->config;
    if (config->start(config->context, instance, call)) {
        return;
    }
    struct ph_step *step = call->host->make(call, PH_MAKE_STEP);
    struct ph_step **steps = call->host->alloc(call, sizeof(struct ph_step *));
    struct ph_steps *output = call->outputs[0];
    if (step == NULL || steps == NULL) {
        abort();
    }
    step->state = PH_STEP_MADE;
    step->what = (struct ph_text){"stage", sizeof "stage" - 1};
    step->note = (struct ph_text){"", 0};
    steps[0] = step;
    *output = (struct ph_steps){steps, 1};
    script_end(call);
}

static const struct ph_common_operations common = {
    .open = script_open,
    .close = script_close,
    .health = script_start,
    .reload = script_start,
    .cancel = script_start,
    .setup = script_setup,
};
static const struct ph_queue_operations operations = {
    .send = script_start,
    .receive = script_start,
    .remove = script_start,
    .extend = script_start,
    .stats = script_start,
};
static const struct ph_option options[] = {
    PH_TEXT(struct script_config, greeting, 0, "hello", "What to say."),
    PH_DURATION(struct script_config, patience, PH_OPTION_RELOADABLE, "5s", 1, 60000, "How long to wait."),
};

static const struct ph_right rights[] = {
    {.action = "play:Speak",
     .operation = PH_QUEUE_SEND,
     .resource = "arn:{partition}:play:{region}:{account}:stage/{greeting}",
     .purpose = "Says it."},
    {.action = "play:Build",
     .operation = PH_SETUP,
     .resource = "arn:{partition}:play:{region}:{account}:stage/{greeting}",
     .purpose = "Builds the stage."},
};

PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .name = "script", .version = "1.0",
          .summary = "Does what a test says.", .config_size = sizeof(struct script_config), PH_OPTIONS(options),
          PH_RIGHTS(rights), .batch_limit = 8, .concurrency = 2, .common = &common, .operations = &operations);
