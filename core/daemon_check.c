// SPDX-License-Identifier: Apache-2.0
//
// `posthoused --check`: says everything that a start would say, without serving. The deep check opens each backend too,
// tells of each whether it works, and has its rights tried, so that a missing file, right or server shows before a
// deployment and not in it.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

// A backend that is looked at.
struct check {
    struct runtime *runtime;
    enum ph_kind kind;
    const struct rights *rights; // that the configuration needs
    const char *file;
    struct probe probe;
    struct backend_status status;
    bool lacks_right;
};

__attribute__((format(printf, 3, 4))) static void complain(const struct check *check, const char *level,
                                                           const char *format, ...)
{
    const struct place place = check->runtime->sections[check->kind]->place;
    va_list arguments;
    fprintf(stderr, "%s:%u: %s%s: %s ", place.file, place.line, level, check->status.section, check->status.plugin);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

static void name_right(struct check *check, const struct rights_need *need)
{
    fprintf(stderr, "  it needs the right %s on %s\n", need->right->action, need->resource);
    check->lacks_right = true;
}

// What an operator can do about a thing that is missing, or a right that an operation lacks.
static void advise(struct check *check)
{
    const struct probe *probe = &check->probe;
    for (size_t i = 0; probe->outcome == PH_DENIED && i < check->rights->count; i++) {
        const struct rights_need *need = &check->rights->needs[i];
        if (need->section->kind == check->kind && need->right->operation == probe->operation &&
            need->right->via == NULL) {
            name_right(check, need);
        }
    }
    // A thing that is missing may come yet, so a plugin may call its backend unavailable.
    const bool missing = probe->outcome == PH_NOT_FOUND || probe->outcome == PH_UNAVAILABLE;
    if (missing && backend_offers(check->runtime->backends[check->kind], PH_SETUP)) {
        fprintf(stderr,
                "  if it does not exist: posthouse setup -c %s makes it, for local use; in production Terraform does\n",
                check->file);
    }
}

// Whether the backend opens and answers.
static bool check_answers(struct check *check)
{
    const bool good = probe_run(check->runtime, check->kind, &check->probe);
    const struct probe *probe = &check->probe;
    backend_status(check->runtime->backends[check->kind], &check->status);
    if (good) {
        printf("%s: %s %s opened\n", check->status.section, check->status.plugin, check->status.plugin_version);
    } else if (probe->operation == PH_OPEN) {
        complain(check, "", "did not open: %s: %s\n", outcome_name(probe->outcome), probe->text);
    } else {
        complain(check, "", "opened, but %s ended %s: %s\n", operation_name(probe->operation),
                 outcome_name(probe->outcome), probe->text);
    }
    advise(check);
    return good;
}

// Whether no right is missing of those that no answer has shown so far.
static bool check_rights(struct check *check)
{
    struct probe_right *tried;
    const size_t count = probe_rights(check->runtime, check->kind, &check->probe, check->rights, &tried);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        const struct rights_need *need = tried[i].need;
        if (tried[i].outcome == PH_OK) {
            printf("%s: the right %s is there\n", check->status.section, need->right->action);
        } else if (tried[i].outcome == PH_DENIED) {
            complain(check, "", "is denied %s, so %s will fail: %s\n", need->right->action,
                     operation_name(need->right->operation), tried[i].text);
            name_right(check, need);
            good = false;
        } else {
            complain(check, "warning: ", "opened, but whether it has the right %s on %s could not be tried: %s\n",
                     need->right->action, need->resource, tried[i].text);
        }
    }
    free(tried);
    return good;
}

static bool check_backend(struct runtime *runtime, enum ph_kind kind, const struct rights *rights, const char *file)
{
    struct check check = {.runtime = runtime, .kind = kind, .rights = rights, .file = file};
    bool good = check_answers(&check);
    // Where something else is wrong, that comes first.
    if (check.probe.operation != PH_OPEN && (good || check.probe.outcome == PH_DENIED)) {
        good = check_rights(&check) && good;
    }
    if (check.lacks_right) {
        fprintf(stderr, "  posthouse iam-policy -c %s prints all rights that this configuration needs\n", file);
    }
    return good;
}

// Rights on a key of one's own, which only the services use; secrets were fetched with them.
static bool is_of_key(const struct rights_need *need)
{
    return need->right->via != NULL && need->right->operation != PH_SECRET_FETCH;
}

static bool is_named_before(const struct rights *rights, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (is_of_key(&rights->needs[i]) &&
            strcmp(rights->needs[i].right->action, rights->needs[index].right->action) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_untried(const struct rights *rights)
{
    bool any = false;
    for (size_t i = 0; i < rights->count; i++) {
        if (is_of_key(&rights->needs[i]) && !is_named_before(rights, i)) {
            printf("%s%s",
                   any ? ", " : "not tried, needed where a key of your own encrypts, and used by the services alone: ",
                   rights->needs[i].right->action);
            any = true;
        }
    }
    fputs(any ? "\n" : "", stdout);
}

static bool check_backends(struct runtime *runtime, const char *file)
{
    const struct rights_settings settings = {.key = "*"};
    struct rights *rights = rights_of(runtime->config, &settings);
    bool good = true;
    for (int kind = PH_KIND_STORAGE; kind < RUNTIME_KINDS; kind++) {
        if (runtime->sections[kind] != NULL) {
            good = check_backend(runtime, (enum ph_kind)kind, rights, file) && good;
        }
    }
    tell_untried(rights);
    rights_free(rights);
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
