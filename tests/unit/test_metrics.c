// SPDX-License-Identifier: Apache-2.0
//
// core/metrics: the Prometheus text, refusals, many threads.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/metrics.h"

#include <pthread.h>
#include <string.h>

static const uint64_t bounds[] = {1000000, 2500000000};

static const struct metrics_family requests = {
    .name = "posthouse_requests_total", .help = "Requests\nby \\ route.", .type = METRICS_COUNTER};
static const struct metrics_family lag = {
    .name = "posthouse_lag_seconds", .help = "Lag.", .type = METRICS_GAUGE, .unit = METRICS_SECONDS};
static const struct metrics_family calls = {.name = "posthouse_call_seconds",
                                            .help = "Calls.",
                                            .type = METRICS_HISTOGRAM,
                                            .unit = METRICS_SECONDS,
                                            .bounds = bounds,
                                            .bound_count = 2};

static void assert_text(struct metrics *metrics, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 100000);
    assert_true(metrics_prometheus(metrics, &out));
    assert_string_equal(buffer_string(&out), expected);
    buffer_free(&out);
}

#define REFUSED                                                                                                \
    "# HELP posthouse_metrics_refused_total Series that were not registered because the registry was full or " \
    "their description was wrong.\n# TYPE posthouse_metrics_refused_total counter\nposthouse_metrics_refused_total "

static void test_text(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(100);
    const struct metrics_label labels[] = {{"route", "a\"b\\c"}, {"status", "2xx"}};
    struct metrics_series *one = metrics_register(metrics, &requests, labels, 2);
    struct metrics_series *gauge = metrics_register(metrics, &lag, NULL, 0);
    struct metrics_series *histogram = metrics_register(metrics, &calls, labels + 1, 1);
    struct metrics_series *two = metrics_register(metrics, &requests, labels + 1, 1);
    assert_ptr_equal(metrics_register(metrics, &requests, labels, 2), one);
    assert_ptr_not_equal(one, two);
    metrics_increment(one);
    metrics_add(one, 4);
    metrics_set(gauge, 1500000000);
    metrics_move(gauge, -3000000001);
    metrics_observe(histogram, 0);
    metrics_observe(histogram, 1000000);
    metrics_observe(histogram, 1000001);
    metrics_observe(histogram, 5000000000);
    assert_text(metrics, REFUSED "0\n"
                                 "# HELP posthouse_requests_total Requests\\nby \\\\ route.\n"
                                 "# TYPE posthouse_requests_total counter\n"
                                 "posthouse_requests_total{route=\"a\\\"b\\\\c\",status=\"2xx\"} 5\n"
                                 "posthouse_requests_total{status=\"2xx\"} 0\n"
                                 "# HELP posthouse_lag_seconds Lag.\n"
                                 "# TYPE posthouse_lag_seconds gauge\n"
                                 "posthouse_lag_seconds -1.500000001\n"
                                 "# HELP posthouse_call_seconds Calls.\n"
                                 "# TYPE posthouse_call_seconds histogram\n"
                                 "posthouse_call_seconds_bucket{status=\"2xx\",le=\"0.001\"} 2\n"
                                 "posthouse_call_seconds_bucket{status=\"2xx\",le=\"2.5\"} 3\n"
                                 "posthouse_call_seconds_bucket{status=\"2xx\",le=\"+Inf\"} 4\n"
                                 "posthouse_call_seconds_sum{status=\"2xx\"} 5.002000001\n"
                                 "posthouse_call_seconds_count{status=\"2xx\"} 4\n");
    struct buffer small;
    buffer_init(&small, 50);
    assert_false(metrics_prometheus(metrics, &small));
    buffer_free(&small);
    metrics_free(metrics);
}

static void test_refusals(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(1);
    struct metrics_family other = requests;
    struct metrics_label label = {"ok", "\n\xff"};
    struct metrics_series *good = metrics_register(metrics, &requests, &label, 1);
    other.type = METRICS_HISTOGRAM;
    struct metrics_series *hidden = metrics_register(metrics, &other, NULL, 0);
    assert_ptr_not_equal(good, hidden);
    metrics_observe(hidden, 5);
    metrics_add(hidden, 5);
    other = requests;
    other.name = "other_total";
    assert_ptr_equal(metrics_register(metrics, &other, NULL, 0), hidden);
    other.name = "posthouse_a b";
    assert_ptr_equal(metrics_register(metrics, &other, NULL, 0), hidden);
    label.name = "9x";
    assert_ptr_equal(metrics_register(metrics, &requests, &label, 1), hidden);
    label.name = "le";
    assert_ptr_equal(metrics_register(metrics, &requests, &label, 1), hidden);
    label = (struct metrics_label){"ok", "beyond the limit"};
    assert_ptr_equal(metrics_register(metrics, &requests, &label, 1), hidden);
    label.value = "\n\xff";
    assert_ptr_equal(metrics_register(metrics, &requests, &label, 1), good);
    assert_text(metrics, REFUSED "6\n"
                                 "# HELP posthouse_requests_total Requests\\nby \\\\ route.\n"
                                 "# TYPE posthouse_requests_total counter\n"
                                 "posthouse_requests_total{ok=\"??\"} 0\n");
    metrics_free(metrics);
    metrics_free(NULL);
}

static void test_default_bounds(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(10);
    struct metrics_family family = calls;
    family.bounds = NULL;
    family.bound_count = 0;
    struct metrics_series *series = metrics_register(metrics, &family, NULL, 0);
    assert_int_equal(series->bound_count, metrics_latency_count);
    assert_true(metrics_latency_count <= METRICS_BUCKETS_MAX);
    metrics_observe(series, UINT64_MAX / 2);
    metrics_free(metrics);
}

#define THREADS 4
#define ROUNDS 20000

static void *update_much(void *context)
{
    struct metrics *metrics = context;
    for (int i = 0; i < ROUNDS; i++) {
        const struct metrics_label label = {"n", i % 2 == 0 ? "even" : "odd"};
        metrics_increment(metrics_register(metrics, &requests, &label, 1));
        metrics_observe(metrics_register(metrics, &calls, NULL, 0), 10);
    }
    return NULL;
}

static void sum_up(const struct metrics_sample *sample, void *context)
{
    uint64_t *sums = context;
    if (sample->family->type == METRICS_HISTOGRAM) {
        sums[1] += sample->count;
        assert_int_equal(sample->buckets[sample->family->bound_count], sample->count);
    } else {
        sums[0] += (uint64_t)sample->value;
    }
}

static void test_threads(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new(10);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, update_much, metrics), 0);
    }
    for (int i = 0; i < 50; i++) {
        uint64_t ignored[2] = {0};
        metrics_each(metrics, sum_up, ignored);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    uint64_t sums[2] = {0};
    metrics_each(metrics, sum_up, sums);
    assert_int_equal(sums[0], THREADS * ROUNDS);
    assert_int_equal(sums[1], THREADS * ROUNDS);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_default_bounds),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
