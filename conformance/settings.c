// SPDX-License-Identifier: Apache-2.0
//
// See conformance/settings.h.
#include "conformance/settings.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/expand.h"
#include "core/findings.h"
#include "core/ini.h"
#include "core/loader.h"
#include "core/operation.h"
#include "core/options.h"
#include "core/xalloc.h"
#include <posthouse/plugin.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)
#define MEMORY_MAX ((size_t)16 << 20)
#define ERRORS_MAX 65536

struct settings {
    const struct plugin *plugin;
    struct ini_file *file; // NULL without -c
    struct arena *arena;
    struct options_table table;
};

// Keys that the plugin does not know, but for those of the daemon.
static void settings_check_keys(const struct settings *settings, const struct ini_section *section,
                                struct findings *findings)
{
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        const struct ini_key *key = &section->keys[i];
        if (strchr(key->name, '.') != NULL || strcmp(key->name, "plugin") == 0 ||
            options_find(&settings->table, key->name, NULL) != NULL) {
            continue;
        }
        findings_error(findings, key->place, "plugin %s has no option %s", settings->plugin->descriptor.name,
                       key->name);
    }
}

static const struct ini_section *settings_section(const struct settings *settings)
{
    return settings->file != NULL ? ini_section_find(settings->file, kind_name(settings->plugin->descriptor.kind))
                                  : NULL;
}

struct settings *settings_read(const struct plugin *plugin, const char *file, FILE *err)
{
    struct settings *settings = xcalloc(1, sizeof *settings);
    struct findings findings = {0};
    settings->plugin = plugin;
    settings->arena = arena_new(MEMORY_MAX);
    settings->table =
        (struct options_table){plugin->options, plugin->descriptor.option_count, sizeof(struct ph_option)};
    if (file != NULL) {
        settings->file = ini_read(file, FILE_MAX, &findings);
        const struct ini_section *section = settings_section(settings);
        if (section == NULL && findings.errors == 0) {
            findings_error(&findings, (struct place){.file = file}, "there is no section [%s]",
                           kind_name(plugin->descriptor.kind));
        }
        settings_check_keys(settings, section, &findings);
    }
    bool good = findings.errors == 0;
    findings_print(&findings, err);
    findings_free(&findings);
    if (!good) {
        settings_free(settings);
        return NULL;
    }
    return settings;
}

void settings_free(struct settings *settings)
{
    if (settings != NULL) {
        ini_free(settings->file);
        arena_free(settings->arena);
        free(settings);
    }
}

bool settings_isolate(const struct settings *settings)
{
    const struct ini_section *section = settings_section(settings);
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        if (strstr(section->keys[i].value, "${" SETTINGS_CHECK "}") != NULL) {
            return true;
        }
    }
    return settings->file == NULL;
}

void settings_name_check(const char *name)
{
    char *value = xstrdup(name);
    for (char *at = value; *at != '\0'; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        *at = plain ? *at : '_';
    }
    setenv(SETTINGS_CHECK, value, 1);
    free(value);
}

static const char *settings_own(const struct settings *settings, const char *name)
{
    const struct ini_section *section = settings->file != NULL ? ini_section_find(settings->file, "conformance") : NULL;
    const struct ini_key *key = section != NULL ? ini_key_find(section, name) : NULL;
    return key != NULL ? key->value : NULL;
}

const char *settings_secret_name(const struct settings *settings)
{
    return settings_own(settings, "secret_name");
}

const char *settings_secret_value(const struct settings *settings)
{
    return settings_own(settings, "secret_value");
}

// The file's value with ${ENV} put in, "" and an error when that fails; NULL when the file has none.
static char *settings_value(const struct settings *settings, const char *name, struct buffer *error)
{
    const struct ini_section *section = settings_section(settings);
    const struct ini_key *key = section != NULL ? ini_key_find(section, name) : NULL;
    if (key == NULL) {
        return NULL;
    }
    const struct expand_settings expand = {.environment = NULL};
    bool secret = false;
    char *value = expand_value(key->value, &expand, &secret, error);
    return value != NULL ? value : xstrdup("");
}

// A path that nobody gave: in the test's folder, if the plugin uses one at all or nobody chose otherwise.
static char *settings_path(const struct settings *settings, const struct ph_option *option, const char *folder)
{
    bool used = option->default_value != NULL || (option->flags & PH_OPTION_REQUIRED) != 0;
    bool wanted = (option->flags & PH_OPTION_PATH) != 0 && (used || settings->file == NULL);
    return wanted ? xasprintf("%s/%s", folder, option->name) : NULL;
}

static void settings_set(struct settings *settings, const struct ph_option *option, const char *folder, void *config,
                         struct buffer *error)
{
    char *value = settings_value(settings, option->name, error);
    if (value == NULL) {
        value = settings_path(settings, option, folder);
    }
    if (value != NULL && error->length == 0) {
        options_set(option, value, false, folder, settings->arena, config, error);
    } else if (value == NULL && (option->flags & PH_OPTION_REQUIRED) != 0) {
        buffer_text(error, "must be given: write it into a file for -c");
    } else if (value == NULL) {
        options_set_default(option, folder, settings->arena, config, error);
    }
    expand_free(value);
}

const void *settings_fill(struct settings *settings, const char *folder, FILE *err)
{
    void *config = arena_alloc(settings->arena, settings->plugin->descriptor.config_size + 1);
    bool good = config != NULL;
    for (size_t i = 0; good && i < settings->table.count; i++) {
        const struct ph_option *option = options_at(&settings->table, i);
        struct buffer error;
        buffer_init(&error, ERRORS_MAX);
        settings_set(settings, option, folder, config, &error);
        if (error.length > 0) {
            fprintf(err, "posthouse: option %s: %s\n", option->name, buffer_string(&error));
            good = false;
        }
        buffer_free(&error);
    }
    return good ? config : NULL;
}
