// SPDX-License-Identifier: Apache-2.0
//
// What the command prints: tables for people on a terminal, JSON elsewhere or when asked. Texts of others are cleaned of
// control characters before they reach a terminal.
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/// True for JSON: asked for, or stdout is no terminal.
bool output_is_json(bool asked);

/// One line of compact JSON on stdout.
void output_json(const json_t *json);

/// Writes text without control characters; NULL is written as "-".
void output_clean(FILE *out, const char *text);

/// A column of a table: the member of each row that it shows; "a/b" goes down. Arrays of strings are joined.
struct output_column {
    const char *title;
    const char *member;
    int width; ///< at least so wide
};

/// A table of the objects in an array, on stdout. `empty` is said when there are none.
void output_table(const json_t *rows, const struct output_column *columns, size_t count, const char *empty);

#endif
