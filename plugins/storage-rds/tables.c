// SPDX-License-Identifier: Apache-2.0
//
// The texts of the steps.
#include "plugins/storage-rds/tables.h"

const char *const rds_tables[RDS_SCHEMA_VERSION] = {
    "SELECT 1",
};
