// SPDX-License-Identifier: Apache-2.0
//
// ${ENV} and ${secret:NAME#key} in values; "$${" stands for "${".
//
// In two steps, because secrets come from a backend: expand_secrets() tells the names that a value needs,
// expand_value() puts everything in. What is put in is not expanded again. With #key the secret is a JSON
// object and the member of that name is taken (a string, a number, true or false). Without it the secret is
// taken whole, but for line ends at its end. Error texts name variables and secrets, never values.
#ifndef CORE_EXPAND_H
#define CORE_EXPAND_H

#include "posthouse/plugin.h"
#include <stdbool.h>
#include <stddef.h>

struct buffer;

/// The most bytes of a secret's name, of a key, and of a value when expanded.
#define EXPAND_NAME_MAX 512
#define EXPAND_KEY_MAX 128
#define EXPAND_VALUE_MAX 65536

/// The value of the secret `name`, whole, valid until the next question. False: `error_r` may say why.
typedef bool expand_secret_f(void *context, const char *name, struct ph_text *value_r, const char **error_r);

struct expand_settings {
    const char *const *environment; ///< "NAME=value", NULL at the end; NULL: the process's
    expand_secret_f *answer;        ///< NULL: every secret is an error
    void *context;
};

/// True when the value holds any ${…}.
bool expand_needed(const char *value);

/// Calls `found` with the name of each secret in the value; it may be NULL. Returns how many there are, or -1
/// when the value is malformed: `error` says how.
int expand_secrets(const char *value, void (*found)(void *context, const char *name), void *context,
                   struct buffer *error);

/// The value with everything put in, to be freed with expand_free(), or NULL: `error` says why. `secret_r`: a
/// secret was put in; each was registered for redaction in the log.
char *expand_value(const char *value, const struct expand_settings *settings, bool *secret_r, struct buffer *error);

/// Wipes and frees an expanded value. NULL is allowed.
void expand_free(char *value);

/// The value of a variable of such an environment, or NULL.
const char *expand_variable(const char *const *environment, const char *name, size_t length);

#endif
