// SPDX-License-Identifier: Apache-2.0
//
// The options that the three SQLite plugins have in common, as the host fills them in.
//
// One table serves all three, so that their sections read alike: a file that holds storage, metadata and queue is
// tuned in one way.
#ifndef PLUGINS_SQLITE_OPTIONS_H
#define PLUGINS_SQLITE_OPTIONS_H

#include "posthouse/plugin.h"

struct sqlite_config {
    const char *path;         ///< the database file
    int64_t busy_timeout;     ///< ms to wait for another program's write
    uint64_t cache;           ///< bytes of page cache, for each connection
    int64_t readers;          ///< how many connections read side by side
    int64_t checkpoint_pages; ///< pages in the write-ahead log that start a checkpoint
    uint32_t synchronous;     ///< enum sqlite_synchronous; storage has no choice
};

enum sqlite_synchronous {
    SQLITE_SYNCHRONOUS_FULL = 0,  ///< a commit is on the disk when it is answered
    SQLITE_SYNCHRONOUS_NORMAL = 1 ///< it survives the process, but the last ones not a power cut
};

/// Storage takes the first SQLITE_STORAGE_OPTION_COUNT, without `synchronous`.
#define SQLITE_STORAGE_OPTION_COUNT 5
#define SQLITE_OPTION_COUNT 6

extern const struct ph_option sqlite_options[SQLITE_OPTION_COUNT];

#endif
