// SPDX-License-Identifier: Apache-2.0
//
// `posthoused --check`: says everything that a start would say, without serving. The deep check opens each backend too,
// and tells of each whether it works, so that a missing file, right or server shows before a deployment and not in it.
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/daemon.h"
#include "core/http_server.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/operation.h"
#include "core/outcome.h"
#include "core/probe.h"
#include "core/rights.h"
#include "core/runtime.h"

#define CLOSE_LIMIT_MS 5000

// What an operator can do about a thing or right that is missing.
static void advise(const struct runtime *runtime, enum ph_kind kind, const struct probe *probe, const char *file)
{
    const struct rights_settings settings = {.setup = false};
    struct rights *rights = probe->outcome == PH_DENIED ? rights_of(runtime->config, &settings) : NULL;
    bool any = false;
    for (size_t i = 0; rights != NULL && i < rights->count; i++) {
        const struct rights_need *need = &rights->needs[i];
        if (need->section->kind == kind && need->right->operation == probe->operation) {
            fprintf(stderr, "  it needs the right %s on %s\n", need->right->action, need->resource);
            any = true;
        }
    }
    rights_free(rights);
    if (any) {
        fprintf(stderr, "  posthouse iam-policy -c %s prints all rights that this configuration needs\n", file);
    }
    // A thing that is missing may come yet, so a plugin may call its backend unavailable.
    const bool missing = probe->outcome == PH_NOT_FOUND || probe->outcome == PH_UNAVAILABLE;
    if (missing && backend_offers(runtime->backends[kind], PH_SETUP)) {
        fprintf(stderr,
                "  if it does not exist: posthouse setup -c %s makes it, for local use; in production Terraform does\n",
                file);
    }
}

static bool check_backend(struct runtime *runtime, enum ph_kind kind, const char *file)
{
    struct probe probe;
    struct backend_status status;
    const bool good = probe_run(runtime, kind, &probe);
    backend_status(runtime->backends[kind], &status);
    if (good) {
        printf("%s: %s %s opened\n", status.section, status.plugin, status.plugin_version);
        return true;
    }
    const struct place place = runtime->sections[kind]->place;
    if (probe.operation == PH_OPEN) {
        fprintf(stderr, "%s:%u: %s: %s did not open: %s: %s\n", place.file, place.line, status.section, status.plugin,
                outcome_name(probe.outcome), probe.text);
    } else {
        fprintf(stderr, "%s:%u: %s: %s opened, but %s ended %s: %s\n", place.file, place.line, status.section,
                status.plugin, operation_name(probe.operation), outcome_name(probe.outcome), probe.text);
    }
    advise(runtime, kind, &probe, file);
    return false;
}

static bool check_backends(struct runtime *runtime, const char *file)
{
    bool good = true;
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        if (runtime->sections[kind] != NULL) {
            good = check_backend(runtime, (enum ph_kind)kind, file) && good;
        }
    }
    return good;
}

static void print_summary(const struct runtime *runtime, const char *file, bool deep)
{
    printf("%s: good", file);
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        if (runtime->sections[kind] != NULL) {
            printf(", %s %s", runtime_kind_name((enum ph_kind)kind), runtime->sections[kind]->plugin_name);
        }
    }
    puts(deep ? ", every backend opened" : "");
}

int daemon_check(const char *file, bool deep)
{
    struct findings findings = {0};
    int code = 0;
    log_set_level(LOG_LEVEL_WARN); // findings, not the states that backends pass through
    struct runtime *runtime = runtime_new();
    if (runtime == NULL) {
        perror("posthoused: cannot start");
        return 1;
    }
    const bool good = runtime_configure(runtime, file, &findings);
    const size_t errors = findings.errors;
    findings_print(&findings, stderr);
    findings_free(&findings);
    if (!good) {
        fprintf(stderr, "%s: %zu error%s\n", file, errors, errors == 1 ? "" : "s");
        code = DAEMON_EXIT_CONFIG;
    } else if (deep && !check_backends(runtime, file)) {
        code = DAEMON_EXIT_UNAVAILABLE;
    } else {
        print_summary(runtime, file, deep);
    }
    if (!runtime_free(runtime, CLOSE_LIMIT_MS)) {
        runtime_leave(code);
    }
    return code;
}
