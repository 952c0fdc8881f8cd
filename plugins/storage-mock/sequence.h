// SPDX-License-Identifier: Apache-2.0
//
// A list whose items get growing positions: an inbox, what a user has sent, the dead letters.
//
// A position is given once and never again; reading goes on from any position, found by bisection. What is dropped
// leaves a hole, which goes when the list would have to grow. One thread at a time.
#ifndef PLUGINS_STORAGE_MOCK_SEQUENCE_H
#define PLUGINS_STORAGE_MOCK_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sequence_row {
    uint64_t position;
    void *item; ///< NULL: a hole
};

struct sequence {
    struct sequence_row *rows; ///< by position; only those from `first` to `end` count
    size_t first;
    size_t end;
    size_t capacity;
    size_t holes;  ///< between first and end
    uint64_t head; ///< the highest position ever given
};

/// Frees the rows; the head stays.
void sequence_free(struct sequence *sequence);

/// Makes room for one more item. False when there is no memory; nothing has changed then.
bool sequence_reserve(struct sequence *sequence) __attribute__((warn_unused_result));

/// Adds an item, for which there must be room; returns its position.
uint64_t sequence_add(struct sequence *sequence, void *item);

/// The index of the first row whose position is above `after`; `end` if there is none.
size_t sequence_seek(const struct sequence *sequence, uint64_t after);

/// Drops the row with this position, if there is one. Indexes of other rows stay as they are.
void sequence_drop(struct sequence *sequence, uint64_t position);

#endif
