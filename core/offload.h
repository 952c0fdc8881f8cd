// SPDX-License-Identifier: Apache-2.0
//
// Helper threads for work that blocks, bound to one event loop.
//
// `work` runs on a helper thread, then `done` on the loop, in a later turn and never inside a call of this
// file but offload_free(). Jobs with the same key run strictly one after the other, in the order they were
// given, never two at once; their `done`s come in that order too (but those of jobs
// taken back, which come early). Jobs without a key run side by side. Many
// completions share one wake-up of the loop. The number of jobs that are not done is bounded. Every function
// is called on the loop's thread.
#ifndef CORE_OFFLOAD_H
#define CORE_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct offload;
struct offload_job;

#define OFFLOAD_THREADS 4
#define OFFLOAD_THREADS_MAX 64
#define OFFLOAD_KEY_MAX 4096

/// On a helper thread. Owns what `context` points to until it returns.
typedef void offload_work_f(void *context);

/// On the loop, exactly once for each accepted job. `worked` is false when the job was cancelled or abandoned
/// before `work` began.
typedef void offload_done_f(void *context, bool worked);

/// Starts a pool of `threads` (1 … OFFLOAD_THREADS_MAX) helper threads that takes at most `limit` unfinished
/// jobs. NULL when the system gives no thread or descriptor. Helper threads block all signals.
struct offload *offload_new(struct event_base *base, unsigned threads, size_t limit)
    __attribute__((warn_unused_result));

/// Gives a job to the pool. `key` is copied; key_length 0 means no key, at most OFFLOAD_KEY_MAX. Returns a
/// handle that is valid until `done` begins, or NULL, and neither function will be called, when the pool is
/// full or stopping.
struct offload_job *offload_run(struct offload *pool, const void *key, size_t key_length, offload_work_f *work,
                                offload_done_f *done, void *context);

/// Takes a job back that has not begun: true, and `done` comes with worked = false. False when it has begun
/// or is over: `done` comes as usual.
bool offload_cancel(struct offload_job *job);

/// Jobs that were accepted and are not done.
size_t offload_pending(const struct offload *pool);

/// Called on the loop once the last `done` has returned.
typedef void offload_stopped_f(void *context);

/// No job is accepted any more. With `finish` those waiting still run, else they are abandoned; those running
/// always end. `stopped` is called in a later turn, when nothing is pending. Call it at most once.
void offload_stop(struct offload *pool, bool finish, offload_stopped_f *stopped, void *context);

/// Ends the threads and frees the pool. Waiting jobs are abandoned; waits for running ones (blocks when one hangs);
/// `done`s still owed are called here, `stopped` is not. Not from within a `done`; `stopped` may call it. NULL is
/// allowed.
void offload_free(struct offload *pool);

#endif
