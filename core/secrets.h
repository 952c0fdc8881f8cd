// SPDX-License-Identifier: Apache-2.0
//
// Secrets: fetches what ${secret:NAME#key} names through the secret backend, before the other backends are opened, and
// again when a backend's password was refused. Values are kept until the configuration is finished, and wiped. On the
// exchange loop.
#ifndef CORE_SECRETS_H
#define CORE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "posthouse/plugin.h"

struct backend;
struct event_base;
struct secrets;

/// An empty collection.
struct secrets *secrets_new(void);
/// Wipes and frees. NULL is allowed.
void secrets_free(struct secrets *secrets);

typedef void secrets_done_f(struct secrets *secrets, void *context);

/// Fetches names into the collection; `done` runs once, later. A name that could not be had is there too, with its error.
/// `fresh`: cached values of the backend were refused. The names are copied.
void secrets_fetch(struct secrets *secrets, struct backend *backend, const char *const *names, size_t count, bool fresh,
                   secrets_done_f *done, void *context);

/// The value of a name, valid until secrets_free(). False: `error_r` says why. A config_secret_f, with the collection as
/// context.
bool secrets_answer(void *context, const char *name, struct ph_text *value_r, const char **error_r);

#endif
