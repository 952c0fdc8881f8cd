// SPDX-License-Identifier: Apache-2.0
//
// A circuit breaker: after some failures in a row it opens, and calls end at once instead of waiting for a
// backend that does not answer. After a cooldown, or when a health call succeeds, it is half open: one call
// at a time goes through as a probe, and its end closes or opens the breaker again. The cooldown doubles up
// to BREAKER_COOLDOWN_MAX_MS each time a probe fails. It decides and counts; time is told to it.
#ifndef CORE_BREAKER_H
#define CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_COOLDOWN_MAX_MS 30000

enum breaker_state { BREAKER_CLOSED = 0, BREAKER_HALF_OPEN = 1, BREAKER_OPEN = 2 };

struct breaker {
    enum breaker_state state;
    uint32_t limit;      ///< failures in a row that open it
    uint32_t failures;   ///< in a row
    uint32_t unhealthy;  ///< of these, those of health calls
    int64_t first_ms;    ///< the first cooldown
    int64_t cooldown_ms; ///< the next one
    uint64_t open_until_ns;
    bool probing; ///< half open: a probe is under way
    bool healthy; ///< half open: a health call succeeded since the last failure
};

void breaker_init(struct breaker *breaker, uint32_t limit, int64_t cooldown_ms);

/// Other limits from now on; the state stays.
void breaker_set(struct breaker *breaker, uint32_t limit, int64_t cooldown_ms);

enum breaker_verdict {
    BREAKER_GO,    ///< start the call
    BREAKER_PROBE, ///< start it; it is the probe, and must be ended with breaker_probe_*
    BREAKER_WAIT,  ///< a probe is under way: its end decides
    BREAKER_REFUSE ///< end the call at once
};

/// What to do with a call that could start now.
enum breaker_verdict breaker_ask(struct breaker *breaker, uint64_t now_ns);

/// Milliseconds until the breaker lets a probe through; 0 unless it is open.
uint32_t breaker_wait_ms(const struct breaker *breaker, uint64_t now_ns);

/// A call ended with an answer, or, by so many steps, without one. `probe`: breaker_ask() said so of it.
/// `jitter_permille` (0 to 999) spreads the cooldown by up to a quarter.
void breaker_success(struct breaker *breaker, bool probe);
void breaker_failure(struct breaker *breaker, bool probe, uint32_t steps, uint64_t now_ns, uint32_t jitter_permille);

/// A health call failed. Two in a row are enough to open the breaker, so that a backend that nobody asks is seen to be down.
void breaker_unhealthy(struct breaker *breaker, uint64_t now_ns, uint32_t jitter_permille);

/// The probe ended without telling anything: the next call may be the probe.
void breaker_probe_lost(struct breaker *breaker);

/// A health call succeeded: the failures of others before it are forgotten. An open breaker becomes half open, a half-open one that hears it twice closes.
void breaker_healthy(struct breaker *breaker);

#endif
