// SPDX-License-Identifier: Apache-2.0
//
// What an answer means: outcome, code, message. A pure function over status, headers and body, whatever the body is: the
// service's JSON or XML, or what a proxy or an emulator put in its place.
#ifndef PLUGINS_AWS_FAILURE_H
#define PLUGINS_AWS_FAILURE_H

#include "plugins/aws/xml.h"
#include "posthouse/plugin.h"
#include <jansson.h>

#define AWS_CODE_SIZE 128
#define AWS_MESSAGE_SIZE 512

struct aws_failure {
    enum ph_outcome outcome; ///< never PH_OK
    uint32_t delay_ms;
    bool expired;                   ///< the credentials' time is over: others may do
    bool skewed;                    ///< the signature's time was refused, if the clocks differ
    char code[AWS_CODE_SIZE];       ///< without namespace; "" when the service said none
    char message[AWS_MESSAGE_SIZE]; ///< printable; "" without one
};

/// Judges an answer whose status is not 2xx. `json` and `xml` are its body if it could be read so, else NULL.
void aws_failure_read(const struct ph_http_response *response, const json_t *json, const struct aws_xml *xml,
                      struct aws_failure *failure_r);

/// A header by its name in small letters; an empty text without one.
struct ph_text aws_header_find(const struct ph_http_response *response, const char *name);

#endif
