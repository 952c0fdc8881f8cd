// SPDX-License-Identifier: Apache-2.0
//
// core/emf.h, core/emf_spread.h, core/emf_table.h: what CloudWatch is told of an exchange, and that docs/metrics.md says
// the same. That the lines are of CloudWatch's format is tested end to end (tests/e2e/test_metrics.py).
#include "tests/unit/house.h"
#include "tests/unit/unit.h"

#include "core/emf.h"
#include "core/emf_spread.h"
#include "core/emf_table.h"
#include "core/metrics.h"
#include "core/metrics_document.h"
#include "core/routes.h"
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 64

struct scene {
    struct house *house;
    struct event_base *own_base; // of the emf's timer, which house_advance() shall leave alone
    struct emf *emf;
    int reader;
    int writer;
    json_t *lines[LINES_MAX];
    size_t count;
};

static struct scene *scene_new(unsigned roles)
{
    struct scene *scene = calloc(1, sizeof *scene);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    scene->reader = ends[0];
    scene->writer = ends[1];
    fcntl(scene->reader, F_SETFL, O_NONBLOCK);
    scene->house = house_new();
    house_open(scene->house);
    scene->own_base = event_base_new();
    const struct emf_settings settings = {.base = scene->own_base,
                                          .metrics = scene->house->metrics,
                                          .exchange = scene->house->exchange,
                                          .clock = scene->house->settings.clock,
                                          .roles = roles,
                                          .namespace = "post house",
                                          .service = "north \"1\"",
                                          .interval_ms = 3600000,
                                          .descriptor = scene->writer};
    scene->emf = emf_new(&settings);
    return scene;
}

static void forget_lines(struct scene *scene)
{
    for (size_t i = 0; i < scene->count; i++) {
        json_decref(scene->lines[i]);
    }
    scene->count = 0;
}

static void scene_free(struct scene *scene)
{
    forget_lines(scene);
    emf_free(scene->emf);
    event_base_free(scene->own_base);
    house_free(scene->house);
    close(scene->reader);
    close(scene->writer);
    free(scene);
}

// Writes and reads what was written.
static void write_lines(struct scene *scene)
{
    static char text[1 << 20];
    size_t length = 0;
    ssize_t got;
    forget_lines(scene);
    emf_write(scene->emf);
    while ((got = read(scene->reader, text + length, sizeof text - length - 1)) > 0) {
        length += (size_t)got;
    }
    text[length] = '\0';
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        assert_true(strlen(line) < 4096 && scene->count < LINES_MAX);
        scene->lines[scene->count] = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(scene->lines[scene->count]);
        scene->count++;
    }
}

// The member of the line that has it, and whose dimension (NULL: any) has that value.
static const json_t *member(const struct scene *scene, const char *name, const char *dimension, const char *value)
{
    for (size_t i = 0; i < scene->count; i++) {
        const json_t *found = json_object_get(scene->lines[i], name);
        const char *own = dimension != NULL ? json_string_value(json_object_get(scene->lines[i], dimension)) : NULL;
        if (found != NULL && (dimension == NULL || (own != NULL && strcmp(own, value) == 0))) {
            return found;
        }
    }
    return NULL;
}

static double number(const struct scene *scene, const char *name)
{
    const json_t *found = member(scene, name, NULL, NULL);
    if (!json_is_number(found)) {
        fail_msg("%s is not there", name);
    }
    return json_number_value(found);
}

// --- Lines -------------------------------------------------------------------------------------------------

static void test_counters_tell_what_came_since_the_last_line(void **state)
{
    (void)state;
    struct scene *scene = scene_new(EXCHANGE_ROLE_API | EXCHANGE_ROLE_COURIER);
    const struct metrics_family accepted = {
        .name = "posthouse_messages_accepted_total", .help = "x", .type = METRICS_COUNTER};
    struct metrics_series *series = metrics_register(scene->house->metrics, &accepted, NULL, 0);
    metrics_add(series, 7);
    write_lines(scene);
    assert_true(number(scene, "accepted") == 7);
    assert_string_equal(json_string_value(member(scene, "service", NULL, NULL)), "north \"1\"");
    write_lines(scene);
    assert_true(number(scene, "accepted") == 0);
    metrics_add(series, 2);
    write_lines(scene);
    assert_true(number(scene, "accepted") == 2);
    assert_true(number(scene, "memory_bytes") > 100000);
    scene_free(scene);
}

static void test_couriers_are_minutes(void **state)
{
    (void)state;
    struct scene *scene = scene_new(EXCHANGE_ROLE_COURIER);
    house_advance(scene->house, 30000);
    write_lines(scene);
    assert_true(number(scene, "couriers") == 0.5);
    assert_true(number(scene, "outbox_waiting") == 0);
    assert_null(member(scene, "http_requests", NULL, NULL));
    house_advance(scene->house, 60000);
    write_lines(scene);
    assert_true(number(scene, "couriers") == 1);
    scene_free(scene);
}

static void test_http_counts_by_route_and_status(void **state)
{
    (void)state;
    struct scene *scene = scene_new(EXCHANGE_ROLE_API);
    static const struct {
        const char *route, *status;
        size_t count;
    } answers[] = {{"GET /v1/inbox", "2xx", 3},     {"GET /v1/inbox", "4xx", 2}, {"GET /readyz", "5xx", 9},
                   {"POST /v1/messages", "5xx", 1}, {"none", "4xx", 4},          {routes_wait_label, "2xx", 5}};
    const struct metrics_family family = {
        .name = "posthouse_http_request_seconds", .help = "x", .type = METRICS_HISTOGRAM, .unit = METRICS_SECONDS};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct metrics_label labels[] = {{"route", answers[i].route}, {"status", answers[i].status}};
        struct metrics_series *series = metrics_register(scene->house->metrics, &family, labels, 2);
        for (size_t j = 0; j < answers[i].count; j++) {
            metrics_observe(series, 2000000);
        }
    }
    write_lines(scene);
    assert_true(number(scene, "http_requests") == 15);
    assert_true(number(scene, "http_4xx") == 6);
    assert_true(number(scene, "http_5xx") == 1);
    assert_int_equal(json_array_size(member(scene, "http_latency_ms", NULL, NULL)), 6);
    assert_null(member(scene, "couriers", NULL, NULL));
    write_lines(scene);
    assert_null(member(scene, "http_latency_ms", NULL, NULL));
    scene_free(scene);
}

static void test_states_and_gauges_of_backends(void **state)
{
    (void)state;
    struct scene *scene = scene_new(EXCHANGE_ROLE_COURIER);
    house_advance(scene->house, 10000);
    write_lines(scene);
    static const char *const kinds[] = {"storage", "meta", "queue", "alert"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(json_integer_value(member(scene, "backend_state", "kind", kinds[i])) == 0);
        assert_non_null(member(scene, "backend_state", "kind", kinds[i]));
    }
    assert_null(member(scene, "backend_state", "kind", "secret"));
    assert_non_null(member(scene, "queue_waiting", NULL, NULL));
    exchange_set_backend(scene->house->exchange, PH_KIND_QUEUE, NULL);
    exchange_backend_changed(scene->house->exchange);
    write_lines(scene);
    assert_null(member(scene, "backend_state", "kind", "queue"));
    assert_null(member(scene, "queue_waiting", NULL, NULL)); // what is not known is left out
    assert_non_null(member(scene, "outbox_waiting", NULL, NULL));
    exchange_set_backend(scene->house->exchange, PH_KIND_QUEUE, scene->house->backends[PH_KIND_QUEUE]);
    scene_free(scene);
}

static void test_requests_of_plugins(void **state)
{
    (void)state;
    struct scene *scene = scene_new(EXCHANGE_ROLE_API);
    static const char *const names[] = {"posthouse_plugin_queue_sqs_requests_total",
                                        "posthouse_plugin_meta_dynamodb_requests_total"};
    static const struct metrics_label send[] = {{"service", "sqs"}, {"operation", "SendMessageBatch"}};
    static const struct metrics_label put[] = {{"service", "dynamodb"}, {"operation", "BatchWriteItem"}};
    const struct metrics_family families[] = {{.name = names[0], .help = "x", .type = METRICS_COUNTER},
                                              {.name = names[1], .help = "x", .type = METRICS_COUNTER}};
    metrics_add(metrics_register(scene->house->metrics, &families[0], send, 2), 5);
    struct metrics_series *puts = metrics_register(scene->house->metrics, &families[1], put, 2);
    write_lines(scene);
    assert_true(json_number_value(member(scene, "aws_requests", "operation", "SendMessageBatch")) == 5);
    assert_string_equal(json_string_value(member(scene, "aws_service", "operation", "SendMessageBatch")), "sqs");
    assert_null(member(scene, "aws_requests", "operation", "BatchWriteItem"));
    metrics_add(puts, 3);
    write_lines(scene);
    assert_null(member(scene, "aws_requests", "operation", "SendMessageBatch"));
    assert_true(json_number_value(member(scene, "aws_requests", "operation", "BatchWriteItem")) == 3);
    scene_free(scene);
}

static void test_a_full_pipe_loses_lines_and_counts_them(void **state)
{
    (void)state;
    struct scene *scene = scene_new(EXCHANGE_ROLE_API);
    char page[4096] = {0};
    int flags = fcntl(scene->writer, F_GETFL);
    fcntl(scene->writer, F_SETFL, flags | O_NONBLOCK);
    while (write(scene->writer, page, sizeof page) > 0) {
    }
    fcntl(scene->writer, F_SETFL, flags); // as standard output is: a write would wait for ever
    emf_write(scene->emf);
    while (read(scene->reader, page, sizeof page) > 0) {
    }
    write_lines(scene);
    assert_true(number(scene, "log_dropped") >= 5); // numbers and four states
    write_lines(scene);
    assert_true(number(scene, "log_dropped") == 0);
    scene_free(scene);
}

// --- Distributions -----------------------------------------------------------------------------------------

static void test_spread_keeps_percentiles(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {10, 20, 100};
    double values[EMF_SPREAD_MAX];
    uint64_t counts[4] = {0, 0, 0, 0};
    assert_int_equal(emf_spread(bounds, 3, counts, values), 0);
    counts[1] = 2;
    assert_int_equal(emf_spread(bounds, 3, counts, values), 2);
    assert_true(values[0] == 12.5 && values[1] == 17.5);
    counts[0] = 9000;
    counts[1] = 0;
    counts[2] = 980;
    counts[3] = 20;
    assert_int_equal(emf_spread(bounds, 3, counts, values), 100);
    assert_true(values[89] < 10 && values[90] > 20 && values[98] < 100);
    assert_true(values[0] > 0 && values[0] < 0.1);
    for (size_t i = 1; i < 100; i++) {
        assert_true(values[i] >= values[i - 1]);
    }
    counts[0] = counts[2] = 0;
    assert_int_equal(emf_spread(bounds, 3, counts, values), 20);
    assert_true(values[0] == 100 && values[19] == 100); // beyond the last bound
}

static void test_filters(void **state)
{
    (void)state;
    size_t count;
    const struct route *routes = routes_all(&count);
    size_t calls = 0;
    for (size_t i = 0; i < count; i++) {
        bool api = emf_filter_passes(EMF_CALLS, routes[i].label, "2xx");
        assert_int_equal(api, strncmp(routes[i].path, "/v1/", 4) == 0);
        calls += api ? 1 : 0;
    }
    assert_true(calls > 10);
    assert_false(emf_filter_passes(EMF_CALLS, routes_wait_label, "2xx"));
    assert_false(emf_filter_passes(EMF_CALLS, "none", "4xx"));
    assert_true(emf_filter_passes(EMF_SERVED, "none", "4xx"));
    assert_false(emf_filter_passes(EMF_SERVED, "GET /metrics", "2xx"));
}

// docs/metrics.md is what the tables say; make sets srcdir for its tests.
static void test_page_is_new(void **state)
{
    (void)state;
    const char *folder = getenv("srcdir");
    char name[4096];
    if (folder == NULL) {
        skip();
    }
    snprintf(name, sizeof name, "%s/docs/metrics.md", folder);
    char *document = metrics_document();
    size_t length = strlen(document);
    char *page = calloc(1, length + 2);
    FILE *file = fopen(name, "r");
    assert_true(page != NULL && file != NULL);
    page[fread(page, 1, length + 1, file)] = '\0'; // one byte more shows a page that is longer
    fclose(file);
    assert_string_equal(page, document); // ./dev docs makes it anew
    free(page);
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_tell_what_came_since_the_last_line),
        cmocka_unit_test(test_couriers_are_minutes),
        cmocka_unit_test(test_http_counts_by_route_and_status),
        cmocka_unit_test(test_states_and_gauges_of_backends),
        cmocka_unit_test(test_requests_of_plugins),
        cmocka_unit_test(test_a_full_pipe_loses_lines_and_counts_them),
        cmocka_unit_test(test_spread_keeps_percentiles),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_page_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
