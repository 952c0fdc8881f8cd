// SPDX-License-Identifier: Apache-2.0
//
// See conformance/report.h.
#include "conformance/report.h"

#include "core/loader.h"
#include "core/operation.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

static const char *const VERDICTS[] = {"passed", "failed", "skipped"};

void report_begin(struct report *report, const struct plugin *plugin, const char *level, uint64_t seed)
{
    report->started = time_steady();
    if (report->json) {
        report->entries = json_array();
        return;
    }
    fprintf(report->out, "%s-%s %s, level %s, seed %" PRIu64 "\n", kind_name(plugin->descriptor.kind),
            plugin->descriptor.name, plugin->descriptor.version, level, seed);
}

static void report_count(struct report *report, enum verdict verdict)
{
    report->passed += verdict == VERDICT_PASSED ? 1 : 0;
    report->failed += verdict == VERDICT_FAILED ? 1 : 0;
    report->skipped += verdict == VERDICT_SKIPPED ? 1 : 0;
}

static void report_set(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_t *value = json_string(text);
        json_object_set_new(object, key, value != NULL ? value : json_string("(not UTF-8)"));
    }
}

static void report_json(struct report *report, const struct finding_of_check *finding)
{
    json_t *object = json_object();
    report_set(object, "name", finding->check->name);
    report_set(object, "rule", finding->check->rule);
    report_set(object, "verdict", VERDICTS[finding->verdict]);
    json_object_set_new(object, "milliseconds", json_integer(finding->took_ms));
    report_set(object, "asked", finding->asked);
    report_set(object, "expected", finding->expected);
    report_set(object, finding->verdict == VERDICT_SKIPPED ? "reason" : "came", finding->came);
    report_set(object, "log", finding->log);
    json_array_append_new(report->entries, object);
}

static void report_log(FILE *out, const char *log)
{
    fputs("      log:      ", out);
    for (const char *at = log; *at != '\0'; at++) {
        fputc(*at, out);
        if (*at == '\n' && at[1] != '\0') {
            fputs("                ", out);
        }
    }
    fputc('\n', out);
}

void report_check(void *context, const struct finding_of_check *finding)
{
    struct report *report = context;
    report_count(report, finding->verdict);
    if (report->json) {
        report_json(report, finding);
        return;
    }
    FILE *out = report->out;
    switch (finding->verdict) {
    case VERDICT_PASSED:
        fprintf(out, "ok    %-32s %5" PRId64 " ms\n", finding->check->name, finding->took_ms);
        break;
    case VERDICT_SKIPPED:
        fprintf(out, "skip  %-32s %s\n", finding->check->name, finding->came);
        break;
    case VERDICT_FAILED:
        fprintf(out, "%sFAIL%s  %s\n      rule:     %s\n      asked:    %s\n      expected: %s\n      came:     %s\n",
                report->color ? "\033[31m" : "", report->color ? "\033[0m" : "", finding->check->name,
                finding->check->rule, finding->asked, finding->expected, finding->came);
        if (finding->log != NULL) {
            report_log(out, finding->log);
        }
        break;
    }
    fflush(out);
}

void report_end(struct report *report, const struct plugin *plugin, const char *level, uint64_t seed)
{
    double seconds = (double)(time_steady() - report->started) / 1000;
    if (!report->json) {
        fprintf(report->out, "%s-%s, level %s: %.1f s\n%u passed, %u failed, %u skipped\n",
                kind_name(plugin->descriptor.kind), plugin->descriptor.name, level, seconds, report->passed,
                report->failed, report->skipped);
        return;
    }
    json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:I,s:f,s:i,s:i,s:i,s:o}", "kind", kind_name(plugin->descriptor.kind),
                               "plugin", plugin->descriptor.name, "version", plugin->descriptor.version, "level", level,
                               "seed", (json_int_t)seed, "seconds", seconds, "passed", (int)report->passed, "failed",
                               (int)report->failed, "skipped", (int)report->skipped, "checks", report->entries);
    json_dumpf(object, report->out, JSON_INDENT(2));
    fputc('\n', report->out);
    json_decref(object);
}

void report_list(FILE *out, bool json, const struct check *const *checks, size_t count)
{
    if (!json) {
        for (size_t i = 0; i < count; i++) {
            fprintf(out, "%-32s %s\n", checks[i]->name, checks[i]->rule);
        }
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s,s:s}", "name", checks[i]->name, "rule", checks[i]->rule));
    }
    json_dumpf(list, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(list);
}
