// SPDX-License-Identifier: Apache-2.0
//
// The tables and indexes, as steps from one version of the schema to the next.
#ifndef PLUGINS_STORAGE_RDS_TABLES_H
#define PLUGINS_STORAGE_RDS_TABLES_H

#define RDS_SCHEMA_VERSION 4
#define RDS_SCHEMA_OLDEST_PROGRAM "0.1.0" ///< the oldest program that can use RDS_SCHEMA_VERSION

/// How many positions an append takes: as many as a wave (wave.h) has messages.
#define RDS_POSITIONS 1024
#define RDS_TEXT_OF(number) #number
#define RDS_TEXT(number) RDS_TEXT_OF(number)
#define RDS_POSITIONS_TEXT RDS_TEXT(RDS_POSITIONS)

/// rds_tables[v] leads from version v to v + 1: one or more statements.
extern const char *const rds_tables[RDS_SCHEMA_VERSION];

#endif
