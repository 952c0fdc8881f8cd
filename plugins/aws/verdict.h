// SPDX-License-Identifier: Apache-2.0
//
// What became of an attempt, as the caller is told: the answer's body read, a failure classified and put in words.
#ifndef PLUGINS_AWS_VERDICT_H
#define PLUGINS_AWS_VERDICT_H

#include "plugins/aws/client.h"
#include "plugins/aws/failure.h"

#define AWS_TEXT_SIZE 1024

struct aws_verdict {
    struct aws_answer answer; ///< points into the rest, and to the response
    struct aws_failure failure;
    struct aws_xml *xml;
    char text[AWS_TEXT_SIZE];
};

/// Judges a response of the host; it must stay until the verdict is cleared. `unread`: the body of a 2xx is not looked at.
void aws_verdict_make(struct aws_verdict *verdict, const struct aws_service *service, const char *operation,
                      const struct ph_http_response *response, bool unread);

void aws_verdict_clear(struct aws_verdict *verdict);

#endif
