// SPDX-License-Identifier: Apache-2.0
//
// The list of sequence.h. The oldest rows usually go first, so holes at the front are stepped over at once; the others
// are squeezed out when the array is full and a quarter of it or more would be won, else the array doubles.
#include "plugins/storage-mock/sequence.h"

#include <assert.h>
#include <stdlib.h>

void sequence_free(struct sequence *sequence)
{
    free(sequence->rows);
    *sequence = (struct sequence){.head = sequence->head};
}

static void sequence_squeeze(struct sequence *sequence)
{
    size_t to = 0;
    for (size_t from = sequence->first; from < sequence->end; from++) {
        if (sequence->rows[from].item)
            sequence->rows[to++] = sequence->rows[from];
    }
    sequence->first = 0;
    sequence->end = to;
    sequence->holes = 0;
}

bool sequence_reserve(struct sequence *sequence)
{
    if (sequence->end < sequence->capacity)
        return true;
    if (sequence->capacity && sequence->first + sequence->holes >= sequence->capacity / 4) {
        sequence_squeeze(sequence);
        return true;
    }
    size_t capacity = sequence->capacity ? sequence->capacity * 2 : 8;
    if (capacity > SIZE_MAX / sizeof(struct sequence_row))
        return false;
    struct sequence_row *rows = realloc(sequence->rows, capacity * sizeof(*rows));
    if (!rows)
        return false;
    sequence->rows = rows;
    sequence->capacity = capacity;
    return true;
}

uint64_t sequence_add(struct sequence *sequence, void *item)
{
    assert(item && sequence->end < sequence->capacity);
    sequence->rows[sequence->end++] = (struct sequence_row){.position = ++sequence->head, .item = item};
    return sequence->head;
}

size_t sequence_seek(const struct sequence *sequence, uint64_t after)
{
    size_t low = sequence->first;
    size_t high = sequence->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sequence->rows[middle].position <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void sequence_drop(struct sequence *sequence, uint64_t position)
{
    if (position == 0)
        return;
    size_t at = sequence_seek(sequence, position - 1);
    if (at == sequence->end || sequence->rows[at].position != position || !sequence->rows[at].item)
        return;
    sequence->rows[at].item = NULL;
    sequence->holes++;
    while (sequence->first < sequence->end && !sequence->rows[sequence->first].item) {
        sequence->first++;
        sequence->holes--;
    }
}
