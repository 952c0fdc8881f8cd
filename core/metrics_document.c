// SPDX-License-Identifier: Apache-2.0
//
// See core/metrics_document.h.
#include "core/metrics_document.h"

#include <stdlib.h>
#include <string.h>

#include "core/api_metrics.h"
#include "core/backend_metrics.h"
#include "core/buffer.h"
#include "core/emf_table.h"
#include "core/exchange_run.h"
#include "core/meters.h"
#include "core/metrics.h"
#include "core/span_exporter.h"

#define DOCUMENT_MAX ((size_t)1024 * 1024)

static const char HEAD[] =
    "# Metrics\n"
    "\n"
    "This page is made from the tables that make the metrics (`./dev docs`); a test compares them.\n"
    "\n"
    "- `GET /metrics` has all of them as Prometheus text, at any time: [below](#prometheus).\n"
    "- With `[metrics] emf = yes`, CloudWatch gets the few that autoscaling, alarms and the dashboard in `infra/` "
    "need.\n"
    "\n"
    "## CloudWatch\n"
    "\n"
    "Once an interval (`[metrics] interval`, 60 s), and at the end of a drain, the daemon writes a few lines of JSON "
    "to standard\n"
    "output in CloudWatch's embedded metric format. CloudWatch Logs turns them into metrics of the namespace "
    "`[metrics] namespace`; no\n"
    "call to CloudWatch is made, and no right is needed. The log goes to standard error, so the two do not mix.\n"
    "\n"
    "Every metric has the dimension `service` (`[metrics] service`, the name of the deployment); those with more say "
    "so. There is\n"
    "none for the task or the user: each value of a dimension is a metric that costs money. Where several tasks report "
    "the same\n"
    "state (the queue is one, whoever looks), use `Maximum` or `Average`, never `Sum`. A value that is not known, "
    "since its backend\n"
    "does not work, is left out.\n"
    "\n"
    "| metric | unit | dimensions | who reports | meaning |\n"
    "|---|---|---|---|---|\n";

static const char BETWEEN[] =
    "\n"
    "A distribution is an array of at most 100 values, which is all that the format knows: up to 100 observations one "
    "by one, more\n"
    "by 100 quantiles. Percentiles are right, `SampleCount` and `Sum` of a distribution mean nothing: count with "
    "`http_requests`,\n"
    "`delivered`.\n"
    "\n"
    "**Queue depth per task** is not one metric, since no task knows how many there are: it is `queue_waiting` "
    "(Average) divided by\n"
    "`couriers` (Sum over a minute). `infra/modules/service` does this division in its scaling policy; with\n"
    "`queue_depth_source = \"sqs\"` it takes SQS's own count and Container Insights' number of tasks instead.\n"
    "\n"
    "## Prometheus\n"
    "\n"
    "Histograms in seconds have the buckets 100 µs to 30 s, times are in seconds. `kind` is storage, meta, queue, "
    "alert or secret.\n"
    "\n"
    "| metric | type | labels | meaning |\n"
    "|---|---|---|---|\n";

static const char TAIL[] =
    "\n"
    "A route is its method and pattern, such as `GET /v1/inbox`; a call of the inbox that waits is `GET /v1/inbox "
    "wait`, since it is\n"
    "meant to take long. A status is its class, such as `2xx`.\n"
    "\n"
    "Plugins have metrics of their own, named `posthouse_plugin_<kind>_<plugin>_<name>`; their READMEs name them. "
    "Those of AWS count\n"
    "every request in `posthouse_plugin_<kind>_<plugin>_requests_total` with the labels `service` and `operation`.\n"
    "\n"
    "## What a message costs\n"
    "\n"
    "Requests to AWS for each message, by service, over the last hour:\n"
    "\n"
    "```promql\n"
    "sum by (service) (rate({__name__=~\"posthouse_plugin_.+_requests_total\"}[1h]))\n"
    "  / scalar(sum(rate(posthouse_messages_accepted_total[1h])))\n"
    "```\n"
    "\n"
    "In CloudWatch: `SUM(SEARCH('{posthouse,service,aws_service,operation} MetricName=\"aws_requests\"', 'Sum', "
    "3600))` divided by the Sum of\n"
    "`accepted`. `infra/COST.md` says what a request costs.\n";

static const char *reporter(unsigned roles)
{
    return roles == EXCHANGE_ROLE_API ? "api" : roles == EXCHANGE_ROLE_COURIER ? "courier" : "all";
}

static void write_rows(struct buffer *out)
{
    for (size_t i = 0; i < emf_row_count; i++) {
        const struct emf_row *row = &emf_rows[i];
        buffer_printf(out, "| `%s` | %s | service%s%s | %s | %s |\n", row->name, row->unit,
                      row->dimensions[0] != '\0' ? ", " : "", row->dimensions, reporter(row->roles), row->help);
    }
}

static void write_families(const struct metrics_family *(*family_at)(size_t index), struct buffer *out)
{
    static const char *const types[] = {
        [METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_HISTOGRAM] = "histogram"};
    const struct metrics_family *family;
    for (size_t i = 0; (family = family_at(i)) != NULL; i++) {
        buffer_printf(out, "| `%s` | %s | %s | %s |\n", family->name, types[family->type],
                      family->labels != NULL ? family->labels : "", family->help);
    }
}

static const struct metrics_family *own_family(size_t index)
{
    return index == 0 ? &metrics_own_family : NULL;
}

char *metrics_document(void)
{
    struct buffer out;
    size_t length = 0;
    buffer_init(&out, DOCUMENT_MAX);
    buffer_text(&out, HEAD);
    write_rows(&out);
    buffer_text(&out, BETWEEN);
    write_families(meters_family, &out);
    write_families(api_metrics_family, &out);
    write_families(backend_metrics_family, &out);
    write_families(span_exporter_family, &out);
    write_families(own_family, &out);
    buffer_text(&out, TAIL);
    // The page is far below the ceiling; only a lack of memory can make this fail.
    char *document = buffer_detach(&out, &length);
    if (document == NULL) {
        abort();
    }
    return document;
}
