// SPDX-License-Identifier: Apache-2.0
//
// See core/check.h.
#include "core/check.h"

#include <stddef.h>

static void read_secrets(struct config *config, const struct check_steps *steps, struct findings *findings)
{
    if (config->secret_count == 0) {
        config_finish(config, NULL, NULL, findings);
    } else if (steps != NULL && steps->secrets != NULL && config->secret != NULL && config->secret->config != NULL) {
        steps->secrets(steps->context, config, findings);
    }
}

static void print_backend(const struct config_backend *backend, FILE *out)
{
    if (backend != NULL) {
        fprintf(out, ", %s %s", backend->section, backend->plugin_name);
    }
}

static void print_summary(const struct config *config, const struct check_steps *steps, FILE *out)
{
    fprintf(out, "%s: good", config->file);
    print_backend(config->storage, out);
    print_backend(config->meta, out);
    print_backend(config->queue, out);
    print_backend(config->alert, out);
    print_backend(config->secret, out);
    if (config->alarm_count > 0) {
        fprintf(out, ", %zu alarm%s", config->alarm_count, config->alarm_count == 1 ? "" : "s");
    }
    if (config->secret_count > 0 && (steps == NULL || steps->secrets == NULL)) {
        fprintf(out, ", %zu secret%s not read", config->secret_count, config->secret_count == 1 ? "" : "s");
    }
    if (steps != NULL && steps->deep != NULL) {
        fputs(", every backend opened", out);
    }
    fputc('\n', out);
}

int check_run(const char *file, const struct config_settings *settings, const struct check_steps *steps, FILE *out,
              FILE *err)
{
    struct findings findings = {0};
    struct config *config = config_read(file, settings, &findings);
    read_secrets(config, steps, &findings);
    if (findings.errors == 0 && steps != NULL && steps->deep != NULL) {
        steps->deep(steps->context, config, &findings);
    }
    findings_print(&findings, err);
    bool good = findings.errors == 0;
    if (good) {
        print_summary(config, steps, out);
    } else {
        fprintf(err, "%s: %zu error%s\n", file, findings.errors, findings.errors == 1 ? "" : "s");
    }
    config_free(config);
    findings_free(&findings);
    return good ? 0 : CONFIG_EXIT;
}
