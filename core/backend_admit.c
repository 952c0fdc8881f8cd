// SPDX-License-Identifier: Apache-2.0
//
// Who may start a plugin call: the breaker decides whether at all, the concurrency limit when. What must wait
// stands in one queue, in the order of its coming; the queue has a limit, beyond which calls are refused as
// overload. Repeats are let in beyond the limit: they are few, and were counted before.
#include "core/backend_internal.h"
#include "core/loader.h"
#include <assert.h>

size_t backend_concurrency(const struct backend *backend)
{
    size_t own = plugin_concurrency(backend->plugin);
    return backend->policy.concurrency > 0 ? (size_t)backend->policy.concurrency : own;
}

static void enqueue(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    if (!attempt->again && backend->waiting_count >= (size_t)backend->policy.waiting) {
        backend_refuse(attempt, "overloaded: too many calls wait for the backend");
        return;
    }
    attempt->state = ATTEMPT_WAITING;
    TAILQ_INSERT_TAIL(&backend->waiting, attempt, queue);
    backend->waiting_count++;
    backend_metrics_load(backend->metrics, backend->running, backend->waiting_count);
}

void backend_unqueue(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    assert(attempt->state == ATTEMPT_WAITING && backend->waiting_count > 0);
    TAILQ_REMOVE(&backend->waiting, attempt, queue);
    backend->waiting_count--;
    backend_metrics_load(backend->metrics, backend->running, backend->waiting_count);
}

// Asks the breaker; true when the attempt was begun or refused, false when it must wait.
static bool admit_now(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    // A receive may wait long for a first job, so it would be a probe that tells nothing for long.
    bool waits = attempt->call->wait_ms > 0;
    switch (breaker_ask(&backend->breaker, host_now_ns(backend->host))) {
    case BREAKER_PROBE:
        if (waits) {
            breaker_probe_lost(&backend->breaker);
        }
        attempt->probe = !waits;
        backend_update_state(backend);
        attempt_begin(attempt);
        return true;
    case BREAKER_GO:
        attempt_begin(attempt);
        return true;
    case BREAKER_REFUSE:
        backend_refuse(attempt, NULL);
        return true;
    case BREAKER_WAIT:
    default:
        if (waits) {
            attempt_begin(attempt);
        }
        return waits;
    }
}

void backend_admit(struct attempt *attempt)
{
    struct backend *backend = attempt->backend;
    if (breaker_wait_ms(&backend->breaker, host_now_ns(backend->host)) > 0) {
        backend_refuse(attempt, NULL);
    } else if (backend->running >= backend_concurrency(backend) || !TAILQ_EMPTY(&backend->waiting) ||
               !admit_now(attempt)) {
        enqueue(attempt);
    }
}

void backend_admit_next(struct backend *backend)
{
    struct attempt *attempt;
    bool refusing = breaker_wait_ms(&backend->breaker, host_now_ns(backend->host)) > 0;
    while ((attempt = TAILQ_FIRST(&backend->waiting)) != NULL &&
           (refusing || backend->running < backend_concurrency(backend))) {
        if (backend->breaker.state == BREAKER_HALF_OPEN && backend->breaker.probing && attempt->call->wait_ms == 0) {
            return;
        }
        backend_unqueue(attempt);
        bool settled = admit_now(attempt);
        assert(settled);
        (void)settled;
    }
}
