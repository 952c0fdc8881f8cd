// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/meter.h.
#include "plugins/aws/meter.h"
#include <string.h>

static struct aws_meter_row *find_row(struct aws_meter *meter, const char *service, const char *operation)
{
    for (size_t i = 0; i < meter->count; i++) {
        struct aws_meter_row *row = &meter->rows[i];
        if ((row->operation == operation || strcmp(row->operation, operation) == 0) &&
            strcmp(row->service, service) == 0) {
            return row;
        }
    }
    if (meter->count == AWS_METER_MAX) {
        return NULL;
    }
    struct aws_meter_row *row = &meter->rows[meter->count++];
    const char *const labels[] = {"service", service, "operation", operation, NULL};
    *row = (struct aws_meter_row){service, operation, NULL};
    row->metric = meter->host->metric(meter->host, PH_METRIC_COUNTER, "requests_total",
                                      "Requests sent to AWS, which are what it bills.", labels);
    return row;
}

void aws_meter_count(struct aws_meter *meter, const char *service, const char *operation)
{
    struct aws_meter_row *row = find_row(meter, service, operation);
    if (row != NULL) {
        meter->host->measure(row->metric, 1);
    }
}
