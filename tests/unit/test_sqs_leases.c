// SPDX-License-Identifier: Apache-2.0
//
// The notes that queue-sqs keeps of leases, and the jobs that it keeps for the next receive.
#include "tests/unit/unit.h"

#include "plugins/queue-sqs/kept.h"
#include "plugins/queue-sqs/leases.h"

#include <stdio.h>
#include <stdlib.h>

static void test_a_lease_runs_and_ends(void **state)
{
    struct leases *leases = leases_new(7);
    (void)state;
    const struct lease_reference one = leases_note(leases, "job-1", 0, 1000);
    assert_int_equal(leases_look(leases, one, 999), LEASE_GOOD);
    assert_int_equal(leases_look(leases, one, 1000), LEASE_OVER);
    leases_move(leases, one, 3000);
    assert_int_equal(leases_look(leases, one, 2999), LEASE_GOOD);
    leases_end(leases, one);
    assert_int_equal(leases_look(leases, one, 0), LEASE_REPLACED);
    leases_end(leases, one); // a repeat does nothing
    assert_int_equal(leases_look(leases, (struct lease_reference){0}, 0), LEASE_UNKNOWN);
    assert_int_equal(leases_look(leases, (struct lease_reference){.place = UINT32_MAX}, 0), LEASE_REPLACED);
    leases_free(leases);
}

static void test_a_new_receiving_replaces_the_old(void **state)
{
    struct leases *leases = leases_new(7);
    (void)state;
    const struct lease_reference first = leases_note(leases, "job-1", 0, 1000);
    const struct lease_reference other = leases_note(leases, "job-2", 0, 1000);
    const struct lease_reference second = leases_note(leases, "job-1", 900, 1900);
    assert_int_equal(leases_look(leases, first, 900), LEASE_REPLACED);
    assert_int_equal(leases_look(leases, other, 900), LEASE_GOOD);
    assert_int_equal(leases_look(leases, second, 900), LEASE_GOOD);
    leases_move(leases, first, 9000); // changes nothing
    assert_int_equal(leases_look(leases, second, 1900), LEASE_OVER);
    leases_free(leases);
}

// Beyond the limit receivings go without a note, until others are over.
static void test_notes_are_bounded(void **state)
{
    struct leases *leases = leases_new(7);
    char name[32];
    struct lease_reference first = {0};
    (void)state;
    for (unsigned i = 0; i < LEASES_MAX; i++) {
        snprintf(name, sizeof name, "job-%u", i);
        const struct lease_reference reference = leases_note(leases, name, 0, 1000);
        assert_int_equal(leases_look(leases, reference, 0), LEASE_GOOD);
        first = i == 0 ? reference : first;
    }
    assert_int_equal(leases_look(leases, leases_note(leases, "one more", 0, 1000), 0), LEASE_UNKNOWN);
    const struct lease_reference late = leases_note(leases, "later", 1000, 2000);
    assert_int_equal(leases_look(leases, late, 1000), LEASE_GOOD);
    for (unsigned i = 0; i < LEASES_MAX; i++) {
        snprintf(name, sizeof name, "new-%u", i);
        leases_note(leases, name, 1000, 2000);
    }
    assert_int_equal(leases_look(leases, first, 0), LEASE_REPLACED); // its place is another's now
    leases_free(leases);
}

// --- Kept jobs ---------------------------------------------------------------------------------------------

static void keep(struct kept *kept, const char *name, uint32_t lease_s, int64_t now)
{
    const struct answer_job job = {.name = name, .trace = {"t", 1}, .handle = {"handle", 6}, .receives = 2};
    assert_true(kept_add(kept, &job, lease_s, now));
}

static void want_kept(struct kept_job *job, const char *name)
{
    assert_non_null(job);
    assert_string_equal(job->job.name, name);
    assert_string_equal(job->job.trace.bytes, "t");
    assert_string_equal(job->job.handle.bytes, "handle");
    free(job);
}

static void test_jobs_are_kept_while_they_are_fresh(void **state)
{
    struct kept kept;
    (void)state;
    kept_init(&kept);
    keep(&kept, "a", 30, 0);
    keep(&kept, "b", 30, 5000);
    keep(&kept, "c", 60, 5000);
    want_kept(kept_take(&kept, 30, 7499), "a");
    assert_null(kept_take(&kept, 30, 12500)); // b: a quarter of its lease is gone; c has another lease
    want_kept(kept_take(&kept, 60, 12500), "c");
    struct kept_job *stale = kept_take_any(&kept, 12500);
    kept_put_back(&kept, stale, 30, 12500); // renewed
    want_kept(kept_take(&kept, 30, 19999), "b");
    keep(&kept, "d", 1, 0);
    assert_null(kept_take_any(&kept, 1000)); // its lease has ended: forgotten
    assert_int_equal(kept.count, 0);
    for (unsigned i = 0; i < KEPT_MAX; i++) {
        keep(&kept, "e", 30, 0);
    }
    const struct answer_job more = {.name = "f", .trace = {"", 0}, .handle = {"h", 1}};
    assert_false(kept_add(&kept, &more, 30, 0));
    kept_clear(&kept);
    assert_int_equal(kept.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lease_runs_and_ends),
        cmocka_unit_test(test_a_new_receiving_replaces_the_old),
        cmocka_unit_test(test_notes_are_bounded),
        cmocka_unit_test(test_jobs_are_kept_while_they_are_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
