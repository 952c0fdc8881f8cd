// SPDX-License-Identifier: Apache-2.0
//
// The texts of the statements.
#include "plugins/storage-rds/statements.h"

const char *const rds_statements[RDS_STATEMENT_COUNT] = {
    [SQL_HEALTH] = "SELECT 1",
    [SQL_BARRIER] = "SELECT pg_logical_emit_message(true, 'posthouse', '')",
};
