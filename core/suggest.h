// SPDX-License-Identifier: Apache-2.0
//
// Finds, among valid names, the one that was probably meant: by the number of letters to insert, remove,
// change or swap. Case does not count. Names longer than SUGGEST_NAME_MAX are never nearest.
#ifndef CORE_SUGGEST_H
#define CORE_SUGGEST_H

#include <stddef.h>

#define SUGGEST_NAME_MAX 64

/// A search; start with suggest_begin(). The texts are borrowed.
struct suggest {
    const char *word;
    const char *best;
    size_t distance; ///< of the best
};

/// Begins a search for `word`.
struct suggest suggest_begin(const char *word);

/// Offers a valid name.
void suggest_offer(struct suggest *suggest, const char *name);

/// The nearest name, or NULL when none is near enough to be what was meant: at most a third of the letters
/// may differ, or it begins or ends with the word.
const char *suggest_nearest(const struct suggest *suggest);

/// The letters to insert, remove, change or swap (neighbours) to get from one word to the other; SIZE_MAX
/// when either is longer than SUGGEST_NAME_MAX.
size_t suggest_distance(const char *left, const char *right);

#endif
