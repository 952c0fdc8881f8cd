// SPDX-License-Identifier: Apache-2.0
//
// The cost meter: every request that goes out, by service and operation.
#ifndef PLUGINS_AWS_METER_H
#define PLUGINS_AWS_METER_H

#include "posthouse/plugin.h"

/// A client uses at most so many different operations; further ones are not counted.
#define AWS_METER_MAX 32

struct aws_meter {
    const struct ph_host *host;
    size_t count;
    struct aws_meter_row {
        const char *service; ///< constants, compared as pointers first
        const char *operation;
        struct ph_metric *metric;
    } rows[AWS_METER_MAX];
};

/// Counts one request.
void aws_meter_count(struct aws_meter *meter, const char *service, const char *operation);

#endif
