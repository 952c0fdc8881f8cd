// SPDX-License-Identifier: Apache-2.0
//
// The operations of the plugin boundary as one table, so that everything else is driven by it: the loader
// (what is mandatory), the wrapper (what may be repeated, how large outputs are), faults and metrics (names),
// the conformance runner (slots). One row per enum ph_operation.
#ifndef CORE_OPERATION_H
#define CORE_OPERATION_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>

enum operation_flag {
    OPERATION_CHANGES = 1,   ///< changes something: an entry left pending is uncertain
    OPERATION_MANDATORY = 2, ///< a plugin without it is refused
    OPERATION_SINGLE = 4,    ///< always alone in its call
    OPERATION_COMMON = 8     ///< in ph_common_operations, for every kind
};

struct operation {
    const char *name;          ///< as in the header, the metrics and `fault.<name>`: "append"
    uint32_t number;           ///< enum ph_operation
    uint32_t kind;             ///< enum ph_kind; 0 for the common ones
    uint32_t flags;            ///< enum operation_flag
    size_t slot;               ///< offset of its function in the operations struct
    size_t entry_size;         ///< of what an entry points to; 0: entries are NULL
    size_t output_size;        ///< of what an output points to; 0: none
    const char *entry_struct;  ///< name of the entry's struct, for people; NULL without
    const char *output_struct; ///< name of the output's struct, for people; NULL without
};

/// No output of this host is larger.
#define OPERATION_OUTPUT_MAX 256
/// Operations of one kind, the common ones included, are fewer.
#define OPERATION_KIND_MAX 64
/// Every enum ph_operation is below this.
#define OPERATION_NUMBER_MAX 128

/// All rows in the order of their numbers.
extern const struct operation operations[];
extern const size_t operation_count;

/// The row of a number; NULL when there is none.
const struct operation *operation_find(uint32_t number);

/// The row of a name among the operations of a kind and the common ones; NULL when there is none.
const struct operation *operation_named(uint32_t kind, const char *name);

/// "append"; "unknown" for a number without a row.
const char *operation_name(uint32_t number);

/// The size of the kind's operations struct; 0 for an unknown kind.
size_t operation_struct_size(uint32_t kind);

/// The function in the slot, or NULL. `common` and `kind_operations` must be of the host's sizes.
ph_start_f *operation_slot(const struct operation *operation, const struct ph_common_operations *common,
                           const void *kind_operations);

/// A zeroed output that may be read as any operation's output; never written.
const void *operation_no_output(void);

/// The size of what host->make makes; 0 for an unknown type.
size_t operation_make_size(uint32_t make);

/// "storage", "meta", "queue", "alert", "secret"; "unknown" otherwise.
const char *kind_name(uint32_t kind);

/// The kind of a name, or 0.
uint32_t kind_find(const char *name);

#endif
