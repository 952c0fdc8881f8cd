// SPDX-License-Identifier: Apache-2.0
//
// The table of the options.
#include "plugins/storage-rds/options.h"

const struct ph_option rds_options[RDS_OPTION_COUNT] = {
    PH_TEXT(struct rds_config, url, PH_OPTION_REQUIRED, NULL,
            "The database, as a connection string or URI of libpq; several hosts may be named."),
    PH_TEXT(struct rds_config, password, PH_OPTION_SECRET, NULL,
            "The password; fetched again when the server refuses it, so that it may be rotated."),
    PH_INTEGER(struct rds_config, writers, 0, "2", 1, 8, "Connections that write what clients wait for."),
    PH_INTEGER(struct rds_config, couriers, 0, "1", 1, 4, "Connections that deliver."),
    PH_INTEGER(struct rds_config, readers, 0, "2", 1, 32, "Connections that read."),
    PH_BOOLEAN(struct rds_config, notify, 0, "yes",
               "Whether daemons wake each other's readers by NOTIFY; say no behind a pooling proxy."),
    PH_DURATION(struct rds_config, connect_timeout, 0, "5s", 100, 60000, "How long to try one host of the url."),
    PH_DURATION(struct rds_config, statement_timeout, 0, "30s", 1000, 600000,
                "How long the server works on one statement."),
    PH_DURATION(struct rds_config, lock_timeout, 0, "5s", 100, 600000,
                "How long the server waits for a lock before the call is tried again."),
    PH_DURATION(struct rds_config, network_timeout, 0, "10s", 1000, 600000,
                "After so long without an answer to a packet, either side ends a connection."),
};
