// SPDX-License-Identifier: Apache-2.0
//
// See core/breaker.h.
#include "core/breaker.h"

#define MS UINT64_C(1000000)

void breaker_init(struct breaker *breaker, uint32_t limit, int64_t cooldown_ms)
{
    *breaker = (struct breaker){.state = BREAKER_CLOSED};
    breaker_set(breaker, limit, cooldown_ms);
    breaker->cooldown_ms = cooldown_ms;
}

void breaker_set(struct breaker *breaker, uint32_t limit, int64_t cooldown_ms)
{
    breaker->limit = limit;
    breaker->first_ms = cooldown_ms;
}

enum breaker_verdict breaker_ask(struct breaker *breaker, uint64_t now_ns)
{
    if (breaker->state == BREAKER_CLOSED) {
        return BREAKER_GO;
    }
    if (breaker->state == BREAKER_OPEN) {
        if (now_ns < breaker->open_until_ns) {
            return BREAKER_REFUSE;
        }
        breaker->state = BREAKER_HALF_OPEN;
        breaker->probing = false;
        breaker->healthy = false;
    }
    if (breaker->probing) {
        return BREAKER_WAIT;
    }
    breaker->probing = true;
    return BREAKER_PROBE;
}

uint32_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ns)
{
    if (breaker->state != BREAKER_OPEN || now_ns >= breaker->open_until_ns) {
        return 0;
    }
    return (uint32_t)((breaker->open_until_ns - now_ns + MS - 1) / MS);
}

static void breaker_close(struct breaker *breaker)
{
    breaker->state = BREAKER_CLOSED;
    breaker->failures = breaker->unhealthy = 0;
    breaker->probing = false;
    breaker->cooldown_ms = breaker->first_ms;
}

void breaker_success(struct breaker *breaker, bool probe)
{
    // A call that started before the breaker opened tells of better times; only the probe counts then.
    if (probe && breaker->state == BREAKER_HALF_OPEN) {
        breaker_close(breaker);
    } else if (breaker->state == BREAKER_CLOSED) {
        breaker->failures = breaker->unhealthy = 0;
    }
}

static void breaker_open(struct breaker *breaker, uint64_t now_ns, uint32_t jitter_permille)
{
    uint64_t cooldown = (uint64_t)breaker->cooldown_ms * MS;
    breaker->state = BREAKER_OPEN;
    breaker->probing = false;
    breaker->healthy = false;
    breaker->open_until_ns = now_ns + cooldown + cooldown / 4 * jitter_permille / 1000;
    breaker->cooldown_ms *= 2;
    if (breaker->cooldown_ms > BREAKER_COOLDOWN_MAX_MS) {
        breaker->cooldown_ms = BREAKER_COOLDOWN_MAX_MS;
    }
}

void breaker_failure(struct breaker *breaker, bool probe, uint32_t steps, uint64_t now_ns, uint32_t jitter_permille)
{
    if (breaker->state == BREAKER_HALF_OPEN && probe) {
        breaker_open(breaker, now_ns, jitter_permille);
    } else if (breaker->state == BREAKER_CLOSED) {
        breaker->failures += steps;
        if (breaker->failures >= breaker->limit) {
            breaker->cooldown_ms = breaker->first_ms;
            breaker_open(breaker, now_ns, jitter_permille);
        }
    } else {
        breaker->healthy = false;
    }
}

void breaker_unhealthy(struct breaker *breaker, uint64_t now_ns, uint32_t jitter_permille)
{
    uint32_t steps = breaker->limit / 2 + breaker->limit % 2;
    if (breaker->state == BREAKER_CLOSED) {
        breaker->unhealthy += steps;
    }
    breaker_failure(breaker, false, steps, now_ns, jitter_permille);
}

void breaker_probe_lost(struct breaker *breaker)
{
    breaker->probing = false;
}

void breaker_healthy(struct breaker *breaker)
{
    if (breaker->state == BREAKER_CLOSED) {
        breaker->failures -= breaker->unhealthy; // else a backend that nobody asks would never be well again
        breaker->unhealthy = 0;
    } else if (breaker->state == BREAKER_OPEN) {
        breaker->state = BREAKER_HALF_OPEN;
        breaker->probing = false;
        breaker->healthy = true;
    } else if (breaker->state == BREAKER_HALF_OPEN && !breaker->probing) {
        if (breaker->healthy) {
            breaker_close(breaker);
        }
        breaker->healthy = true;
    }
}
