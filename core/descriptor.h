// SPDX-License-Identifier: Apache-2.0
//
// Checks what a shared object says of itself and copies it into structs of this program's sizes. Nothing of
// the plugin is run. Every value that does not fit is named on a line of its own.
#ifndef CORE_DESCRIPTOR_H
#define CORE_DESCRIPTOR_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct plugin;

/// A plugin has at most this many options.
#define DESCRIPTOR_OPTIONS_MAX 256
/// And has at most this many rights.
#define DESCRIPTOR_RIGHTS_MAX 256

/// Reads the descriptor at `raw`, of which `size` bytes may be read, into the copies of `plugin` (descriptor,
/// options, rights, common, operations), which descriptor_free() frees. False: `errors` got one line per reason, each
/// with a newline at its end, and there is nothing to free.
bool descriptor_read(const void *raw, size_t size, struct plugin *plugin, struct buffer *errors);

/// Frees the copies.
void descriptor_free(struct plugin *plugin);

/// True for 1 to 63 of a–z, 0–9 and -.
bool descriptor_is_name(const char *name);

#endif
