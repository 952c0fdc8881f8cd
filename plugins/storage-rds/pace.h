// SPDX-License-Identifier: Apache-2.0
//
// Whether a second append shall run beside the first.
//
// While a commit waits for a slow disk or a standby, another connection can use the time. Where commits are quick, two
// appends at once only make batches smaller and wait for each other's processors. So what both take is measured, as it looks from here: a way over the network counts as
// work.
#ifndef PLUGINS_STORAGE_RDS_PACE_H
#define PLUGINS_STORAGE_RDS_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    uint64_t appends;
    uint64_t measured;
    int64_t working;    ///< ns that statements take, a moving average
    int64_t committing; ///< ns from there to the end of the transaction
    bool alone;
};

/// An append is about to be sent. True: it shall be measured.
bool pace_measures(struct pace *pace);

/// One was measured: ns of its statement, and of its commit.
void pace_note(struct pace *pace, int64_t working, int64_t committing);

/// Whether one append at a time is enough; false until something was measured.
bool pace_alone(const struct pace *pace);

#endif
