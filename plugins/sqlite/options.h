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
};

#define SQLITE_OPTION_COUNT 5

extern const struct ph_option sqlite_options[SQLITE_OPTION_COUNT];

#endif
