// SPDX-License-Identifier: Apache-2.0
//
// alert-file: appends each alert to a file, a line each. A plugin to copy: it has options, an instance, blocking work,
// and outcomes that say what went wrong.

#include <errno.h>
#include <posthouse/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The options. The host reads the INI section, checks it against the table below, and fills this struct. The compiler
// checks that each option and its member agree.
struct file_config {
    const char *path;
    bool with_body;
};

static const struct ph_option file_options[] = {
    PH_TEXT(struct file_config, path, PH_OPTION_REQUIRED | PH_OPTION_PATH, NULL, "The file that alerts are added to."),
    PH_BOOLEAN(struct file_config, with_body, 0, "yes", "Whether a line shows the body of its alert, too."),
};

// An instance: what open makes and close frees. There may be several at once, so there are no global variables.
struct file_instance {
    const struct file_config *config; // the host's; it lives as long as the instance
};

// open's entry brings the config, its output takes the instance.
static void file_open(void *none, struct ph_call *call)
{
    (void)none;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_open *entry = call->entries[i];
        struct ph_opened *opened = call->outputs[i];
        struct file_instance *instance = calloc(1, sizeof(*instance));
        if (instance) {
            instance->config = entry->config;
            opened->instance = instance;
            call->host->set(call, i, PH_OK, 0, NULL);
        } else {
            call->host->set(call, i, PH_UNAVAILABLE, 0, "there is no memory");
        }
    }
    call->host->complete(call);
}

static void file_close(void *instance, struct ph_call *call)
{
    free(instance);
    for (size_t i = 0; i < call->count; i++)
        call->host->set(call, i, PH_OK, 0, NULL);
    call->host->complete(call);
}

static void file_health(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        struct ph_health *health = call->outputs[i];
        health->detail = "appends to a file";
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    call->host->complete(call);
}

// A line must stay one line, whatever the texts hold.
static void file_put(FILE *file, struct ph_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];
        fputc((unsigned char)byte < ' ' ? ' ' : byte, file);
    }
}

static void file_write(FILE *file, const struct file_config *config, const struct ph_alert *alert)
{
    file_put(file, alert->sender);
    fputs(": ", file);
    file_put(file, alert->subject);
    if (config->with_body) {
        fputs(": ", file);
        file_put(file, alert->body);
    }
    fputc('\n', file);
}

// Runs on a helper thread. The entries stay as they are until the call completes, and nobody else touches the call.
static void file_work(void *context)
{
    struct ph_call *call = context;
    const struct file_instance *instance = call->data;
    FILE *file = fopen(instance->config->path, "a");
    for (size_t i = 0; file && i < call->count; i++)
        file_write(file, instance->config, call->entries[i]);
    bool good = file && !ferror(file);
    int error = good ? 0 : errno;
    if (file && fclose(file) != 0 && good) {
        good = false;
        error = errno;
    }
    // A plugin only says what kind of failure it was; retries, deadlines and the breaker are the host's work.
    enum ph_outcome outcome = good ? PH_OK : (error == EACCES ? PH_DENIED : PH_UNAVAILABLE);
    for (size_t i = 0; i < call->count; i++)
        call->host->set(call, i, outcome, 0, good ? NULL : "%s: %s", instance->config->path, strerror(error));
}

// Runs on the loop again, where a call is completed.
static void file_done(void *context)
{
    struct ph_call *call = context;
    call->host->complete(call);
}

// A file may block, the loop must not: so the work goes to a helper thread. The same key means one after the other.
static void file_publish(void *instance, struct ph_call *call)
{
    const struct file_instance *file = instance;
    struct ph_text key = {.bytes = file->config->path, .length = strlen(file->config->path)};
    call->data = instance;
    if (call->host->offload(call->host, key, file_work, file_done, call))
        return;
    for (size_t i = 0; i < call->count; i++)
        call->host->set(call, i, PH_UNAVAILABLE, 0, "the helper threads are busy");
    call->host->complete(call);
}

static const struct ph_common_operations file_common = {.open = file_open, .close = file_close, .health = file_health};

static const struct ph_alert_operations file_operations = {.publish = file_publish};

PH_PLUGIN(struct ph_alert_operations, .kind = PH_KIND_ALERT, .name = "file", .version = "1.0.0",
          .summary = "Appends each alert to a file.", .config_size = sizeof(struct file_config),
          PH_OPTIONS(file_options), .common = &file_common, .operations = &file_operations);
