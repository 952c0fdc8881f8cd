// SPDX-License-Identifier: Apache-2.0
//
// GET /healthz, /readyz and /metrics: for load balancers, orchestrators and monitoring; without a session, and without
// what only operators should read.
#include <string.h>

#include "core/api_handlers.h"
#include "core/api_metrics.h"
#include "core/api_task.h"
#include "core/metrics.h"

#define METRICS_MAX (16u * 1024 * 1024)

static void pinged(struct task *task, struct api_call *call)
{
    static const char answer[] = "{\"status\":\"alive\"}";
    (void)call;
    task_answer_text(task, 200, answer, sizeof answer - 1, NULL, 0);
}

// To the exchange loop and back: both loops turn.
void api_health_live(struct task *task)
{
    task_submit(task_call(task, EXCHANGE_PING, 0, NULL), pinged);
}

void api_health_ready(struct task *task)
{
    static const char *const names[] = {"ready", "degraded", "unavailable", "draining"};
    struct exchange_snapshot snapshot;
    struct buffer json;
    exchange_snapshot(api_settings(task->api)->exchange, &snapshot);
    buffer_init(&json, API_BODY_MAX);
    buffer_printf(&json, "{\"status\":\"%s\",\"backends\":[", names[snapshot.state]);
    for (size_t i = 0; i < snapshot.count; i++) {
        const struct exchange_backend *backend = &snapshot.backends[i];
        buffer_printf(&json, "%s{\"kind\":\"%s\",\"plugin\":", i > 0 ? "," : "", backend->kind);
        buffer_json_string(&json, backend->plugin, strlen(backend->plugin));
        buffer_printf(&json, ",\"state\":\"%s\"}", backend->state);
    }
    buffer_text(&json, "]}");
    const bool usable = snapshot.state == EXCHANGE_READY || snapshot.state == EXCHANGE_DEGRADED;
    task_answer(task, usable ? 200 : 503, &json, NULL, 0);
}

void api_health_metrics(struct task *task)
{
    struct buffer text;
    api_metrics_refresh(task->api);
    buffer_init(&text, METRICS_MAX);
    metrics_prometheus(api_settings(task->api)->metrics, &text);
    task_answer_as(task, 200, "text/plain; version=0.0.4; charset=utf-8", &text, NULL, 0);
}
