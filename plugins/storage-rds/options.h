// SPDX-License-Identifier: Apache-2.0
//
// The options of storage-rds, as the host fills them in.
#ifndef PLUGINS_STORAGE_RDS_OPTIONS_H
#define PLUGINS_STORAGE_RDS_OPTIONS_H

#include "posthouse/plugin.h"

struct rds_config {
    const char *url;           ///< a connection string or URI of libpq
    const char *password;      ///< NULL: the one in the url, or none
    int64_t writers;           ///< connections that write what clients wait for
    int64_t couriers;          ///< connections that deliver
    int64_t readers;           ///< connections that read
    bool notify;               ///< LISTEN and NOTIFY on a connection of their own
    int64_t connect_timeout;   ///< ms, for each host of the url
    int64_t statement_timeout; ///< ms, kept by the server
    int64_t lock_timeout;      ///< ms, kept by the server
    int64_t network_timeout;   ///< ms after which an unanswered packet ends a connection, on both sides
};

#define RDS_OPTION_COUNT 10

extern const struct ph_option rds_options[RDS_OPTION_COUNT];

#endif
