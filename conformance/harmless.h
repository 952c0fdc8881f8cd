// SPDX-License-Identifier: Apache-2.0
//
// Entries for every operation of a kind that are well formed and change little: they name what does not
// exist, so that the common checks can ask anything of any plugin.
#ifndef CONFORMANCE_HARMLESS_H
#define CONFORMANCE_HARMLESS_H

#include "conformance/test.h"

#define HARMLESS_MAX 64

struct harmless {
    uint32_t operations[HARMLESS_MAX];
    size_t count;
};

/// The operations of its kind that the plugin offers, health included.
struct harmless harmless_list(const struct test *test);

/// `count` entries for one of them, in the test's memory.
const void *const *harmless_entries(struct test *test, uint32_t operation, size_t count);

#endif
