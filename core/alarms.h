// SPDX-License-Identifier: Apache-2.0
//
// Alarms: the [alarm NAME] sections of the configuration. A gauge that stays out of its bounds for the time given raises its
// alarm, once; when it is back within them, that is told, too. Both go to the log and to the alert backend. Every daemon
// watches by itself: give the sections to one of them where that matters.
#ifndef CORE_ALARMS_H
#define CORE_ALARMS_H

struct alarms;
struct exchange;

/// The alarms of the exchange's settings.
struct alarms *alarms_new(struct exchange *exchange);
void alarms_free(struct alarms *alarms);

/// Looks at the gauges; once a second, from the sweeper.
void alarms_check(struct alarms *alarms);

#endif
