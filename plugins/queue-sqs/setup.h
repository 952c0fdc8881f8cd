// SPDX-License-Identifier: Apache-2.0
//
// Making the queue and its dead-letter queue, for local use and tests.
#ifndef PLUGINS_QUEUE_SQS_SETUP_H
#define PLUGINS_QUEUE_SQS_SETUP_H

#include "posthouse/plugin.h"

/// The slot: see ph_common_operations. What is made has the settings of our Terraform, but for encryption with a key of
/// one's own and the policy.
ph_start_f setup_start;

#endif
