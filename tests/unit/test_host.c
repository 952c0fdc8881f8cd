// SPDX-License-Identifier: Apache-2.0
//
// core/host.h and core/plugin_metrics.h: the services as a plugin sees them.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/host.h"
#include "core/instance.h"
#include "core/metrics.h"
#include "core/offload.h"
#include "core/plugin_metrics.h"
#include "tests/unit/rig.h"
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct work {
    size_t worked;
    size_t done;
};

static void work(void *context)
{
    ((struct work *)context)->worked++;
}

static void work_done(void *context)
{
    struct work *own = context;
    assert_int_equal(own->worked, 1);
    own->done++;
}

static void resolved(void *context, const char *value)
{
    assert_null(value);
    (*(size_t *)context)++;
}

static void hinted(void *context, struct ph_text user)
{
    assert_memory_equal(user.bytes, "ann", user.length);
    (*(size_t *)context)++;
}

static void test_services(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true);
    struct instance *instance = instance_new(rig->host, rig->plugin, "queue");
    struct ph_host services;
    host_bind(rig->host, &services, instance, "queue");
    assert_ptr_equal(services.base, rig->base);
    assert_string_equal(services.section, "queue");
    assert_int_equal(services.monotonic(&services), 1000000000);
    assert_int_equal(services.now(&services), 1700000000000);
    unsigned char one[37] = {0};
    unsigned char two[37] = {0};
    services.random(&services, one, sizeof one);
    services.random(&services, two, sizeof two);
    assert_memory_not_equal(one, two, sizeof one);
    services.log(&services, PH_LOG_INFO, NULL, "a line with \n a control character and %d", 5);
    const struct ph_call call = {.trace = {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 55}};
    services.log(&services, PH_LOG_ERROR, &call, "a line with a trace");
    assert_false(services.offload(&services, (struct ph_text){"", 0}, work, work_done, NULL)); // the rig has no pool
    size_t count = 0;
    services.resolve(&services, "password", resolved, &count);
    assert_int_equal(count, 0);
    rig_settle(rig);
    assert_int_equal(count, 1);
    services.hint(&services, (struct ph_text){"ann", 3}); // nobody listens
    instance_close(instance, 0, NULL, NULL);
    rig_settle(rig);
    rig_free(rig);
}

static void test_offload_and_hint(void **state)
{
    (void)state;
    struct rig *rig = rig_new(false);
    struct offload *pool = offload_new(rig->base, 1, 10);
    size_t hints = 0;
    const struct host_settings settings = {.base = rig->base, .offload = pool, .hint = hinted, .hint_context = &hints};
    struct host *host = host_new(&settings);
    struct instance *instance = instance_new(host, rig->plugin, "queue");
    struct ph_host services;
    host_bind(host, &services, instance, "queue");
    struct work own = {0};
    assert_true(services.offload(&services, (struct ph_text){"key", 3}, work, work_done, &own));
    assert_int_equal(own.done, 0);
    rig_until(rig, &own.done, 1);
    services.hint(&services, (struct ph_text){"ann", 3});
    assert_int_equal(hints, 1);
    // Work that a stopping pool abandons still runs before its done.
    struct work late = {0};
    assert_true(services.offload(&services, (struct ph_text){"", 0}, work, work_done, &late));
    offload_free(pool);
    assert_int_equal(late.done, 1);
    instance_close(instance, 0, NULL, NULL);
    event_base_loop(rig->base, EVLOOP_ONCE);
    host_free(host);
    rig_free(rig);
}

static void test_plugin_metrics(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(2000);
    struct plugin_metrics *all = plugin_metrics_new(metrics);
    const char *const labels[] = {"table", "inbox", NULL};
    struct ph_metric *rows =
        plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", PH_METRIC_COUNTER, "rows_total", "Rows.", labels);
    assert_non_null(rows);
    assert_ptr_equal(
        rows, plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", PH_METRIC_COUNTER, "rows_total", "Rows.", labels));
    assert_ptr_not_equal(
        rows, plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", PH_METRIC_COUNTER, "rows_total", "Rows.", NULL));
    assert_null(plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", PH_METRIC_GAUGE, "rows_total", "Rows.", NULL));
    assert_null(plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", PH_METRIC_GAUGE, "bad name", "x", NULL));
    assert_null(plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", 9, "name", "x", NULL));
    plugin_metrics_measure(rows, 2);
    plugin_metrics_measure(rows, -2);
    plugin_metrics_measure(NULL, 2);
    struct ph_metric *wait =
        plugin_metrics_get(all, PH_KIND_QUEUE, "my-queue", PH_METRIC_HISTOGRAM, "wait_seconds", "Waits.", NULL);
    plugin_metrics_measure(wait, 0.25);
    struct buffer text;
    buffer_init(&text, 100000);
    assert_true(metrics_prometheus(metrics, &text));
    assert_non_null(strstr(buffer_string(&text), "posthouse_plugin_queue_my_queue_rows_total{table=\"inbox\"} 2\n"));
    assert_non_null(strstr(buffer_string(&text), "posthouse_plugin_queue_my_queue_wait_seconds_sum 0.25"));
    buffer_free(&text);
    size_t made = 0;
    for (size_t i = 0; i < PLUGIN_METRICS_MAX + 10; i++) {
        char value[16];
        snprintf(value, sizeof value, "%zu", i);
        const char *const many[] = {"number", value, NULL};
        made += plugin_metrics_get(all, PH_KIND_META, "x", PH_METRIC_GAUGE, "many", "Many.", many) != NULL;
    }
    assert_int_equal(made, PLUGIN_METRICS_MAX - 3);
    plugin_metrics_free(all);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_offload_and_hint),
        cmocka_unit_test(test_plugin_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
