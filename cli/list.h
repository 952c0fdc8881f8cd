// SPDX-License-Identifier: Apache-2.0
//
// What the commands share that show a list of the server page by page: their options, asking for a page, printing it.
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/options.h"
#include "cli/output.h"

#define LIST_LIMIT_MAX 100
/// Bytes of a cursor, its NUL included; longer ones are refused.
#define LIST_CURSOR_SIZE 256

/// A list of the server and how it is shown.
struct list_view {
    const char *path;   ///< with its query so far: "/v1/inbox?"
    const char *member; ///< of the answer
    const char *what;   ///< for messages: "inbox"
    const char *empty;  ///< said when there is nothing
    const struct output_column *columns;
    size_t column_count;
};

/// What was asked for; begin with LIST_OPTIONS_DEFAULT.
struct list_options {
    const char *after; ///< NULL: from the start
    long limit;
    bool all, json;
};
#define LIST_OPTIONS_DEFAULT ((struct list_options){.limit = 50})

/// The entries of an options table for `options`.
#define LIST_ENTRIES(options)                                                                                \
    {.name = "after", .argument = "CURSOR", .text = &(options).after, .help = "begin behind this cursor"},   \
        {.name = "limit",                                                                                    \
         .argument = "N",                                                                                    \
         .number = &(options).limit,                                                                         \
         .minimum = 1,                                                                                       \
         .maximum = LIST_LIMIT_MAX,                                                                          \
         .help = "entries a page, 1 to 100 (50)"},                                                           \
        {.name = "all", .flag = &(options).all, .help = "go on to the last page"},                           \
    {                                                                                                        \
        .name = "json", .flag = &(options).json, .help = "print a line of JSON an entry, also on a terminal" \
    }
#define LIST_ENTRY_COUNT 4

/// True for what may be a cursor; else a line on stderr.
bool list_cursor_good(const char *what, const char *cursor);

/// The path of a page. `after` may be NULL. Freed with free().
char *list_path(const struct list_view *view, const char *after, long limit);

/// Runs the command: one page, or all. Returns the exit code.
int list_run(const struct list_view *view, const struct list_options *options);

#endif
