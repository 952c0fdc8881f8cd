// SPDX-License-Identifier: Apache-2.0
//
// The slots of storage that are statements: each makes a job (job.h) of its call and submits it.
#ifndef PLUGINS_STORAGE_RDS_OPERATIONS_H
#define PLUGINS_STORAGE_RDS_OPERATIONS_H

#include "posthouse/plugin.h"

ph_start_f storage_unwritten;

#endif
