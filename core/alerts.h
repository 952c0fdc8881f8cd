// SPDX-License-Identifier: Apache-2.0
//
// Alerts: publishes what alert marks ask for. A delivery of a message with priority alert writes a mark that is due at
// once; this part leases it, publishes, and settles the mark when the alert backend has taken it. A mark whose publishing
// failed is due again when its lease ends. While the alert backend is not usable, marks wait in storage.
#ifndef CORE_ALERTS_H
#define CORE_ALERTS_H

struct alerts;
struct exchange;

struct alerts *alerts_new(struct exchange *exchange);
void alerts_free(struct alerts *alerts);

/// Looks for alert marks that are due: called by the sweeper, and by the courier after a delivery that wrote one.
void alerts_sweep(struct alerts *alerts);

#endif
