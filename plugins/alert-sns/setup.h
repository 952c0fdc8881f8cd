// SPDX-License-Identifier: Apache-2.0
//
// Making the topic, for local use and tests.
#ifndef PLUGINS_ALERT_SNS_SETUP_H
#define PLUGINS_ALERT_SNS_SETUP_H

#include "posthouse/plugin.h"

/// The slot: see ph_common_operations. A standard topic without a key and without subscribers.
ph_start_f sns_setup;

#endif
