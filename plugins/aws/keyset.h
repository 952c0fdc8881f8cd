// SPDX-License-Identifier: Apache-2.0
//
// Credentials as they are held, and the answers that bring them.
#ifndef PLUGINS_AWS_KEYSET_H
#define PLUGINS_AWS_KEYSET_H

#include "plugins/aws/xml.h"
#include <stdbool.h>
#include <stdint.h>

/// An id and a secret are at most so long, and a token: a header must hold it.
#define AWS_KEY_MAX 512
#define AWS_TOKEN_MAX 14000

struct aws_keyset {
    char *id; ///< NULL: there are none
    char *secret;
    char *token;        ///< NULL: none
    int64_t expires_ms; ///< 0: never
};

/// Takes copies; texts may be NULL or "". False: one is missing, too long, or cannot stand in a header; `error_r` says
/// which, never its value. What the set held before is wiped in any case.
bool aws_keyset_take(struct aws_keyset *keys, const char *id, const char *secret, const char *token, int64_t expires_ms,
                     char *error_r, size_t error_size);

/// Reads what container endpoints and the instance's metadata answer. As above.
bool aws_keyset_from_json(struct aws_keyset *keys, const char *bytes, size_t length, char *error_r, size_t error_size);

/// Reads the answer of AssumeRoleWithWebIdentity. As above.
bool aws_keyset_from_xml(struct aws_keyset *keys, const struct aws_xml *root, char *error_r, size_t error_size);

/// Wipes and frees what it holds; it is empty then.
void aws_keyset_clear(struct aws_keyset *keys);

#endif
