// SPDX-License-Identifier: Apache-2.0
//
// See core/suggest.h. The distance is that of optimal string alignment, computed row by row.
#include "core/suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static size_t least(size_t left, size_t right)
{
    return left < right ? left : right;
}

size_t suggest_distance(const char *left, const char *right)
{
    size_t left_length = strlen(left);
    size_t right_length = strlen(right);
    if (left_length > SUGGEST_NAME_MAX || right_length > SUGGEST_NAME_MAX) {
        return SIZE_MAX;
    }
    // rows[i % 3] is the row of the first i letters of `left`: a swap looks two rows back.
    size_t rows[3][SUGGEST_NAME_MAX + 1] = {{0}};
    for (size_t j = 0; j <= right_length; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= left_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *before = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            char mine = lower(left[i - 1]);
            char other = lower(right[j - 1]);
            row[j] = least(least(before[j], row[j - 1]) + 1, before[j - 1] + (mine != other));
            if (i > 1 && j > 1 && mine == lower(right[j - 2]) && lower(left[i - 2]) == other) {
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
            }
        }
    }
    return rows[left_length % 3][right_length];
}

struct suggest suggest_begin(const char *word)
{
    return (struct suggest){.word = word, .best = NULL, .distance = SIZE_MAX};
}

static bool is_part(const char *word, const char *name)
{
    size_t word_length = strlen(word);
    size_t name_length = strlen(name);
    return word_length >= 3 && word_length < name_length &&
           (strncasecmp(word, name, word_length) == 0 || strcasecmp(word, name + name_length - word_length) == 0);
}

void suggest_offer(struct suggest *suggest, const char *name)
{
    size_t distance = suggest_distance(suggest->word, name);
    if (distance == SIZE_MAX) {
        return;
    }
    size_t length = strlen(suggest->word);
    size_t longest = strlen(name) > length ? strlen(name) : length;
    size_t limit = longest < 6 ? 2 : longest / 3;
    // Two of two letters differ: that is another word, not a slip.
    bool near = distance <= limit && distance < least(length, strlen(name));
    if (!near && is_part(suggest->word, name)) {
        near = true;
        distance = limit + 1;
    }
    if (near && distance < suggest->distance) {
        suggest->best = name;
        suggest->distance = distance;
    }
}

const char *suggest_nearest(const struct suggest *suggest)
{
    return suggest->best;
}
