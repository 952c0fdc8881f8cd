// SPDX-License-Identifier: Apache-2.0
//
// See user_direct.h.
#include "cli/user_direct.h"

#include <stdio.h>
#include <string.h>

#include "core/backend.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/loader.h"
#include "core/password.h"
#include "core/runtime.h"
#include "core/uuid.h"

#define OPEN_LIMIT_MS 30000
#define CLOSE_LIMIT_MS 5000

struct step {
    bool done;
    uint32_t outcome;
    char text[256];
};

static void step_end(struct step *step, const struct ph_result *result)
{
    step->done = true;
    step->outcome = result->outcome;
    snprintf(step->text, sizeof step->text, "%s", result->text != NULL ? result->text : "no reason was given");
}

static void opened(struct backend *backend, const struct ph_result *result, void *context)
{
    (void)backend;
    step_end(context, result);
}

static void added(struct backend_call *call, void *context)
{
    step_end(context, backend_call_result(call, 0));
}

static bool open_storage(struct runtime *runtime)
{
    struct step step = {.done = false};
    struct backend *storage = runtime_backend(runtime, PH_KIND_STORAGE, NULL, NULL);
    backend_open(storage, opened, &step);
    if (!runtime_run_until(runtime, &step.done, OPEN_LIMIT_MS)) {
        snprintf(step.text, sizeof step.text, "it did not open within %d s", OPEN_LIMIT_MS / 1000);
    }
    if (step.outcome != PH_OK) {
        fprintf(stderr, "posthouse: the storage did not open: %s\n", step.text);
    }
    return step.outcome == PH_OK;
}

static int add_user(struct runtime *runtime, const char *name, const char *stored, bool is_operator)
{
    struct step step = {.done = false};
    struct uuid uuid;
    struct backend_call *call = backend_call_new(runtime->backends[PH_KIND_STORAGE], PH_STORAGE_USER_ADD, 1);
    struct ph_user_add *entry = backend_call_alloc(call, sizeof *entry);
    uuid_make(clock_wall_ms(clock_system()), &uuid);
    memcpy(entry->id.bytes, uuid.bytes, sizeof entry->id.bytes);
    entry->name = backend_call_text(call, name, strlen(name));
    entry->password = backend_call_text(call, stored, strlen(stored));
    entry->roles = is_operator ? PH_ROLE_OPERATOR : 0;
    backend_call_add(call, entry);
    backend_submit(call, NULL, added, &step);
    runtime_run_until(runtime, &step.done, 0); // the call has a deadline
    backend_call_free(call);
    if (step.outcome == PH_CONFLICT) {
        fprintf(stderr, "posthouse: the name %s is in use, or was: names of removed users stay reserved\n", name);
    } else if (step.outcome != PH_OK) {
        fprintf(stderr, "posthouse: the user could not be added: %s\n", step.text);
    }
    return step.outcome == PH_OK ? 0 : 1;
}

static int configured_add(struct runtime *runtime, const char *name, const char *stored, bool is_operator)
{
    if ((runtime->sections[PH_KIND_STORAGE]->plugin->descriptor.flags & PH_PLUGIN_VOLATILE) != 0) {
        fprintf(stderr,
                "posthouse: the storage %s keeps nothing after its process ends, so a user added here would be gone; "
                "give its first operator in the configuration: operator = NAME:PASSWORD\n",
                runtime->sections[PH_KIND_STORAGE]->plugin_name);
        return 1;
    }
    return open_storage(runtime) ? add_user(runtime, name, stored, is_operator) : 1;
}

int user_direct_add(const char *file, const char *name, const char *password, bool is_operator)
{
    struct findings findings = {0};
    char stored[PASSWORD_STORED_SIZE];
    struct runtime *runtime = runtime_new();
    if (runtime == NULL || !password_make(password, strlen(password), &password_cost_default, stored)) {
        fputs("posthouse: out of memory, threads or descriptors\n", stderr);
        runtime_free(runtime, CLOSE_LIMIT_MS);
        return 1;
    }
    int code = CONFIG_EXIT;
    log_set_level(LOG_LEVEL_WARN);
    const bool good = runtime_configure(runtime, file, &findings);
    findings_print(&findings, stderr);
    findings_free(&findings);
    if (good) {
        code = configured_add(runtime, name, stored, is_operator);
    }
    if (!runtime_free(runtime, CLOSE_LIMIT_MS)) {
        runtime_leave(code);
    }
    return code;
}
