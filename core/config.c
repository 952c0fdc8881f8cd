// SPDX-License-Identifier: Apache-2.0
//
// See core/config.h. What belongs to one kind of section is in core/config_sections.c and
// core/config_backend.c; this file brings them together.
#include "core/config.h"

#include "core/arena.h"
#include "core/config_environment.h"
#include "core/config_private.h"
#include "core/config_sections.h"
#include "core/ini.h"
#include "core/loader.h"
#include "core/suggest.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAGIC 0x636f6e66u // "conf"

// All that may be there once; [alarm NAME] may be there often.
static const char *const SECTIONS[] = {"daemon", "http",  "metrics", "tracing", "storage",
                                       "meta",   "queue", "alert",   "secret",  NULL};
static const char ALARM[] = "alarm";

static const enum ph_kind KINDS[] = {PH_KIND_SECRET, PH_KIND_STORAGE, PH_KIND_META, PH_KIND_QUEUE, PH_KIND_ALERT};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static struct config_backend **slot_of(struct config *config, enum ph_kind kind)
{
    switch (kind) {
    case PH_KIND_STORAGE:
        return &config->storage;
    case PH_KIND_META:
        return &config->meta;
    case PH_KIND_QUEUE:
        return &config->queue;
    case PH_KIND_ALERT:
        return &config->alert;
    default:
        return &config->secret;
    }
}

static bool is_alarm(const char *name)
{
    size_t length = sizeof ALARM - 1;
    return strncmp(name, ALARM, length) == 0 && name[length] == ' ' && name[length + 1] != '\0';
}

static void check_section(struct config_reading *reading, const struct ini_section *section)
{
    struct suggest suggest = suggest_begin(section->name);
    if (is_alarm(section->name)) {
        return;
    }
    for (size_t i = 0; SECTIONS[i] != NULL; i++) {
        if (strcmp(SECTIONS[i], section->name) == 0) {
            return;
        }
        suggest_offer(&suggest, SECTIONS[i]);
    }
    if (strcmp(section->name, ALARM) == 0) {
        findings_error(reading->findings, section->place, "[alarm] needs a name: [alarm NAME]");
        return;
    }
    const char *nearest = suggest_nearest(&suggest);
    findings_error(reading->findings, section->place, "[%s] is no section of this program%s%s%s", section->name,
                   nearest == NULL ? "; those are daemon, http, storage, meta, queue, alert, secret and alarm NAME"
                                   : "; nearest: [",
                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "]");
}

static void choose_loader(struct config_reading *reading)
{
    const struct config_settings *settings = reading->settings;
    const struct ph_list *path = &reading->config->daemon.plugin_path;
    if (settings != NULL && settings->find != NULL) {
        return;
    }
    if (settings != NULL && settings->loader != NULL) {
        if (*settings->loader == NULL) {
            *settings->loader = loader_new(path->items, path->count);
        }
        reading->loader = *settings->loader;
        return;
    }
    reading->config->mine->loader = loader_new(path->items, path->count);
    reading->loader = reading->config->mine->loader;
}

static void read_backends(struct config_reading *reading)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const char *name = config_kind_name(KINDS[i]);
        const struct ini_section *section = ini_section_find(reading->config->mine->file, name);
        if (section != NULL) {
            *slot_of(reading->config, KINDS[i]) = config_backend_read(reading, KINDS[i], section);
        } else if (KINDS[i] != PH_KIND_SECRET) {
            findings_error(reading->findings, (struct place){.file = reading->config->file, .line = 1},
                           "[%s] is missing: add the section, with a key such as plugin = %s", name,
                           KINDS[i] == PH_KIND_ALERT ? "log" : "sqlite");
        }
    }
}

static void note_secret(void *reading_, const char *name)
{
    struct config_reading *reading = reading_;
    struct config *config = reading->config;
    for (size_t i = 0; i < config->secret_count; i++) {
        if (strcmp(config->secrets[i], name) == 0) {
            return;
        }
    }
    if (config->secret_count == CONFIG_SECRETS_MAX) {
        findings_error(reading->findings, (struct place){.file = config->file, .line = 1},
                       "more than %d different secrets are used", CONFIG_SECRETS_MAX);
        return;
    }
    config->mine->secrets[config->secret_count] = arena_strdup(config->mine->arena, name);
    config->secret_count++;
}

static void note_secrets(struct config_reading *reading)
{
    struct config *config = reading->config;
    config->mine->secrets = xcalloc(CONFIG_SECRETS_MAX, sizeof *config->mine->secrets);
    config->secrets = config->mine->secrets;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct config_backend *backend = *slot_of(config, KINDS[i]);
        if (backend != NULL) {
            config_backend_secrets(backend, note_secret, reading);
        }
    }
}

struct config *config_read(const char *file, const struct config_settings *settings, struct findings *findings)
{
    struct config *config = xcalloc(1, sizeof *config);
    struct config_reading reading = {.config = config, .settings = settings, .findings = findings};
    config->magic = CONFIG_MAGIC;
    config->mine = xcalloc(1, sizeof *config->mine);
    config->mine->arena = arena_new(CONFIG_ARENA_MAX);
    size_t before = findings->errors;
    config->mine->file = ini_read(file, CONFIG_FILE_MAX, findings);
    config->file = config->mine->file->path;
    bool unreadable = config->mine->file->count == 0 && findings->errors > before;
    config_environment_apply(config->mine->file, SECTIONS, settings == NULL ? NULL : settings->environment,
                             config->mine->arena, findings);
    for (size_t i = 0; i < config->mine->file->count; i++) {
        check_section(&reading, &config->mine->file->sections[i]);
    }
    config_read_daemon(&reading);
    config_read_http(&reading);
    config_read_metrics(&reading);
    config_read_tracing(&reading);
    config_read_alarms(&reading);
    // Nothing of a file that is no configuration at all is missing.
    if (!unreadable) {
        choose_loader(&reading);
        read_backends(&reading);
    }
    note_secrets(&reading);
    return config;
}

bool config_finish(struct config *config, config_secret_f *answer, void *context, struct findings *findings)
{
    assert(config->magic == CONFIG_MAGIC && !config->mine->finished);
    size_t before = findings->errors;
    config->mine->finished = true;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct config_backend *backend = *slot_of(config, KINDS[i]);
        if (backend != NULL && KINDS[i] != PH_KIND_SECRET) {
            config_backend_finish(backend, answer, context, findings);
        }
    }
    return findings->errors == before;
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    assert(config->magic == CONFIG_MAGIC);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        config_backend_free(*slot_of(config, KINDS[i]));
    }
    loader_free(config->mine->loader);
    ini_free(config->mine->file);
    arena_free(config->mine->arena);
    free(config->mine->secrets);
    free(config->mine);
    free(config->alarms);
    config->magic = 0;
    free(config);
}

struct config_backend *config_backend_of(const struct config *config, enum ph_kind kind)
{
    assert(config->magic == CONFIG_MAGIC);
    switch (kind) {
    case PH_KIND_STORAGE:
        return config->storage;
    case PH_KIND_META:
        return config->meta;
    case PH_KIND_QUEUE:
        return config->queue;
    case PH_KIND_ALERT:
        return config->alert;
    case PH_KIND_SECRET:
        return config->secret;
    }
    return NULL;
}

struct config_backend *config_take_backend(struct config *config, enum ph_kind kind)
{
    assert(config->magic == CONFIG_MAGIC);
    struct config_backend **slot = slot_of(config, kind);
    struct config_backend *backend = *slot;
    *slot = NULL;
    return backend;
}
