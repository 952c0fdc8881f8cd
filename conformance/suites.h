// SPDX-License-Identifier: Apache-2.0
//
// All checks, by topic. A kind's checks are those of its topics and the common ones.
#ifndef CONFORMANCE_SUITES_H
#define CONFORMANCE_SUITES_H

#include "conformance/test.h"

extern const struct suite SUITE_COMMON; ///< every kind
extern const struct suite SUITE_STORAGE_APPEND;
extern const struct suite SUITE_STORAGE_DELIVER;
extern const struct suite SUITE_STORAGE_FAIL;
extern const struct suite SUITE_STORAGE_MARKS;
extern const struct suite SUITE_STORAGE_INBOX;
extern const struct suite SUITE_STORAGE_USERS;
extern const struct suite SUITE_STORAGE_PURGE;
extern const struct suite SUITE_STORAGE_DURABLE;
extern const struct suite SUITE_STORAGE_MODEL;
extern const struct suite SUITE_QUEUE;
extern const struct suite SUITE_META;
extern const struct suite SUITE_ALERT;
extern const struct suite SUITE_SECRET;

/// The checks of a kind up to a level, in order; the array is freed with free().
const struct check **suites_list(uint32_t kind, unsigned level, size_t *count_r) __attribute__((warn_unused_result));

#endif
