// SPDX-License-Identifier: Apache-2.0
//
// Every statement that a running instance uses. Each is prepared once on each connection, when it is made, so the types
// of parameters come from casts in the text ($1::text[]); results come in binary.
#ifndef PLUGINS_STORAGE_RDS_STATEMENTS_H
#define PLUGINS_STORAGE_RDS_STATEMENTS_H

enum rds_statement {
    SQL_HEALTH,  ///< the engine's: whether the server answers
    SQL_BARRIER, ///< the engine's: has a repeated transaction wait for the disk and the standby
    RDS_STATEMENT_COUNT
};

extern const char *const rds_statements[RDS_STATEMENT_COUNT];

#endif
