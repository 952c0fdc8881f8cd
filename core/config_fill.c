// SPDX-License-Identifier: Apache-2.0
//
// From keys to structs, for all sections alike: expanding, reading and reporting one option, filling a struct
// from a table, and naming what no table knows. See core/config_private.h.
#include "core/arena.h"
#include "core/buffer.h"
#include "core/config_private.h"
#include "core/ini.h"
#include "core/log.h"
#include "core/suggest.h"
#include <string.h>

// Expands a value that holds no secret; NULL after an error.
static char *expand_plain(const struct config_reading *reading, const struct ini_key *key, bool *secret_r,
                          struct buffer *error)
{
    if (expand_secrets(key->value, NULL, NULL, error) > 0) {
        buffer_text(error, "a secret can be used in [storage], [meta], [queue] and [alert] only");
        return NULL;
    }
    struct expand_settings settings = {.environment = reading->settings == NULL ? NULL
                                                                                : reading->settings->environment};
    return buffer_failed(error) || error->length > 0 ? NULL : expand_value(key->value, &settings, secret_r, error);
}

bool config_set_option(struct config_reading *reading, const char *section, const struct ph_option *option,
                       const struct ini_key *key, const char *folder, struct arena *arena, void *into)
{
    struct buffer error;
    bool secret = false;
    buffer_init(&error, CONFIG_ERROR_MAX);
    char *value = expand_plain(reading, key, &secret, &error);
    // What came from the environment is not repeated in a message: it may be a password.
    bool hidden = expand_needed(key->value);
    bool good = value != NULL && options_set(option, value, hidden, folder, arena, into, &error);
    if (good && (option->flags & PH_OPTION_SECRET) != 0) {
        log_redact(value, strlen(value));
    }
    if (!good) {
        const char *text = buffer_string(&error);
        findings_error(reading->findings, key->place, "%s.%s: %s", section, option->name,
                       text == NULL ? "the value cannot be used" : text);
    }
    expand_free(value);
    buffer_free(&error);
    return good;
}

static void offer_all(struct suggest *suggest, const struct options_table *table)
{
    for (size_t i = 0; table != NULL && i < table->count; i++) {
        suggest_offer(suggest, options_at(table, i)->name);
    }
}

void config_unknown_key(struct findings *findings, const char *section, const struct ini_key *key, const char *owner,
                        const struct options_table *first, const struct options_table *second)
{
    struct suggest suggest = suggest_begin(key->name);
    offer_all(&suggest, first);
    offer_all(&suggest, second);
    const char *nearest = suggest_nearest(&suggest);
    findings_error(findings, key->place, "%s.%s: no such key in %s%s%s", section, key->name, owner,
                   nearest == NULL ? "" : "; nearest: ", nearest == NULL ? "" : nearest);
}

static void fill_option(struct config_reading *reading, const char *name, const struct ini_section *section,
                        const struct ph_option *option, const char *folder, void *into)
{
    const struct ini_key *key = section == NULL ? NULL : ini_key_find(section, option->name);
    if (key == NULL && section != NULL && (option->flags & PH_OPTION_REQUIRED) != 0) {
        findings_error(reading->findings, section->place, "%s.%s is missing: %s", name, option->name, option->help);
    }
    if (key != NULL && !key->broken) {
        config_set_option(reading, name, option, key, folder, reading->config->mine->arena, into);
    }
}

void config_fill(struct config_reading *reading, const char *name, const struct ini_section *section,
                 const struct options_table *table, const char *const *folder, void *into)
{
    options_set_defaults(table, reading->config->mine->arena, into);
    for (size_t i = 0; i < table->count; i++) {
        fill_option(reading, name, section, options_at(table, i), *folder, into);
    }
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        if (options_find(table, section->keys[i].name, NULL) == NULL) {
            char owner[INI_NAME_MAX + 3];
            snprintf(owner, sizeof owner, "[%s]", section->name);
            config_unknown_key(reading->findings, name, &section->keys[i], owner, table, NULL);
        }
    }
}

struct place config_place(const struct config_reading *reading, const struct ini_section *section, const char *name)
{
    const struct ini_key *key = section == NULL ? NULL : ini_key_find(section, name);
    if (key != NULL) {
        return key->place;
    }
    return section != NULL ? section->place : (struct place){.file = reading->config->file, .line = 1};
}
