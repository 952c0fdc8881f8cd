// SPDX-License-Identifier: Apache-2.0
//
// Which receivings of this instance are still good.
//
// SQS may well do what an old receipt handle asks, to a job that someone else holds by now. So each receiving that is
// handed over is noted here until its lease ends, and its receipt begins with a reference to the note. A job that is
// received again makes the note of its receiving before worthless. The notes are bounded: beyond LEASES_MAX that still
// run, receivings go without, and SQS alone judges them.
//
// The exchange loop only. Times are milliseconds of a clock that never goes back.
#ifndef PLUGINS_QUEUE_SQS_LEASES_H
#define PLUGINS_QUEUE_SQS_LEASES_H

#include <stdbool.h>
#include <stdint.h>

#define LEASES_MAX 16384u

struct leases;

/// A receiving; all zero: not noted.
struct lease_reference {
    uint32_t place; ///< plus one
    uint32_t turn;  ///< how often the place was given
};

enum lease_state {
    LEASE_GOOD,
    LEASE_OVER,     ///< its time has passed
    LEASE_REPLACED, ///< received again since, or removed
    LEASE_UNKNOWN   ///< not noted
};

/// No leases; `seed` is random. NULL: no memory.
struct leases *leases_new(uint64_t seed);
void leases_free(struct leases *leases);

/// Notes a receiving of the job that the queue calls `job` (its MessageId).
struct lease_reference leases_note(struct leases *leases, const char *job, int64_t now, int64_t end);

/// How a receiving stands.
enum lease_state leases_look(const struct leases *leases, struct lease_reference reference, int64_t now);

/// Its lease ends then; nothing for one that is replaced or not noted.
void leases_move(struct leases *leases, struct lease_reference reference, int64_t end);

/// The job was removed: its receivings are replaced.
void leases_end(struct leases *leases, struct lease_reference reference);

#endif
