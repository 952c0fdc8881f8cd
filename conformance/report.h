// SPDX-License-Identifier: Apache-2.0
//
// Tells people, or programs (--json), how the checks went.
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include "conformance/runner.h"
#include <stdio.h>

struct report {
    FILE *out;
    bool json;
    bool color;
    unsigned passed;
    unsigned failed;
    unsigned skipped;
    int64_t started;
    void *entries; ///< the JSON array
};

void report_begin(struct report *report, const struct plugin *plugin, const char *level, uint64_t seed);
/// As runner.over.
void report_check(void *context, const struct finding_of_check *finding);
void report_end(struct report *report, const struct plugin *plugin, const char *level, uint64_t seed);
/// --list
void report_list(FILE *out, bool json, const struct check *const *checks, size_t count);

#endif
