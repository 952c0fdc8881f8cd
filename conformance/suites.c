// SPDX-License-Identifier: Apache-2.0
//
// See conformance/suites.h.
#include "conformance/suites.h"

#include "core/xalloc.h"

struct shelf {
    uint32_t kind; // 0: every kind
    const struct suite *suite;
};

static const struct shelf SHELVES[] = {
    {0, &SUITE_COMMON},
    {PH_KIND_STORAGE, &SUITE_STORAGE_APPEND},
    {PH_KIND_STORAGE, &SUITE_STORAGE_DELIVER},
    {PH_KIND_STORAGE, &SUITE_STORAGE_FAIL},
    {PH_KIND_STORAGE, &SUITE_STORAGE_MARKS},
    {PH_KIND_STORAGE, &SUITE_STORAGE_INBOX},
    {PH_KIND_STORAGE, &SUITE_STORAGE_USERS},
    {PH_KIND_STORAGE, &SUITE_STORAGE_PURGE},
    {PH_KIND_STORAGE, &SUITE_STORAGE_DURABLE},
    {PH_KIND_STORAGE, &SUITE_STORAGE_MODEL},
    {PH_KIND_META, &SUITE_META},
    {PH_KIND_QUEUE, &SUITE_QUEUE},
    {PH_KIND_ALERT, &SUITE_ALERT},
    {PH_KIND_SECRET, &SUITE_SECRET},
};
#define SHELF_COUNT (sizeof SHELVES / sizeof SHELVES[0])

static bool check_is_wanted(const struct check *check, unsigned level)
{
    unsigned least = (check->flags & CHECK_STRESS) != 0 ? 2 : (check->flags & CHECK_FULL) != 0 ? 1 : 0;
    return level >= least;
}

const struct check **suites_list(uint32_t kind, unsigned level, size_t *count_r)
{
    size_t most = 0;
    for (size_t i = 0; i < SHELF_COUNT; i++) {
        most += SHELVES[i].suite->count;
    }
    const struct check **list = xcalloc(most, sizeof *list);
    *count_r = 0;
    for (size_t i = 0; i < SHELF_COUNT; i++) {
        for (size_t j = 0; (SHELVES[i].kind == 0 || SHELVES[i].kind == kind) && j < SHELVES[i].suite->count; j++) {
            if (check_is_wanted(&SHELVES[i].suite->checks[j], level)) {
                list[(*count_r)++] = &SHELVES[i].suite->checks[j];
            }
        }
    }
    return list;
}
