// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a configuration: a list of findings, each with its place, collected so that all of them
// can be told at once, in the order of the file, one a line: "local.ini:12: what".
//
// Texts are cleaned of control characters. The list has a limit; what comes after it is only counted. One
// thread at a time.
#ifndef CORE_FINDINGS_H
#define CORE_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/// The most findings that are kept.
#define FINDINGS_MAX 200

/// Where something stands. `file` is borrowed from whoever read it; line 0: the place has no lines (an
/// environment variable).
struct place {
    const char *file;
    unsigned line;
};

enum finding_level { FINDING_ERROR, FINDING_WARNING };

struct finding {
    enum finding_level level;
    char *file;
    unsigned line;
    char *text;
    size_t order; ///< of its adding
};

/// Start with {0}.
struct findings {
    struct finding *items;
    size_t count;
    size_t capacity;
    size_t errors;   ///< all errors, also those that were not kept
    size_t warnings; ///< likewise
};

/// Adds an error, or a warning, at a place.
void findings_error(struct findings *findings, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void findings_warning(struct findings *findings, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Sorts by file and line; places without a line come last.
void findings_sort(struct findings *findings);

/// Writes them, one a line, after sorting; warnings begin with "warning: ". Says how many were not kept.
void findings_print(struct findings *findings, FILE *out);

/// Frees all; the list is empty then.
void findings_free(struct findings *findings);

#endif
