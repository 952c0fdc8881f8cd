// SPDX-License-Identifier: Apache-2.0
//
// What the files of the configuration share among themselves: core/config.c reads the whole,
// core/config_sections.c knows the daemon's own sections, core/config_backend.c those of the backends.
#ifndef CORE_CONFIG_PRIVATE_H
#define CORE_CONFIG_PRIVATE_H

#include "core/config.h"
#include "core/expand.h"
#include "core/options.h"

struct arena;
struct ini_file;
struct ini_key;
struct ini_section;

/// The most bytes of all texts of one section, or of the daemon's own sections together.
#define CONFIG_ARENA_MAX ((size_t)16 * 1024 * 1024)
/// Bytes of one error text.
#define CONFIG_ERROR_MAX 4096

struct config_private {
    struct arena *arena; ///< texts of the daemon's own sections, places
    struct ini_file *file;
    struct loader *loader; ///< when it is the config's own
    const char **secrets;
    bool finished;
};

/// One key of a backend's section as the file has it.
struct config_raw {
    char *name;
    char *text;
    struct place place;
    bool secret; ///< it holds ${secret:…}
    bool broken; ///< an error was found: not for use
};

struct config_backend_private {
    struct arena *arena;
    struct options_table table; ///< the plugin's
    void *filled;               ///< the config struct while it is not complete
    bool *hidden;               ///< for each option: its value held a secret
    struct config_raw *raw;
    size_t raw_count;
    char **names; ///< of secrets that were asked for
    size_t name_count;
    const char *folder;             ///< state_dir
    const char *const *environment; ///< as in struct config_settings
};

/// A reading under way.
struct config_reading {
    struct config *config;
    const struct config_settings *settings;
    struct findings *findings;
    struct loader *loader; ///< NULL when settings->find is used
};

/// Sets one option from one key: expands, reads, reports with the section's name in front. `answer` as in
/// struct expand_settings. `secret_r` may be NULL. False after an error.
bool config_set_option(struct config_reading *reading, const char *section, const struct ph_option *option,
                       const struct ini_key *key, const char *folder, struct arena *arena, void *into);

/// Fills a struct from one of the daemon's own sections. `section` may be NULL: defaults.
void config_fill(struct config_reading *reading, const char *name, const struct ini_section *section,
                 const struct options_table *table, const char *const *folder, void *into);

/// Where a key stands that was found good before; the section's own place when the value is a default.
struct place config_place(const struct config_reading *reading, const struct ini_section *section, const char *name);

/// Reports a key that no table knows, with the nearest. `owner` says whose option it is not.
void config_unknown_key(struct findings *findings, const char *section, const struct ini_key *key, const char *owner,
                        const struct options_table *first, const struct options_table *second);

/// Fills config->daemon, config->http, config->metrics, config->tracing and config->alarms.
void config_read_daemon(struct config_reading *reading);
void config_read_http(struct config_reading *reading);
void config_read_metrics(struct config_reading *reading);
void config_read_tracing(struct config_reading *reading);
void config_read_alarms(struct config_reading *reading);

/// Reads a backend's section (its key `plugin` and all others), but for values that hold secrets.
struct config_backend *config_backend_read(struct config_reading *reading, enum ph_kind kind,
                                           const struct ini_section *section);

/// Calls `found` with the name of each secret that a backend needs.
void config_backend_secrets(const struct config_backend *backend, void (*found)(void *context, const char *name),
                            void *context);

/// Reads the values that hold secrets and publishes the filled struct.
void config_backend_finish(struct config_backend *backend, config_secret_f *answer, void *context,
                           struct findings *findings);

/// "storage", …
const char *config_kind_name(enum ph_kind kind);

#endif
