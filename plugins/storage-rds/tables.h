// SPDX-License-Identifier: Apache-2.0
//
// The tables and indexes, as steps from one version of the schema to the next.
#ifndef PLUGINS_STORAGE_RDS_TABLES_H
#define PLUGINS_STORAGE_RDS_TABLES_H

#define RDS_SCHEMA_VERSION 4
#define RDS_SCHEMA_OLDEST_PROGRAM "0.1.0" ///< the oldest program that can use RDS_SCHEMA_VERSION

/// rds_tables[v] leads from version v to v + 1: one or more statements.
/// How many positions an append takes, in digits: WAVE_MOST (wave.h).
#define RDS_POSITIONS "1024"

extern const char *const rds_tables[RDS_SCHEMA_VERSION];

#endif
