// SPDX-License-Identifier: Apache-2.0
//
// Making and migrating the schema, on a helper thread, in one transaction under an advisory lock.
//
// A row in posthouse_schema holds the version and the oldest program that can still use it. Within a major, steps only
// expand, so that a rollback to the release before finds a schema it can use.
#ifndef PLUGINS_STORAGE_RDS_SCHEMA_H
#define PLUGINS_STORAGE_RDS_SCHEMA_H

#include "plugins/storage-rds/connect.h"

/// Work on a fresh connection (outside of pipeline mode). False: the database is as it was.
bool schema_prepare(struct connect_request *request);

#endif
