// SPDX-License-Identifier: Apache-2.0
//
// The rights on the queue, each tried without an effect: no job is sent, received, removed or given another lease.
#ifndef PLUGINS_QUEUE_SQS_PROBE_H
#define PLUGINS_QUEUE_SQS_PROBE_H

#include "posthouse/plugin.h"

ph_start_f probe_start;

#endif
