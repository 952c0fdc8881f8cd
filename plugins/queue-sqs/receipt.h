// SPDX-License-Identifier: Apache-2.0
//
// A receipt: the reference to its lease's note and SQS's receipt handle, in one text.
#ifndef PLUGINS_QUEUE_SQS_RECEIPT_H
#define PLUGINS_QUEUE_SQS_RECEIPT_H

#include "plugins/queue-sqs/leases.h"
#include "posthouse/plugin.h"
#include <stdbool.h>

/// Writes a receipt into the call's arena; bytes are NULL when that is full.
struct ph_text receipt_make(struct ph_call *call, struct lease_reference reference, struct ph_text handle);

/// Takes a receipt apart; the handle points into it. False: no receipt of this plugin.
bool receipt_read(struct ph_text receipt, struct lease_reference *reference_r, struct ph_text *handle_r);

#endif
