// SPDX-License-Identifier: Apache-2.0
//
// The rights on the table, each tried without an effect: no item is written, changed or removed.
#ifndef PLUGINS_META_DYNAMODB_PROBE_H
#define PLUGINS_META_DYNAMODB_PROBE_H

#include "posthouse/plugin.h"

ph_start_f probe_start;

#endif
