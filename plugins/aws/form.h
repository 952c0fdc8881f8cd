// SPDX-License-Identifier: Apache-2.0
//
// The body of a query service's request: "&Name=value" for each parameter, as Python's urlencode writes it, because
// moto encodes a form anew before it verifies its signature.
#ifndef PLUGINS_AWS_FORM_H
#define PLUGINS_AWS_FORM_H

#include "core/buffer.h"

/// Appends "&name=value"; `name` must need no encoding.
void aws_form_add(struct buffer *form, const char *name, const char *value, size_t length);

/// As aws_form_add(), with a name that is formatted: aws_form_addf(form, value, length, "Entry.member.%zu.Id", n).
void aws_form_addf(struct buffer *form, const char *value, size_t length, const char *name, ...)
    __attribute__((format(printf, 4, 5)));

#endif
