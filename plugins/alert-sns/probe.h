// SPDX-License-Identifier: Apache-2.0
//
// The rights on the topic, each tried without an effect: nothing is published.
#ifndef PLUGINS_ALERT_SNS_PROBE_H
#define PLUGINS_ALERT_SNS_PROBE_H

#include "plugins/alert-sns/publish.h"

/// Starts a call of `probe`. It completes by itself.
void sns_probe_start(struct sns *sns, struct ph_call *call);

#endif
