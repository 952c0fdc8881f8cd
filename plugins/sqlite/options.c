// SPDX-License-Identifier: Apache-2.0
//
// The table of the common options.
#include "plugins/sqlite/options.h"

static const char *const synchronous_choices[] = {"full", "normal", NULL};

const struct ph_option sqlite_options[SQLITE_OPTION_COUNT] = {
    PH_TEXT(struct sqlite_config, path, PH_OPTION_PATH, "posthouse.db",
            "The database file; storage, meta and queue may share one, also between daemons on one machine."),
    PH_DURATION(struct sqlite_config, busy_timeout, PH_OPTION_RELOADABLE, "3s", 0, 60000,
                "How long a write waits for another program's write before it is refused."),
    PH_SIZE(struct sqlite_config, cache, PH_OPTION_RELOADABLE, "8MiB", 65536, 1073741824,
            "Page cache of each connection."),
    PH_INTEGER(struct sqlite_config, readers, 0, "2", 1, 16, "Connections that read side by side."),
    PH_INTEGER(struct sqlite_config, checkpoint_pages, PH_OPTION_RELOADABLE, "2000", 16, 1000000,
               "Pages of write-ahead log after which it is written back into the file."),
    PH_CHOICE(struct sqlite_config, synchronous, PH_OPTION_RELOADABLE, "full", synchronous_choices,
              "Whether a commit waits for the disk (full), or may be lost by a power cut (normal)."),
};
