// SPDX-License-Identifier: Apache-2.0
//
// Checks of queues. A queue may repeat and reorder, and one given by -c may hold jobs of others: what this
// test did not send is not looked at.
#include "conformance/stand.h"
#include "conformance/suites.h"

#include "core/loader.h"

#define LONG_MS 60000
#define WAIT_MS 8000

static void send_delayed(struct subject *subject, const struct ph_id *ids, size_t count, uint32_t delay_ms)
{
    struct test *test = subject_test(subject);
    const void **entries = test_alloc(test, count * sizeof *entries);
    for (size_t i = 0; i < count; i++) {
        struct ph_job *job = test_alloc(test, sizeof *job);
        *job = (struct ph_job){
            .id = ids[i], .trace = test_text(test, "00-%02x-trace", ids[i].bytes[15]), .delay_ms = delay_ms};
        entries[i] = job;
    }
    want_all(ask(subject, PH_QUEUE_SEND, count, entries), PH_OK);
}

static struct ph_id send_one(struct subject *subject)
{
    struct ph_id id = id_new();
    send_delayed(subject, &id, 1, 0);
    return id;
}

static struct ph_received_jobs *receive(struct subject *subject, uint32_t limit, uint32_t wait_ms, uint32_t lease_ms)
{
    struct test *test = subject_test(subject);
    struct ph_receive *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_receive){.limit = limit, .wait_ms = wait_ms, .lease_ms = lease_ms};
    struct ph_received_jobs *jobs = ask_want(ask_one(subject, PH_QUEUE_RECEIVE, entry), PH_OK);
    want_true(test, jobs->count <= limit, "receive gives at most `limit` jobs");
    want_true(test, jobs->count == 0 || jobs->jobs != NULL, "receive gives its jobs");
    return jobs;
}

static struct ph_received *find(const struct ph_received_jobs *jobs, struct ph_id id)
{
    for (size_t i = 0; i < jobs->count; i++) {
        if (id_equal(&jobs->jobs[i]->id, &id)) {
            return jobs->jobs[i];
        }
    }
    return NULL;
}

// Receives until that job comes.
static struct ph_received *receive_job(struct subject *subject, struct ph_id id, uint32_t lease_ms)
{
    struct test *test = subject_test(subject);
    for (int64_t end = time_steady() + WAIT_MS; time_steady() < end;) {
        struct ph_received *job = find(receive(subject, 10, 200, lease_ms), id);
        if (job != NULL) {
            return job;
        }
    }
    test_fail(test, "receive gives a job that waits", "it did not come within %d s", WAIT_MS / 1000);
}

// Looks for a job that must not come, for a while.
static void want_none(struct subject *subject, struct ph_id id, int milliseconds, const char *why)
{
    for (int64_t end = time_steady() + milliseconds; time_steady() < end;) {
        want_true(subject_test(subject), find(receive(subject, 10, 50, LONG_MS), id) == NULL, why);
    }
}

static enum ph_outcome with_receipt(struct subject *subject, uint32_t operation, const struct ph_received *job,
                                    uint32_t lease_ms)
{
    struct ph_receipt *entry = test_alloc(subject_test(subject), sizeof *entry);
    *entry = (struct ph_receipt){.id = job->id, .receipt = job->receipt, .lease_ms = lease_ms};
    return ask_outcome(ask_one(subject, operation, entry), 0);
}

static void want_ended(struct test *test, const char *what, enum ph_outcome came, enum ph_outcome expected)
{
    want_number(test, what, came, expected);
}

static void queue_carries(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = send_one(subject);
    test_step(test, "send, receive, remove of one job");
    const struct ph_received *job = receive_job(subject, id, 1000);
    want_text(test, "trace", job->trace, test_text(test, "00-%02x-trace", id.bytes[15]));
    want_true(test, job->receipt.length > 0 && job->receipt.bytes != NULL, "a receipt");
    want_true(test, job->receives <= 1, "receives 1, or 0 for \"not known\"");
    want_ended(test, "the outcome of remove:", with_receipt(subject, PH_QUEUE_REMOVE, job, 0), PH_OK);
    want_ended(test, "the outcome of a second remove:", with_receipt(subject, PH_QUEUE_REMOVE, job, 0), PH_OK);
    test_step(test, "receive after the lease of a removed job has ended");
    want_none(subject, id, 1300, "a removed job does not come again");
}

static void queue_hides(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = send_one(subject);
    receive_job(subject, id, LONG_MS);
    test_step(test, "receive of a job that another receive holds");
    want_none(subject, id, 300, "received jobs stay hidden from others for lease_ms");
}

static void queue_again(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = send_one(subject);
    const struct ph_received *first = receive_job(subject, id, 1000);
    test_step(test, "receive after a lease that ended without a remove");
    const struct ph_received *again = receive_job(subject, id, LONG_MS);
    want_true(test, again->receives == 0 || again->receives == first->receives + 1, "receives counts");
    want_true(test, !text_equal(first->receipt, again->receipt), "a receipt names one receiving");
    test_step(test, "extend with the receipt of the lease that ended");
    want_ended(test, "the outcome of extend:", with_receipt(subject, PH_QUEUE_EXTEND, first, LONG_MS), PH_NOT_FOUND);
    want_ended(test, "the outcome of remove:", with_receipt(subject, PH_QUEUE_REMOVE, first, 0), PH_OK);
    want_ended(test, "the outcome of extend by the holder:", with_receipt(subject, PH_QUEUE_EXTEND, again, LONG_MS),
               PH_OK);
    want_ended(test, "the outcome of remove:", with_receipt(subject, PH_QUEUE_REMOVE, again, 0), PH_OK);
}

static void queue_extends(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = send_one(subject);
    const struct ph_received *job = receive_job(subject, id, 1000);
    test_step(test, "extend of a lease of 1 s to a long one, then receive for 1.3 s");
    want_ended(test, "the outcome of extend:", with_receipt(subject, PH_QUEUE_EXTEND, job, LONG_MS), PH_OK);
    want_none(subject, id, 1300, "an extended job stays hidden");
    test_step(test, "extend to 0: the job is given back at once");
    want_ended(test, "the outcome of extend:", with_receipt(subject, PH_QUEUE_EXTEND, job, 0), PH_OK);
    receive_job(subject, id, LONG_MS);
}

static void queue_delays(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = id_new();
    send_delayed(subject, &id, 1, 1000);
    int64_t from = time_steady();
    test_step(test, "receive of a job that was sent with a delay of 1 s");
    receive_job(subject, id, LONG_MS);
    want_true(test, time_steady() - from >= 700, "a job is not received before its delay_ms");
}

static void queue_wakes(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_receive entry = {.limit = 10, .wait_ms = 15000, .lease_ms = LONG_MS};
    const void *entries[] = {&entry};
    struct ask *waiting = ask_start(subject, PH_QUEUE_RECEIVE, 1, entries);
    stand_turn(test, 100);
    test_step(test, "send while a receive waits");
    int64_t from = time_steady();
    struct ph_id id = send_one(subject);
    ask_wait(waiting);
    const struct ph_received_jobs *jobs = ask_want(waiting, PH_OK);
    want_true(test, find(jobs, id) != NULL || !test->isolated, "a receive that waits gets the job");
    want_true(test, time_steady() - from < 8000, "receive ends as soon as it has some");
}

static void queue_waits(struct test *test)
{
    struct subject *subject = subject_open(test);
    test_step(test, "receive from an empty queue with wait_ms 0, then 500");
    want_number(test, "jobs", receive(subject, 10, 0, LONG_MS)->count, 0);
    int64_t from = time_steady();
    want_number(test, "jobs", receive(subject, 10, 500, LONG_MS)->count, 0);
    want_true(test, time_steady() - from >= 400, "PH_OK with none after wait_ms, not before");
}

static void queue_holders(struct test *test)
{
    enum { JOBS = 20, CALLS = 5 };
    struct subject *subject = subject_open(test);
    struct subject *other = (test->plugin->descriptor.flags & PH_PLUGIN_VOLATILE) != 0 ? subject : subject_open(test);
    struct ph_id ids[JOBS];
    unsigned seen[JOBS] = {0};
    for (size_t i = 0; i < JOBS; i++) {
        ids[i] = id_new();
    }
    send_delayed(subject, ids, JOBS < plugin_batch_limit(test->plugin) ? JOBS : 10, 0);
    size_t sent = JOBS < plugin_batch_limit(test->plugin) ? JOBS : 10;
    test_step(test, "five receives at once, again and again, until all jobs have come");
    size_t count = 0;
    for (int64_t end = time_steady() + WAIT_MS; count < sent && time_steady() < end;) {
        struct ph_receive entry = {.limit = 3, .wait_ms = 100, .lease_ms = LONG_MS};
        const void *entries[] = {&entry};
        struct ask *calls[CALLS];
        for (size_t i = 0; i < CALLS; i++) {
            calls[i] = ask_start(i % 2 == 0 ? subject : other, PH_QUEUE_RECEIVE, 1, entries);
        }
        for (size_t i = 0; i < CALLS; i++) {
            ask_wait(calls[i]);
            const struct ph_received_jobs *jobs = ask_want(calls[i], PH_OK);
            for (size_t j = 0; j < sent; j++) {
                seen[j] += find(jobs, ids[j]) != NULL ? 1 : 0;
                count += find(jobs, ids[j]) != NULL ? 1 : 0;
                want_true(test, seen[j] <= 1, "a job is hidden from others while a receive holds it");
            }
        }
    }
    want_number(test, "jobs received:", count, sent);
}

static void queue_limit(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id ids[5];
    for (size_t i = 0; i < 5; i++) {
        ids[i] = id_new();
    }
    send_delayed(subject, ids, 5, 0);
    test_step(test, "receives with a limit of 2 when five jobs wait");
    size_t count = 0;
    for (int64_t end = time_steady() + WAIT_MS; count < 5 && time_steady() < end;) {
        const struct ph_received_jobs *jobs = receive(subject, 2, 100, LONG_MS);
        for (size_t i = 0; i < 5; i++) {
            count += find(jobs, ids[i]) != NULL ? 1 : 0;
        }
    }
    want_number(test, "jobs received:", count, 5);
}

static void queue_batch(struct test *test)
{
    size_t most = plugin_batch_limit(test->plugin);
    size_t count = most < 1000 ? most : 1000;
    struct subject *subject = subject_open(test);
    struct ph_id *ids = test_alloc(test, count * sizeof *ids);
    bool *seen = test_alloc(test, count * sizeof *seen);
    for (size_t i = 0; i < count; i++) {
        ids[i] = id_new();
    }
    send_delayed(subject, ids, count, 0);
    test_step(test, "receive and remove of %zu jobs that were sent in one call", count);
    size_t left = count;
    for (int64_t end = time_steady() + 2 * WAIT_MS; left > 0 && time_steady() < end;) {
        const struct ph_received_jobs *jobs = receive(subject, 100, 100, LONG_MS);
        const void **entries = test_alloc(test, (jobs->count + 1) * sizeof *entries);
        for (size_t i = 0; i < jobs->count; i++) {
            struct ph_receipt *entry = test_alloc(test, sizeof *entry);
            *entry = (struct ph_receipt){.id = jobs->jobs[i]->id, .receipt = jobs->jobs[i]->receipt};
            entries[i] = entry;
        }
        for (size_t i = 0; i < jobs->count; i += most) {
            size_t part = jobs->count - i < most ? jobs->count - i : most;
            want_all(ask(subject, PH_QUEUE_REMOVE, part, entries + i), PH_OK);
        }
        for (size_t i = 0; i < count; i++) {
            if (!seen[i] && find(jobs, ids[i]) != NULL) {
                seen[i] = true;
                left--;
            }
        }
    }
    want_number(test, "jobs that did not come:", left, 0);
}

static void queue_repeat(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = send_one(subject);
    test_step(test, "send of the same job a second time");
    send_delayed(subject, &id, 1, 0);
    const struct ph_received *job = receive_job(subject, id, LONG_MS);
    want_ended(test, "the outcome of remove:", with_receipt(subject, PH_QUEUE_REMOVE, job, 0), PH_OK);
}

static void queue_partial(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id ids[2] = {id_new(), id_new()};
    send_delayed(subject, ids, 2, 0);
    const struct ph_received *one = receive_job(subject, ids[0], 2000);
    want_ended(test, "the outcome of extend:", with_receipt(subject, PH_QUEUE_EXTEND, one, 0), PH_OK);
    const struct ph_received *again = receive_job(subject, ids[0], LONG_MS);
    struct ph_receipt entry[] = {{.id = ids[0], .receipt = one->receipt, .lease_ms = LONG_MS},
                                 {.id = ids[0], .receipt = again->receipt, .lease_ms = LONG_MS}};
    const void *entries[] = {&entry[0], &entry[1]};
    test_step(test, "extend with an old and a good receipt in one call");
    struct ask *call = ask(subject, PH_QUEUE_EXTEND, 2, entries);
    want_outcome(call, 0, PH_NOT_FOUND);
    want_outcome(call, 1, PH_OK);
}

static void queue_stats(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id ids[3] = {id_new(), id_new(), id_new()};
    struct ph_id delayed = id_new();
    send_delayed(subject, ids, 3, 0);
    send_delayed(subject, &delayed, 1, LONG_MS);
    stand_turn(test, 60);
    test_step(test, "stats with three waiting jobs and a delayed one, then with one received");
    const struct ph_queue_stats *stats = ask_want(ask_one(subject, PH_QUEUE_STATS, NULL), PH_OK);
    want_true(test, stats->waiting == 3 || stats->waiting == -1, "waiting: could be received now");
    want_true(test, stats->in_flight == 0 || stats->in_flight == -1, "in_flight: received");
    want_true(test, stats->delayed == 1 || stats->delayed == -1, "delayed");
    want_true(test, stats->oldest_ms == -1 || (stats->oldest_ms >= 20 && stats->oldest_ms < 60000), "oldest_ms");
    receive(subject, 1, 1000, LONG_MS);
    stats = ask_want(ask_one(subject, PH_QUEUE_STATS, NULL), PH_OK);
    want_true(test, stats->waiting == 2 || stats->waiting == -1, "waiting: could be received now");
    want_true(test, stats->in_flight == 1 || stats->in_flight == -1, "in_flight: received and not removed");
}

static void queue_cancels(struct test *test)
{
    struct subject *subject = subject_open(test);
    if (!subject_offers(subject, PH_CANCEL)) {
        test_skip(test, "the plugin has no cancel");
    }
    struct ph_receive entry = {.limit = 10, .wait_ms = 30000, .lease_ms = LONG_MS};
    const void *entries[] = {&entry};
    struct ask *waiting = ask_start(subject, PH_QUEUE_RECEIVE, 1, entries);
    stand_turn(test, 50);
    struct ph_cancel cancel = {.call = waiting->raw};
    test_step(test, "cancel of a receive that waits");
    int64_t from = time_steady();
    ask_want(ask_one(subject, PH_CANCEL, &cancel), PH_OK);
    ask_wait(waiting);
    want_true(test, time_steady() - from < 10000, "a cancelled call ends soon");
}

static void queue_killed(struct test *test, void *context)
{
    struct subject *subject = subject_open(test);
    send_delayed(subject, context, 10, 0);
    stand_end(test);
}

static void queue_durable(struct test *test)
{
    struct ph_id ids[10];
    for (size_t i = 0; i < 10; i++) {
        ids[i] = id_new();
    }
    child_wait(test, child_start(test, queue_killed, ids));
    struct subject *subject = subject_open(test);
    test_step(test, "receive of jobs that another process has sent");
    size_t count = 0;
    for (int64_t end = time_steady() + WAIT_MS; count < 10 && time_steady() < end;) {
        const struct ph_received_jobs *jobs = receive(subject, 10, 100, LONG_MS);
        for (size_t i = 0; i < 10; i++) {
            count += find(jobs, ids[i]) != NULL ? 1 : 0;
        }
    }
    want_number(test, "jobs received:", count, 10);
}

static const struct check CHECKS[] = {
    {"queue.carries", "send, receive, remove: a removed job is gone for good; a repeat is PH_OK", queue_carries, 0},
    {"queue.hides", "receive: received jobs stay hidden from others for lease_ms", queue_hides, 0},
    {"queue.again", "receive: a job that is not removed within lease_ms comes again; old receipts are dead",
     queue_again, 0},
    {"queue.extends", "extend: hidden so long from now; 0 gives it back at once", queue_extends, 0},
    {"queue.delays", "send: not received before delay_ms", queue_delays, 0},
    {"queue.wakes", "receive: ends as soon as it has some", queue_wakes, 0},
    {"queue.waits", "receive: PH_OK with none after wait_ms", queue_waits, CHECK_ISOLATED},
    {"queue.holders", "receive: calls at once get different jobs", queue_holders, 0},
    {"queue.limit", "receive: at most `limit` jobs", queue_limit, 0},
    {"queue.batch", "THE CALL: at most batch_limit entries, all of them done", queue_batch, 0},
    {"queue.repeat", "send: a repeat may queue a job twice, and is PH_OK", queue_repeat, 0},
    {"queue.partial", "THE CALL: entry and result i belong together", queue_partial, 0},
    {"queue.stats", "stats: waiting, in flight, delayed, oldest; -1 for what the backend cannot tell", queue_stats,
     CHECK_ISOLATED},
    {"queue.cancels", "cancel: asks that a call end soon", queue_cancels, 0},
    {"queue.durable", "send: jobs outlive the process that sent them", queue_durable, CHECK_DURABLE},
};

const struct suite SUITE_QUEUE = SUITE(CHECKS);
