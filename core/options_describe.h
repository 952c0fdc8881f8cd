// SPDX-License-Identifier: Apache-2.0
//
// Tells what a table of options says: for a terminal, as JSON, as a page of the reference, and piece by piece
// for error texts. No secret value is ever shown.
#ifndef CORE_OPTIONS_DESCRIBE_H
#define CORE_OPTIONS_DESCRIBE_H

#include "core/options.h"

/// A value as an INI file would hold it; "***" when it is secret or hidden.
void options_write_value(const struct ph_option *option, bool hidden, const void *config, struct buffer *out);

/// "size", "choice", … ; "unknown" for a type this program does not know.
const char *options_type_name(const struct ph_option *option);

/// What a value must be, as words: "a size from 1KiB to 1GiB, such as 64KiB", "one of text, json".
void options_write_expected(const struct ph_option *option, struct buffer *out);

/// The table for a terminal, as a JSON array, and as rows of a Markdown table.
void options_describe_text(const struct options_table *table, struct buffer *out);
void options_describe_json(const struct options_table *table, struct buffer *out);
void options_describe_markdown(const struct options_table *table, struct buffer *out);

#endif
