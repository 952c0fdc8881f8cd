// SPDX-License-Identifier: Apache-2.0
//
// The configuration: an INI file, the environment over it, checked against the tables of options and turned
// into structs.
//
// It is read in two steps, because a value may hold ${secret:NAME#key} and the secret backend must be opened
// first to answer that:
//
//     struct findings findings = {0};
//     struct config *config = config_read(file, NULL, &findings); // everything but secrets
//     … open config->secret if config->secret_count > 0, fetch each config->secrets[i] …
//     config_finish(config, answer, context, &findings);          // fills the backends' config structs
//     if (findings.errors > 0) { findings_print(&findings, stderr); exit(78); }
//
// Both steps go on after an error, so that one run tells them all. A config is only for use when there was
// none. One thread at a time. Nothing here touches the network or runs a function of a plugin.
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "core/findings.h"
#include "core/log.h"
#include "posthouse/plugin.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend_policy;
struct config_section;
struct fault_settings;
struct loader;
struct options_table;
struct plugin;

/// The exit code for a configuration that cannot be used.
#define CONFIG_EXIT 78
/// A file is at most this long.
#define CONFIG_FILE_MAX (1024u * 1024u)
/// The most [alarm …] sections, and the most different secrets.
#define CONFIG_ALARMS_MAX 64
#define CONFIG_SECRETS_MAX 256

/// A rate limit; rate 0: none.
struct config_rate {
    uint32_t rate;  ///< requests a second
    uint32_t burst; ///< at once
};

/// [daemon]
struct config_daemon {
    struct ph_list roles;
    const char *state_dir; ///< "." by default
    struct ph_list plugin_path;
    uint32_t log_level;  ///< enum log_level
    uint32_t log_format; ///< enum log_format
    uint64_t memory;     ///< bytes of messages that may wait inside the daemon before it answers 503
    int64_t drain;       ///< milliseconds
    int64_t retention;   ///< milliseconds a delivered message is kept; 0: for ever
    int64_t attempts;    ///< failed attempts after which a message is dead
    bool api;            ///< from roles
    bool courier;        ///< from roles
};

/// [http]; times in milliseconds.
struct config_http {
    struct ph_list listen;
    int64_t loops; ///< as given, or chosen by the number of CPUs
    const char *tls_certificate;
    const char *tls_key;
    uint64_t max_body;
    int64_t header_timeout;
    int64_t body_timeout;
    int64_t idle_timeout;
    int64_t max_connections;
    struct ph_list trusted_proxies;
    const char *rate_per_user;
    const char *rate_per_address;
    struct config_rate user_rate;    ///< from rate_per_user
    struct config_rate address_rate; ///< from rate_per_address
};

/// [metrics]
struct config_metrics {
    bool emf; ///< write lines for CloudWatch
    const char *namespace;
    const char *service;
    int64_t interval; ///< milliseconds
};

/// [tracing]; times in milliseconds.
struct config_tracing {
    const char *endpoint; ///< base URL of an OTLP/HTTP receiver; NULL: tracing is off
    const char *service_name;
    const char *sample;
    uint32_t share;   ///< from sample, in millionths
    int64_t interval; ///< between two requests to the receiver
    int64_t timeout;  ///< of one request
    int64_t queue;    ///< spans that may wait
};

/// [alarm NAME]
struct config_alarm {
    const char *name; ///< "backlog"
    struct place place;
    const char *metric;
    bool has_above;
    bool has_below;
    int64_t above; ///< the alarm is on while the metric is above this …
    int64_t below; ///< … or below this …
    int64_t hold;  ///< … for so many milliseconds (key `for`)
};

/// One of [storage], [meta], [queue], [alert] and [secret]. Stands by itself: it may be taken out of its
/// config (config_take_backend) and live longer.
struct config_backend {
    uint32_t magic;
    uint32_t kind;                       ///< enum ph_kind
    const char *section;                 ///< "storage"; constant
    struct place place;                  ///< of the section
    const char *plugin_name;             ///< as written; NULL when missing
    const struct plugin *plugin;         ///< the loader's; NULL when it was not found or refused
    void *config;                        ///< the plugin's config struct, filled; NULL before config_finish()
    struct backend_policy *policy;       ///< from the keys with a dot
    struct fault_settings *faults;       ///< NULL: none asked for
    struct config_backend_private *mine; ///< raw values, memory
};

struct config {
    uint32_t magic;
    const char *file;
    struct config_daemon daemon;
    struct config_http http;
    struct config_metrics metrics;
    struct config_tracing tracing;
    struct config_backend *storage; ///< NULL when its section is missing (an error)
    struct config_backend *meta;    ///< likewise
    struct config_backend *queue;   ///< likewise
    struct config_backend *alert;   ///< likewise
    struct config_backend *secret;  ///< NULL when there is no such section
    struct config_alarm *alarms;
    size_t alarm_count;
    const char *const *secrets; ///< the different names in ${secret:NAME#key}, without the key
    size_t secret_count;
    struct config_private *mine;
};

/// Finds a plugin; as loader_open().
typedef const struct plugin *config_find_f(void *context, uint32_t kind, const char *name, char **errors_r);

/// Where config_read() looks; all of it may be left out (settings NULL).
struct config_settings {
    /// "NAME=value", NULL at the end; NULL: the process's environment.
    const char *const *environment;
    /// The loader to use. One that points to NULL is made from [daemon] plugin_path and belongs to the caller
    /// then; it must outlive the backends. NULL: the config makes and owns one.
    struct loader **loader;
    /// Instead of a loader (tests).
    config_find_f *find;
    void *find_context;
};

/// Reads and checks a file. Never NULL; errors are in `findings`. Fills config->secret's config struct (which
/// may hold no ${secret:…}); the other backends' are filled by config_finish().
struct config *config_read(const char *file, const struct config_settings *settings, struct findings *findings)
    __attribute__((warn_unused_result));

/// The value of the secret `name`, whole, valid until the next question. False: `error_r` may say why (no
/// secret in it; borrowed as long).
typedef bool config_secret_f(void *context, const char *name, struct ph_text *value_r, const char **error_r);

/// Fills the config structs of storage, meta, queue and alert, with secrets from `answer` (NULL: every secret
/// is an error). Each secret value is registered for redaction in the log. Once for a config. True when
/// nothing was added to `findings.errors`.
bool config_finish(struct config *config, config_secret_f *answer, void *context, struct findings *findings);

/// Frees it, wiping secrets. NULL is allowed.
void config_free(struct config *config);

/// The backend of a kind, or NULL.
struct config_backend *config_backend_of(const struct config *config, enum ph_kind kind);

/// The same, and it belongs to the caller now; the config forgets it.
struct config_backend *config_take_backend(struct config *config, enum ph_kind kind);

/// Frees a backend that was taken, wiping secrets; the plugin must not use its config struct any more. NULL
/// is allowed.
void config_backend_free(struct config_backend *backend);

/// What changed from one backend section to another of the same kind.
enum config_change {
    CONFIG_SAME,       ///< nothing
    CONFIG_POLICY,     ///< only keys with a dot
    CONFIG_RELOADABLE, ///< options that the plugin can take over (and perhaps keys with a dot)
    CONFIG_SWAP        ///< another plugin, or an option that needs a new instance
};
/// `names_r` (size `size`) receives what differs, such as "path, call.deadline"; secrets by name only.
enum config_change config_backend_compare(const struct config_backend *left, const struct config_backend *right,
                                          char *names_r, size_t size);

/// The plugin's config struct as far as it could be filled without secrets; options that hold one are empty in it. NULL
/// without a plugin. It is for looking at, also before config_finish() and after errors.
const void *config_backend_values(const struct config_backend *backend);

/// True when the file gives the option a value that holds a secret.
bool config_option_is_secret(const struct config_backend *backend, const char *option);

/// For ph_host.resolve: the names of the secrets in one option as the file has it. Returns how many were
/// written, at most `limit`. The names live as long as the backend. 0 also for an option that is not set.
size_t config_option_secrets(const struct config_backend *backend, const char *option, const char **names_r,
                             size_t limit);

/// For ph_host.resolve: one option anew, with ${…} expanded now. The value, to be wiped and freed by the
/// caller with config_value_free(), or NULL: `error_r` says why (free with free()). The filled struct is not
/// touched.
char *config_option_resolve(const struct config_backend *backend, const char *option, config_secret_f *answer,
                            void *context, char **error_r);
void config_value_free(char *value);

/// The tables of the daemon's own sections, for docs and tests: "daemon", "http", "metrics", "tracing", "alarm" and "backend" (the
/// keys with a dot). NULL for another name.
const struct options_table *config_table(const char *section);

/// The reference page of all the daemon's own sections, in Markdown; free with free().
char *config_document(void) __attribute__((warn_unused_result));

#endif
