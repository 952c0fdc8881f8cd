// SPDX-License-Identifier: Apache-2.0
//
// See core/offload.h.
//
// A job is on exactly one list: ready (any thread may take it), its lane's (an earlier job of the same key is ready or
// running), running, or completed. A lane exists while it has a job; its next one becomes ready when the one before
// has ended, so a key never has two at once. One mutex guards all lists; the loop takes the completed list whole. The
// eventfd is written only when that list was empty, so many completions cost one wake-up.
#include "core/offload.h"

#include "core/list.h"
#include "core/map.h"
#include "core/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define OFFLOAD_MAGIC 0x0ff10ad1u
#define OFFLOAD_JOB_MAGIC 0x0ff10ad2u

enum job_state { JOB_IN_LANE, JOB_READY, JOB_RUNNING, JOB_COMPLETED };

TAILQ_HEAD(job_list, offload_job);

struct lane {
    struct job_list waiting;
    size_t key_length;
    unsigned char key[];
};

struct offload_job {
    unsigned magic;
    enum job_state state;
    bool worked;
    struct offload *pool;
    struct lane *lane; ///< NULL without a key
    offload_work_f *work;
    offload_done_f *done;
    void *context;
    TAILQ_ENTRY(offload_job) entry;
};

struct offload {
    unsigned magic;
    struct event *wake_event;
    int wake_descriptor;
    size_t limit;
    size_t pending; ///< loop only
    bool stopping;  ///< loop only
    bool in_done;   ///< loop only
    offload_stopped_f *stopped;
    void *stopped_context;

    pthread_mutex_t mutex;
    pthread_cond_t work_there;
    struct job_list ready;
    struct job_list completed;
    struct map *lanes;
    unsigned idle;
    bool quit;

    unsigned thread_count;
    pthread_t threads[OFFLOAD_THREADS_MAX];
};

static void wake_loop(struct offload *pool)
{
    uint64_t one = 1;
    while (write(pool->wake_descriptor, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/// With the mutex held.
static void make_ready(struct offload *pool, struct offload_job *job)
{
    job->state = JOB_READY;
    TAILQ_INSERT_TAIL(&pool->ready, job, entry);
    if (pool->idle > 0) {
        pthread_cond_signal(&pool->work_there);
    }
}

/// With the mutex held: the job before has left the lane.
static void lane_next(struct offload *pool, struct lane *lane)
{
    struct offload_job *job = TAILQ_FIRST(&lane->waiting);
    if (job != NULL) {
        TAILQ_REMOVE(&lane->waiting, job, entry);
        make_ready(pool, job);
        return;
    }
    map_remove(pool->lanes, lane->key, lane->key_length);
    free(lane);
}

/// With the mutex held: puts a job that is on no list to the completed ones.
static void complete(struct offload *pool, struct offload_job *job, bool worked)
{
    bool first = TAILQ_EMPTY(&pool->completed);
    job->state = JOB_COMPLETED;
    job->worked = worked;
    TAILQ_INSERT_TAIL(&pool->completed, job, entry);
    if (first) {
        wake_loop(pool);
    }
}

/// With the mutex held, which is given up while the work runs.
static void run_job(struct offload *pool, struct offload_job *job)
{
    TAILQ_REMOVE(&pool->ready, job, entry);
    job->state = JOB_RUNNING;
    struct lane *lane = job->lane;
    pthread_mutex_unlock(&pool->mutex);
    job->work(job->context);
    pthread_mutex_lock(&pool->mutex);
    complete(pool, job, true);
    if (lane != NULL) {
        lane_next(pool, lane);
    }
}

static void *helper_main(void *context)
{
    struct offload *pool = context;
    assert(pool->magic == OFFLOAD_MAGIC);
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        struct offload_job *job = TAILQ_FIRST(&pool->ready);
        if (job != NULL) {
            run_job(pool, job);
        } else if (pool->quit) {
            break;
        } else {
            pool->idle++;
            pthread_cond_wait(&pool->work_there, &pool->mutex);
            pool->idle--;
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/// Takes what is completed and calls each `done`.
static void deliver_completed(struct offload *pool)
{
    struct job_list batch = TAILQ_HEAD_INITIALIZER(batch);
    pthread_mutex_lock(&pool->mutex);
    TAILQ_CONCAT(&batch, &pool->completed, entry);
    pthread_mutex_unlock(&pool->mutex);
    struct offload_job *job;
    while ((job = TAILQ_FIRST(&batch)) != NULL) {
        TAILQ_REMOVE(&batch, job, entry);
        pool->in_done = true;
        job->magic = 0;
        job->done(job->context, job->worked);
        pool->in_done = false;
        free(job);
        pool->pending--;
    }
}

static void on_wake(evutil_socket_t descriptor, short what, void *context)
{
    struct offload *pool = context;
    assert(pool->magic == OFFLOAD_MAGIC);
    (void)what;
    uint64_t count;
    while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
    deliver_completed(pool);
    if (pool->stopping && pool->pending == 0 && pool->stopped != NULL) {
        offload_stopped_f *stopped = pool->stopped;
        pool->stopped = NULL;
        stopped(pool->stopped_context); // may free the pool
    }
}

/// Helper threads inherit a mask that leaves every signal to the loop.
static bool start_threads(struct offload *pool, unsigned threads)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->thread_count < threads &&
           pthread_create(&pool->threads[pool->thread_count], NULL, helper_main, pool) == 0) {
        pthread_setname_np(pool->threads[pool->thread_count], "offload");
        pool->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool->thread_count == threads;
}

static bool start_wake(struct offload *pool, struct event_base *base)
{
    pool->wake_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool->wake_descriptor < 0) {
        return false;
    }
    pool->wake_event = event_new(base, pool->wake_descriptor, EV_READ | EV_PERSIST, on_wake, pool);
    return pool->wake_event != NULL && event_add(pool->wake_event, NULL) == 0;
}

struct offload *offload_new(struct event_base *base, unsigned threads, size_t limit)
{
    assert(threads >= 1 && threads <= OFFLOAD_THREADS_MAX);
    struct offload *pool = xcalloc(1, sizeof *pool);
    pool->magic = OFFLOAD_MAGIC;
    pool->wake_descriptor = -1;
    pool->limit = limit;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work_there, NULL);
    TAILQ_INIT(&pool->ready);
    TAILQ_INIT(&pool->completed);
    pool->lanes = map_new(limit);
    if (!start_wake(pool, base) || !start_threads(pool, threads)) {
        offload_free(pool);
        return NULL;
    }
    return pool;
}

/// With the mutex held: puts a new job behind those of its key, or opens a lane for it.
static void enqueue_keyed(struct offload *pool, struct offload_job *job, const void *key, size_t key_length)
{
    struct lane *lane = map_get(pool->lanes, key, key_length);
    if (lane != NULL) {
        job->lane = lane;
        job->state = JOB_IN_LANE;
        TAILQ_INSERT_TAIL(&lane->waiting, job, entry);
        return;
    }
    lane = xmalloc(sizeof *lane + key_length);
    TAILQ_INIT(&lane->waiting);
    lane->key_length = key_length;
    memcpy(lane->key, key, key_length);
    map_add(pool->lanes, key, key_length, lane);
    job->lane = lane;
    make_ready(pool, job);
}

struct offload_job *offload_run(struct offload *pool, const void *key, size_t key_length, offload_work_f *work,
                                offload_done_f *done, void *context)
{
    assert(pool->magic == OFFLOAD_MAGIC && key_length <= OFFLOAD_KEY_MAX);
    if (pool->stopping || pool->pending >= pool->limit) {
        return NULL;
    }
    struct offload_job *job = xcalloc(1, sizeof *job);
    job->magic = OFFLOAD_JOB_MAGIC;
    job->pool = pool;
    job->work = work;
    job->done = done;
    job->context = context;
    pool->pending++;
    pthread_mutex_lock(&pool->mutex);
    if (key_length > 0) {
        enqueue_keyed(pool, job, key, key_length);
    } else {
        make_ready(pool, job);
    }
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

bool offload_cancel(struct offload_job *job)
{
    assert(job->magic == OFFLOAD_JOB_MAGIC);
    struct offload *pool = job->pool;
    pthread_mutex_lock(&pool->mutex);
    bool waiting = job->state == JOB_IN_LANE || job->state == JOB_READY;
    if (job->state == JOB_IN_LANE) {
        TAILQ_REMOVE(&job->lane->waiting, job, entry);
    } else if (job->state == JOB_READY) {
        TAILQ_REMOVE(&pool->ready, job, entry);
        if (job->lane != NULL) {
            lane_next(pool, job->lane);
        }
    }
    if (waiting) {
        complete(pool, job, false);
    }
    pthread_mutex_unlock(&pool->mutex);
    return waiting;
}

size_t offload_pending(const struct offload *pool)
{
    return pool->pending;
}

/// With the mutex held: abandons all that has not begun, each lane in its order.
static void abandon_waiting(struct offload *pool)
{
    struct offload_job *job;
    struct map_cursor cursor = {0};
    while ((job = TAILQ_FIRST(&pool->ready)) != NULL) {
        struct lane *lane = job->lane;
        TAILQ_REMOVE(&pool->ready, job, entry);
        job->lane = NULL;
        complete(pool, job, false);
        if (lane != NULL) {
            lane_next(pool, lane);
        }
    }
    while (map_next(pool->lanes, &cursor)) {
        struct lane *lane = cursor.value;
        while ((job = TAILQ_FIRST(&lane->waiting)) != NULL) {
            TAILQ_REMOVE(&lane->waiting, job, entry);
            complete(pool, job, false);
        }
    }
}

void offload_stop(struct offload *pool, bool finish, offload_stopped_f *stopped, void *context)
{
    assert(pool->magic == OFFLOAD_MAGIC && !pool->stopping);
    pool->stopping = true;
    pool->stopped = stopped;
    pool->stopped_context = context;
    pthread_mutex_lock(&pool->mutex);
    if (!finish) {
        abandon_waiting(pool);
    }
    pthread_mutex_unlock(&pool->mutex);
    if (pool->pending == 0) {
        wake_loop(pool);
    }
}

static void join_threads(struct offload *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->quit = true;
    abandon_waiting(pool);
    pthread_cond_broadcast(&pool->work_there);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->thread_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
}

void offload_free(struct offload *pool)
{
    if (pool == NULL) {
        return;
    }
    assert(pool->magic == OFFLOAD_MAGIC && !pool->in_done);
    pool->stopping = true;
    join_threads(pool);
    deliver_completed(pool);
    assert(pool->pending == 0 && map_count(pool->lanes) == 0);
    if (pool->wake_event != NULL) {
        event_free(pool->wake_event);
    }
    if (pool->wake_descriptor >= 0) {
        close(pool->wake_descriptor);
    }
    map_free(pool->lanes);
    pthread_cond_destroy(&pool->work_there);
    pthread_mutex_destroy(&pool->mutex);
    pool->magic = 0;
    free(pool);
}
