// SPDX-License-Identifier: Apache-2.0
//
// What is repeated, and when. Entries of one attempt that may be repeated go together into the next, apart
// from those that were throttled, which keep the delay they were told. An entry is repeated while its class
// allows it, its attempts are not used up, the budget pays, and there is time; with until_deadline, or where
// nothing of the attempt went out, only the time counts.
#include "core/backend_internal.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdlib.h>

#define GROUPS 2 // throttled, and the others

static uint64_t delay_of(struct attempt *attempt, uint32_t throttled_ms)
{
    struct host *host = attempt->backend->host;
    if (throttled_ms > 0) {
        return throttled_ms * BACKEND_MS + host_random_below(host, (throttled_ms / 4 + RETRY_BASE_MS) * BACKEND_MS);
    }
    return host_random_below(host, retry_bound_ms(attempt->number) * BACKEND_MS + 1);
}

static bool may_repeat(const struct attempt *attempt, uint32_t outcome, uint64_t start_ns)
{
    struct backend *backend = attempt->backend;
    const struct backend_call *call = attempt->call;
    if (!outcome_is_retryable(outcome) || call->ended || start_ns >= call->deadline_ns) {
        return false;
    }
    if (attempt->untouched) {
        return true;
    }
    if (!call->until_deadline && (int64_t)attempt->number > backend->policy.retries) {
        return false;
    }
    return retry_budget_spend(&backend->budget, call->until_deadline);
}

static void rest(struct backend_call *call, const uint32_t *indexes, size_t count, uint32_t number, uint64_t due_ns)
{
    struct attempt *attempt = attempt_new(call, 0, indexes, count, number);
    attempt->again = true;
    attempt->state = ATTEMPT_RESTING;
    attempt->timer.expired = backend_rested;
    timers_set(host_timers(call->backend->host), &attempt->timer, due_ns);
}

// The longest delay that a throttled entry was told; 0 without any.
static uint32_t longest_delay(const struct attempt *attempt)
{
    uint32_t longest = 0;
    for (size_t i = 0; i < attempt->count; i++) {
        const struct ph_result *result = &attempt->call->records[attempt_index(attempt, i)].result;
        if (result->outcome == PH_THROTTLED && result->delay_ms > longest) {
            longest = result->delay_ms;
        }
    }
    return longest;
}

void backend_retry(struct attempt *attempt)
{
    struct backend_call *call = attempt->call;
    uint64_t now = host_now_ns(attempt->backend->host);
    uint64_t due[GROUPS];
    due[0] = now + delay_of(attempt, 0);
    uint32_t told = longest_delay(attempt);
    due[1] = told > 0 ? now + delay_of(attempt, told) : due[0];
    uint32_t *groups[GROUPS] = {NULL, NULL};
    size_t counts[GROUPS] = {0, 0};
    for (size_t i = 0; i < attempt->count; i++) {
        size_t index = attempt_index(attempt, i);
        const struct ph_result *result = &call->records[index].result;
        size_t group = result->outcome == PH_THROTTLED ? 1 : 0;
        if (!may_repeat(attempt, result->outcome, due[group])) {
            call_finish_entry(call, index);
            continue;
        }
        if (groups[group] == NULL) {
            groups[group] = xmalloc_array(attempt->count, sizeof *groups[group]);
        }
        groups[group][counts[group]++] = (uint32_t)index;
    }
    for (size_t group = 0; group < GROUPS; group++) {
        if (counts[group] > 0) {
            if (!attempt->untouched) {
                backend_metrics_retries(attempt->backend->metrics, call->operation->number, counts[group]);
            }
            rest(call, groups[group], counts[group], attempt->number + (attempt->untouched ? 0 : 1), due[group]);
        }
        free(groups[group]);
    }
}

// An uncertain entry that is to be settled by all means waits for the breaker.
static bool rest_again(struct attempt *attempt, uint32_t wait_ms)
{
    struct backend_call *call = attempt->call;
    struct host *host = attempt->backend->host;
    bool uncertain = false;
    for (size_t i = 0; i < attempt->count; i++) {
        const struct call_record *record = &call->records[attempt_index(attempt, i)];
        uncertain = uncertain || record->earlier_uncertain || record->result.outcome == PH_UNCERTAIN;
    }
    uint64_t due = host_now_ns(host) + wait_ms * BACKEND_MS + host_random_below(host, RETRY_BASE_MS * BACKEND_MS);
    if (!uncertain || !call->until_deadline || call->ended || due >= call->deadline_ns) {
        return false;
    }
    attempt->state = ATTEMPT_RESTING;
    attempt->timer.expired = backend_rested;
    timers_set(host_timers(host), &attempt->timer, due);
    return true;
}

void backend_refuse(struct attempt *attempt, const char *text)
{
    struct backend *backend = attempt->backend;
    struct backend_call *call = attempt->call;
    uint32_t wait_ms = breaker_wait_ms(&backend->breaker, host_now_ns(backend->host));
    if (text == NULL && attempt->number > 1 && rest_again(attempt, wait_ms > 0 ? wait_ms : 1)) {
        return;
    }
    attempt->state = ATTEMPT_OVER;
    const struct ph_result result = {
        .outcome = PH_UNAVAILABLE,
        .delay_ms = wait_ms,
        .text = text != NULL ? text : "the backend has failed again and again and is left alone for a moment",
    };
    for (size_t i = 0; i < attempt->count; i++) {
        size_t index = attempt_index(attempt, i);
        if (attempt->number == 1) {
            call_store(call, index, &result, NULL);
        }
        call_finish_entry(call, index);
    }
    call_deliver_later(call);
}

void backend_rested(struct timer *timer)
{
    struct attempt *attempt = (struct attempt *)((char *)timer - offsetof(struct attempt, timer));
    assert(attempt->state == ATTEMPT_RESTING);
    backend_admit(attempt);
}
