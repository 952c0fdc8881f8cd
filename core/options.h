// SPDX-License-Identifier: Apache-2.0
//
// Fills config structs from tables of struct ph_option. core/options_describe.h tells what a table says.
//
// The same tables describe the daemon's own sections, the keys with a dot and every plugin's options, so
// parsing, checks, defaults, `posthouse plugin describe` and the reference pages cannot disagree. Strings and
// lists of a filled struct live in an arena of the caller. A secret value never appears in a text made here.
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "posthouse/plugin.h"
#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buffer;

/// The most items of a list, and the most bytes of an option's text.
#define OPTIONS_LIST_MAX 1024
#define OPTIONS_TEXT_MAX 65536

/// A table whose entries are `stride` bytes apart (a plugin of another minor may have larger or smaller
/// ones).
struct options_table {
    const struct ph_option *options;
    size_t count;
    size_t stride;
};

/// A table of this program's own entry size, from an array.
#define OPTIONS_TABLE(array)                                                  \
    {                                                                         \
        (array), sizeof(array) / sizeof((array)[0]), sizeof(struct ph_option) \
    }

/// Entry number `index`, which must be below the count.
const struct ph_option *options_at(const struct options_table *table, size_t index);

/// The option of that name, or NULL. `index_r` may be NULL.
const struct ph_option *options_find(const struct options_table *table, const char *name, size_t *index_r);

/// Reads `text` as the option's type wants it and writes it into the option's member of `config`. A relative
/// path goes under `folder` (NULL or ".": left as it is). False: nothing was written and `error` holds what
/// is wrong and what is expected, such as `expected a size such as 64KiB or 1MiB, got "12 parsecs"`. With
/// `hidden` (or the option's secret flag) the text is not shown. Memory beyond the arena's ceiling is an
/// error too.
bool options_set(const struct ph_option *option, const char *text, bool hidden, const char *folder, struct arena *arena,
                 void *config, struct buffer *error);

/// Writes the option's default, or zero where there is none. False: the default itself is wrong, a fault of
/// the table's author; `error` says how.
bool options_set_default(const struct ph_option *option, const char *folder, struct arena *arena, void *config,
                         struct buffer *error);

/// Sets every option to its default. For tables of this program, where a wrong default ends the process.
void options_set_defaults(const struct options_table *table, struct arena *arena, void *config);

/// True when both structs hold the same value of the option.
bool options_equal(const struct ph_option *option, const void *left, const void *right);

/// The bytes of the option's member; 0 for a type this program does not know.
size_t options_member_size(const struct ph_option *option);

/// Appends ", name" to a list of names in `names` of `size` bytes, or "…" when it is full.
void options_add_name(char *names, size_t size, const char *name);

/// How two config structs of one table differ.
struct options_difference {
    size_t count;    ///< options that differ
    bool reloadable; ///< all of them may change in a reload
    char names[256]; ///< "path, size", cut with "…" when there are too many
};
void options_compare(const struct options_table *table, const void *left, const void *right,
                     struct options_difference *difference_r);

/// Overwrites the memory of every text that is secret by its flag, or by `hidden[index]` (NULL: none).
void options_wipe(const struct options_table *table, const bool *hidden, void *config);

/// Checks what the compiler cannot: names, known types, ranges, choices and defaults that parse, no name
/// twice, members inside `config_size`. False: `error` names the first fault.
bool options_table_check(const struct options_table *table, size_t config_size, struct buffer *error);

#endif
