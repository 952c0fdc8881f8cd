// SPDX-License-Identifier: Apache-2.0
//
// The rights that a configuration needs: the tables of its plugins (struct ph_right), with the resources filled in
// from its own values. Nothing of a plugin is run, no secret is fetched, nothing is asked of the network.
#ifndef CORE_RIGHTS_H
#define CORE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct config_backend;
struct ph_right;

/// What the caller knows better than the configuration; NULL: not given.
struct rights_settings {
    const char *partition;
    const char *region;
    const char *account;
    const char *key;                ///< ARN of the customer managed key; NULL: rights on a key are left out
    bool setup;                     ///< with the rights of setup
    const char *const *environment; ///< "NAME=value", NULL at the end; NULL: the process's
};

/// One action on one resource.
struct rights_need {
    const struct config_backend *section;
    const struct ph_right *right;
    char *resource;
    char *region; ///< where the resource is; "*" when that is not known
};

struct rights {
    struct rights_need *needs; ///< by section, then in the order of the plugin's table
    size_t count;
    char **notes; ///< what is not as narrow as it could be, for people, each once
    size_t note_count;
};

/// The rights of all sections; an action on a resource appears once for each operation that needs it. The config (read,
/// it need not be finished) must outlive them.
struct rights *rights_of(const struct config *config, const struct rights_settings *settings)
    __attribute__((warn_unused_result));

/// NULL is allowed.
void rights_free(struct rights *rights);

#endif
