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
#include "core/runtime.h"

#define OPEN_LIMIT_MS 30000
#define CLOSE_LIMIT_MS 5000

struct probe {
    bool done;
    uint32_t outcome;
    char text[512];
};

static void probe_done(struct backend *backend, const struct ph_result *result, void *context)
{
    struct probe *probe = context;
    (void)backend;
    probe->done = true;
    probe->outcome = result->outcome;
    snprintf(probe->text, sizeof probe->text, "%s", result->text != NULL ? result->text : "no reason was given");
}

static bool check_backend(struct runtime *runtime, enum ph_kind kind)
{
    struct probe probe = {.done = false};
    struct backend_status status;
    struct backend *backend = runtime->backends[kind];
    if (backend == NULL) {
        backend = runtime_backend(runtime, kind, NULL, NULL);
        backend_open(backend, probe_done, &probe);
        if (!runtime_run_until(runtime, &probe.done, OPEN_LIMIT_MS)) {
            snprintf(probe.text, sizeof probe.text, "it did not open within %d s", OPEN_LIMIT_MS / 1000);
        }
    } else {
        probe.outcome = PH_OK; // the secret backend, opened for the secrets
    }
    backend_status(backend, &status);
    if (probe.outcome == PH_OK) {
        printf("%s: %s %s opened\n", status.section, status.plugin, status.plugin_version);
        return true;
    }
    const struct place place = runtime->sections[kind]->place;
    fprintf(stderr, "%s:%u: %s: %s did not open: %s\n", place.file, place.line, status.section, status.plugin,
            probe.text);
    return false;
}

static bool check_backends(struct runtime *runtime)
{
    bool good = true;
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        if (runtime->sections[kind] != NULL) {
            good = check_backend(runtime, (enum ph_kind)kind) && good;
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
    } else if (deep && !check_backends(runtime)) {
        code = DAEMON_EXIT_UNAVAILABLE;
    } else {
        print_summary(runtime, file, deep);
    }
    runtime_free(runtime, CLOSE_LIMIT_MS);
    return code;
}
