// SPDX-License-Identifier: Apache-2.0
//
// What a secret's name asks for, and how Secrets Manager and the Parameter Store are asked and answer.
#ifndef PLUGINS_SECRET_SECRETSMANAGER_SOURCE_H
#define PLUGINS_SECRET_SECRETSMANAGER_SOURCE_H

#include "core/buffer.h"
#include "plugins/aws/client.h"
#include "posthouse/plugin.h"

/// A value is at most so long; both services keep less.
#define SECRET_VALUE_MAX ((size_t)64 << 10)
#define SECRET_NAME_MAX 2048

enum secret_stage { SECRET_CURRENT, SECRET_PENDING, SECRET_PREVIOUS };

/// A name, understood.
struct secret_ask {
    bool parameter; ///< of the Parameter Store
    enum secret_stage stage;
    bool any_stage;   ///< the name does not say which: the pending one may stand in during a rotation
    const char *name; ///< without prefix; points into the name
};

/// Reads a name: NAME, ssm:NAME, pending:NAME, previous:NAME. False: no secret can have it.
bool secret_ask_read(struct ph_text name, struct secret_ask *ask_r);

/// The request for it at that stage; its body is put into `body`.
struct aws_request secret_request(const struct secret_ask *ask, enum secret_stage stage, struct buffer *body);

/// The value in an answer that was PH_OK: allocated, followed by a NUL byte, to be wiped and freed by the caller. NULL:
/// `fault_r` says what is wrong, a constant. The answer's own copy is wiped.
char *secret_value_read(const struct secret_ask *ask, const json_t *answer, size_t *length_r, const char **fault_r);

#endif
