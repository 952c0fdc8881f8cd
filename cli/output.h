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

/// One line of compact JSON on stdout; pure ASCII if that is a terminal.
void output_json(const json_t *json);

/// Writes text without control characters; NULL is written as "-".
void output_clean(FILE *out, const char *text);

/// The text of a JSON string in lines, each cleaned and with `indent` before it.
void output_text(FILE *out, const json_t *string, const char *indent);

/// A column of a table: the member of each row that it shows; "a/b" goes down. Arrays of strings are joined.
struct output_column {
    const char *title;
    const char *member;
    int limit;    ///< characters; what is longer is cut; 0: none
    bool present; ///< "yes" in place of the value
};

/// The objects of an array on stdout: a line of JSON each, or a table. `empty` is said in place of a table without rows.
void output_rows(const json_t *rows, const struct output_column *columns, size_t count, bool json, const char *empty);

/// The members of an object below each other, by the same columns.
void output_members(const json_t *object, const struct output_column *columns, size_t count);

/// EXIT_GOOD, or EXIT_FAILED after a line on stderr if stdout could not take what was printed.
int output_end(void);

#endif
