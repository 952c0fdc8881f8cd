// SPDX-License-Identifier: Apache-2.0
//
// The sections of backends: which plugin, its config struct, the keys with a dot. See core/config_private.h.
//
// The struct is filled in two passes over the same raw values: first those without secrets, then, when the
// secret backend answers, the others. The raw values stay, for ph_host.resolve.
#include "core/arena.h"
#include "core/backend_settings.h"
#include "core/buffer.h"
#include "core/config_private.h"
#include "core/faults.h"
#include "core/ini.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/suggest.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKEND_MAGIC 0x63666762u // "cfgb"

static const char *const KIND_NAMES[] = {
    [PH_KIND_STORAGE] = "storage", [PH_KIND_META] = "meta",     [PH_KIND_QUEUE] = "queue",
    [PH_KIND_ALERT] = "alert",     [PH_KIND_SECRET] = "secret",
};

const char *config_kind_name(enum ph_kind kind)
{
    return KIND_NAMES[kind];
}

static struct options_table policy_table(void)
{
    return (struct options_table){backend_policy_options, backend_policy_option_count, sizeof(struct ph_option)};
}

static struct options_table plugin_table(const struct plugin *plugin)
{
    // The loader gives options of this program's own size, whatever the plugin was compiled with.
    return (struct options_table){plugin->descriptor.options, plugin->descriptor.option_count,
                                  sizeof(struct ph_option)};
}

// --- reading -----------------------------------------------------------------------------------------------

// Names a plugin of the kind that was probably meant.
static const char *nearest_plugin(const struct config_reading *reading, enum ph_kind kind, const char *name, char *out,
                                  size_t size)
{
    size_t count = 0;
    if (reading->loader == NULL) {
        return NULL;
    }
    struct loader_entry *entries = loader_list(reading->loader, &count);
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].kind, config_kind_name(kind)) == 0 && entries[i].plugin != NULL) {
            suggest_offer(&suggest, entries[i].name);
        }
    }
    const char *nearest = suggest_nearest(&suggest);
    if (nearest != NULL) {
        snprintf(out, size, "%s", nearest);
    }
    loader_list_free(entries, count);
    return nearest == NULL ? NULL : out;
}

// The loader's text, a finding a line; the last one names the nearest plugin there is.
static void report_plugin(struct config_reading *reading, const struct config_backend *backend,
                          const struct ini_key *key, const char *errors)
{
    char found[LOADER_NAME_SIZE];
    const char *nearest =
        nearest_plugin(reading, (enum ph_kind)backend->kind, backend->plugin_name, found, sizeof found);
    const char *text = errors == NULL ? "the plugin cannot be loaded" : errors;
    bool other = nearest != NULL && strcmp(nearest, backend->plugin_name) != 0;
    while (*text != '\0') {
        int length = (int)strcspn(text, "\n");
        bool last = text[length] == '\0' || text[length + 1] == '\0';
        findings_error(reading->findings, key->place, "%s.plugin: %.*s%s%s", backend->section, length, text,
                       other && last ? "; nearest: " : "", other && last ? nearest : "");
        text += length;
        text += *text == '\n';
    }
}

static void find_plugin(struct config_reading *reading, struct config_backend *backend,
                        const struct ini_section *section)
{
    const struct ini_key *key = ini_key_find(section, "plugin");
    char *errors = NULL;
    if (key == NULL) {
        findings_error(reading->findings, section->place,
                       "%s.plugin is missing: it names the backend, such as plugin = %s", backend->section,
                       backend->kind == PH_KIND_ALERT    ? "log"
                       : backend->kind == PH_KIND_SECRET ? "env"
                                                         : "sqlite");
        return;
    }
    if (key->broken) {
        return;
    }
    const struct ph_option option = {.name = "plugin", .type = PH_OPTION_TEXT, .flags = PH_OPTION_REQUIRED};
    if (!config_set_option(reading, backend->section, &option, key, NULL, backend->mine->arena,
                           &backend->plugin_name)) {
        return;
    }
    backend->plugin =
        reading->loader != NULL
            ? loader_open(reading->loader, backend->kind, backend->plugin_name, &errors)
            : reading->settings->find(reading->settings->find_context, backend->kind, backend->plugin_name, &errors);
    if (backend->plugin == NULL) {
        report_plugin(reading, backend, key, errors);
    }
    free(errors);
}

static bool is_fault(const char *name)
{
    return strncmp(name, BACKEND_FAULT_PREFIX, sizeof BACKEND_FAULT_PREFIX - 1) == 0;
}

static void read_fault(struct config_reading *reading, struct config_backend *backend, const struct ini_key *key)
{
    char error[512];
    if (backend->faults == NULL) {
        backend->faults = xcalloc(1, sizeof *backend->faults);
    }
    if (expand_needed(key->value)) {
        findings_error(reading->findings, key->place, "%s.%s: ${…} cannot be used here", backend->section, key->name);
    } else if (!faults_parse(backend->faults, backend->kind, key->name, key->value, error, sizeof error)) {
        findings_error(reading->findings, key->place, "%s.%s: %s", backend->section, key->name, error);
    } else {
        findings_warning(reading->findings, key->place, "%s.%s: faults are injected into this backend on purpose",
                         backend->section, key->name);
    }
}

static void read_dotted(struct config_reading *reading, struct config_backend *backend, const struct ini_key *key)
{
    const struct options_table table = policy_table();
    const struct ph_option *option = options_find(&table, key->name, NULL);
    if (is_fault(key->name)) {
        read_fault(reading, backend, key);
    } else if (option == NULL) {
        config_unknown_key(reading->findings, backend->section, key, "the daemon", &table, NULL);
    } else {
        config_set_option(reading, backend->section, option, key, NULL, backend->mine->arena, backend->policy);
    }
}

static bool holds_secret(const char *value)
{
    struct buffer error;
    buffer_init(&error, CONFIG_ERROR_MAX);
    bool holds = expand_secrets(value, NULL, NULL, &error) > 0;
    buffer_free(&error);
    return holds;
}

// Reads one option of the plugin, unless it must wait for a secret.
static void read_option(struct config_reading *reading, struct config_backend *backend, const struct ph_option *option,
                        const struct ini_key *key, struct config_raw *raw)
{
    raw->secret = holds_secret(key->value);
    if (!raw->secret) {
        raw->broken = !config_set_option(reading, backend->section, option, key, backend->mine->folder,
                                         backend->mine->arena, backend->mine->filled);
        return;
    }
    if (backend->kind == PH_KIND_SECRET) {
        findings_error(reading->findings, key->place, "secret.%s: the secret backend cannot take a secret from itself",
                       key->name);
        raw->broken = true;
    } else if (ini_section_find(reading->config->mine->file, "secret") == NULL) {
        findings_error(reading->findings, key->place,
                       "%s.%s: uses a secret, but there is no [secret] section; add one, such as [secret] with "
                       "plugin = env",
                       backend->section, key->name);
        raw->broken = true;
    }
}

static void read_keys(struct config_reading *reading, struct config_backend *backend, const struct ini_section *section)
{
    struct config_backend_private *mine = backend->mine;
    mine->raw = xcalloc(section->count + 1, sizeof *mine->raw);
    for (size_t i = 0; i < section->count; i++) {
        const struct ini_key *key = &section->keys[i];
        struct config_raw *raw = &mine->raw[mine->raw_count];
        mine->raw_count++;
        *raw =
            (struct config_raw){.name = xstrdup(key->name),
                                .text = xstrdup(key->value),
                                .place = {.file = arena_strdup(mine->arena, key->place.file), .line = key->place.line},
                                .broken = key->broken};
        if (key->broken || strcmp(key->name, "plugin") == 0) {
            continue;
        }
        const struct ph_option *option = options_find(&mine->table, key->name, NULL);
        if (strchr(key->name, '.') != NULL) {
            read_dotted(reading, backend, key);
        } else if (option != NULL) {
            read_option(reading, backend, option, key, raw);
        } else if (backend->plugin != NULL) {
            char owner[96];
            static const struct ph_option plugin = {.name = "plugin"};
            static const struct options_table plugin_key = {&plugin, 1, sizeof plugin};
            snprintf(owner, sizeof owner, "plugin %s-%s", backend->section, backend->plugin_name);
            config_unknown_key(reading->findings, backend->section, key, owner, &mine->table, &plugin_key);
        }
    }
}

static void set_plugin_defaults(struct config_reading *reading, struct config_backend *backend)
{
    struct config_backend_private *mine = backend->mine;
    struct buffer error;
    buffer_init(&error, CONFIG_ERROR_MAX);
    for (size_t i = 0; i < mine->table.count; i++) {
        const struct ph_option *option = options_at(&mine->table, i);
        if (!options_set_default(option, mine->folder, mine->arena, mine->filled, &error)) {
            const char *text = buffer_string(&error);
            findings_error(reading->findings, backend->place,
                           "plugin %s-%s has a wrong default for %s (a fault of the plugin): %s", backend->section,
                           backend->plugin_name, option->name, text == NULL ? "" : text);
            buffer_clear(&error);
        }
    }
    buffer_free(&error);
}

static const struct config_raw *find_raw(const struct config_backend *backend, const char *name)
{
    for (size_t i = 0; i < backend->mine->raw_count; i++) {
        if (strcmp(backend->mine->raw[i].name, name) == 0) {
            return &backend->mine->raw[i];
        }
    }
    return NULL;
}

static void look_for_missing(struct config_reading *reading, const struct config_backend *backend)
{
    const struct options_table *table = &backend->mine->table;
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        if ((option->flags & PH_OPTION_REQUIRED) != 0 && find_raw(backend, option->name) == NULL) {
            findings_error(reading->findings, backend->place, "%s.%s is missing: %s", backend->section, option->name,
                           option->help);
        }
    }
}

struct config_backend *config_backend_read(struct config_reading *reading, enum ph_kind kind,
                                           const struct ini_section *section)
{
    struct config_backend *backend = xcalloc(1, sizeof *backend);
    struct config_backend_private *mine = xcalloc(1, sizeof *mine);
    backend->magic = BACKEND_MAGIC;
    backend->kind = kind;
    backend->section = config_kind_name(kind);
    backend->mine = mine;
    mine->arena = arena_new(CONFIG_ARENA_MAX);
    // The backend may outlive its config, so what it shows of places is its own.
    backend->place =
        (struct place){.file = arena_strdup(mine->arena, section->place.file), .line = section->place.line};
    mine->folder = arena_strdup(mine->arena, reading->config->daemon.state_dir);
    mine->environment = reading->settings == NULL ? NULL : reading->settings->environment;
    backend->policy = xcalloc(1, sizeof *backend->policy);
    backend_policy_defaults(backend->policy);
    find_plugin(reading, backend, section);
    if (backend->plugin != NULL) {
        mine->table = plugin_table(backend->plugin);
        mine->filled = xcalloc(1, backend->plugin->descriptor.config_size + 1);
        mine->hidden = xcalloc(mine->table.count + 1, sizeof *mine->hidden);
        set_plugin_defaults(reading, backend);
    }
    read_keys(reading, backend, section);
    look_for_missing(reading, backend);
    if (kind == PH_KIND_SECRET) {
        backend->config = mine->filled;
    }
    return backend;
}

// --- secrets -----------------------------------------------------------------------------------------------

void config_backend_secrets(const struct config_backend *backend, void (*found)(void *context, const char *name),
                            void *context)
{
    struct buffer error;
    buffer_init(&error, CONFIG_ERROR_MAX);
    for (size_t i = 0; i < backend->mine->raw_count; i++) {
        if (backend->mine->raw[i].secret && !backend->mine->raw[i].broken) {
            expand_secrets(backend->mine->raw[i].text, found, context, &error);
        }
    }
    buffer_free(&error);
}

static bool set_secret(struct config_backend *backend, const struct config_raw *raw,
                       const struct expand_settings *settings, struct buffer *error)
{
    struct config_backend_private *mine = backend->mine;
    size_t index = 0;
    bool secret = false;
    const struct ph_option *option = options_find(&mine->table, raw->name, &index);
    char *value = option == NULL ? NULL : expand_value(raw->text, settings, &secret, error);
    bool good = value != NULL && options_set(option, value, true, mine->folder, mine->arena, mine->filled, error);
    if (good) {
        mine->hidden[index] = true;
    }
    expand_free(value);
    return good;
}

void config_backend_finish(struct config_backend *backend, config_secret_f *answer, void *context,
                           struct findings *findings)
{
    struct config_backend_private *mine = backend->mine;
    const struct expand_settings settings = {.environment = mine->environment, .answer = answer, .context = context};
    for (size_t i = 0; mine->filled != NULL && i < mine->raw_count; i++) {
        const struct config_raw *raw = &mine->raw[i];
        struct buffer error;
        buffer_init(&error, CONFIG_ERROR_MAX);
        if (raw->secret && !raw->broken && !set_secret(backend, raw, &settings, &error)) {
            const char *text = buffer_string(&error);
            findings_error(findings, raw->place, "%s.%s: %s", backend->section, raw->name,
                           text == NULL ? "the value cannot be used" : text);
        }
        buffer_free(&error);
    }
    backend->config = mine->filled;
}

const void *config_backend_values(const struct config_backend *backend)
{
    assert(backend->magic == BACKEND_MAGIC);
    return backend->mine->filled;
}

bool config_option_is_secret(const struct config_backend *backend, const char *option)
{
    const struct config_raw *raw = find_raw(backend, option);
    return raw != NULL && raw->secret;
}

struct secret_names {
    struct config_backend_private *mine;
    const char **names;
    size_t limit;
    size_t count;
};

// The backend's own copy of a name, made once: an option may be resolved again and again.
static const char *keep_name(struct config_backend_private *mine, const char *name)
{
    for (size_t i = 0; i < mine->name_count; i++) {
        if (strcmp(mine->names[i], name) == 0) {
            return mine->names[i];
        }
    }
    mine->names = xrealloc_array(mine->names, mine->name_count + 1, sizeof *mine->names);
    mine->names[mine->name_count] = xstrdup(name);
    mine->name_count++;
    return mine->names[mine->name_count - 1];
}

static void note_secret(void *names_, const char *name)
{
    struct secret_names *names = names_;
    if (names->count < names->limit) {
        names->names[names->count] = keep_name(names->mine, name);
        names->count++;
    }
}

size_t config_option_secrets(const struct config_backend *backend, const char *option, const char **names_r,
                             size_t limit)
{
    assert(backend->magic == BACKEND_MAGIC);
    struct secret_names names = {.mine = backend->mine, .names = names_r, .limit = limit};
    const struct config_raw *raw = find_raw(backend, option);
    struct buffer error;
    buffer_init(&error, CONFIG_ERROR_MAX);
    if (raw != NULL && !raw->broken) {
        expand_secrets(raw->text, note_secret, &names, &error);
    }
    buffer_free(&error);
    return names.count;
}

char *config_option_resolve(const struct config_backend *backend, const char *option, config_secret_f *answer,
                            void *context, char **error_r)
{
    assert(backend->magic == BACKEND_MAGIC);
    const struct expand_settings settings = {
        .environment = backend->mine->environment, .answer = answer, .context = context};
    const struct config_raw *raw = find_raw(backend, option);
    bool secret = false;
    *error_r = NULL;
    if (raw == NULL || raw->broken) {
        *error_r = xasprintf("%s.%s is not set", backend->section, option);
        return NULL;
    }
    struct buffer error;
    buffer_init(&error, CONFIG_ERROR_MAX);
    char *value = expand_value(raw->text, &settings, &secret, &error);
    const struct ph_option *known = options_find(&backend->mine->table, option, NULL);
    if (value != NULL && known != NULL && (known->flags & PH_OPTION_SECRET) != 0) {
        log_redact(value, strlen(value));
    }
    if (value == NULL) {
        *error_r = xasprintf("%s.%s: %s", backend->section, option,
                             buffer_string(&error) == NULL ? "cannot be resolved" : buffer_string(&error));
    }
    buffer_free(&error);
    return value;
}

void config_value_free(char *value)
{
    expand_free(value);
}

// --- comparing and freeing ---------------------------------------------------------------------------------

// True when the same fault keys with the same values are in both sections.
static bool same_faults(const struct config_backend *left, const struct config_backend *right)
{
    for (size_t i = 0; i < left->mine->raw_count; i++) {
        const struct config_raw *raw = &left->mine->raw[i];
        const struct config_raw *other = find_raw(right, raw->name);
        if (is_fault(raw->name) && (other == NULL || strcmp(raw->text, other->text) != 0)) {
            return false;
        }
    }
    return true;
}

enum config_change config_backend_compare(const struct config_backend *left, const struct config_backend *right,
                                          char *names_r, size_t size)
{
    assert(left->magic == BACKEND_MAGIC && right->magic == BACKEND_MAGIC && left->kind == right->kind);
    enum config_change change = CONFIG_SAME;
    const struct options_table policy = policy_table();
    struct options_difference difference;
    names_r[0] = '\0';
    if (left->plugin != right->plugin) {
        options_add_name(names_r, size, "plugin");
        return CONFIG_SWAP;
    }
    options_compare(&policy, left->policy, right->policy, &difference);
    if (difference.count > 0) {
        options_add_name(names_r, size, difference.names);
        change = CONFIG_POLICY;
    }
    if (left->mine->filled != NULL && right->mine->filled != NULL) {
        options_compare(&left->mine->table, left->mine->filled, right->mine->filled, &difference);
        if (difference.count > 0) {
            options_add_name(names_r, size, difference.names);
            change = difference.reloadable ? CONFIG_RELOADABLE : CONFIG_SWAP;
        }
    }
    if (!same_faults(left, right) || !same_faults(right, left)) {
        options_add_name(names_r, size, "fault");
        change = CONFIG_SWAP;
    }
    return change;
}

void config_backend_free(struct config_backend *backend)
{
    if (backend == NULL) {
        return;
    }
    assert(backend->magic == BACKEND_MAGIC);
    struct config_backend_private *mine = backend->mine;
    if (mine->filled != NULL) {
        options_wipe(&mine->table, mine->hidden, mine->filled);
    }
    for (size_t i = 0; i < mine->raw_count; i++) {
        free(mine->raw[i].name);
        expand_free(mine->raw[i].text);
    }
    for (size_t i = 0; i < mine->name_count; i++) {
        free(mine->names[i]);
    }
    free(mine->names);
    free(mine->raw);
    free(mine->hidden);
    free(mine->filled);
    arena_free(mine->arena);
    free(mine);
    free(backend->policy);
    free(backend->faults);
    backend->magic = 0;
    free(backend);
}
