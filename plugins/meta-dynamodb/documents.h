// SPDX-License-Identifier: Apache-2.0
//
// Putting and getting documents, each through a gatherer that fills batches.
#ifndef PLUGINS_META_DYNAMODB_DOCUMENTS_H
#define PLUGINS_META_DYNAMODB_DOCUMENTS_H

#include "plugins/meta-dynamodb/dynamodb.h"

/// Makes the gatherers. False: no memory; documents_free() takes what there is.
bool documents_new(struct dynamodb *dynamodb);
void documents_free(struct dynamodb *dynamodb);
/// Ends a call of theirs; false: it is none.
bool documents_cancel(struct dynamodb *dynamodb, const struct ph_call *call);

ph_start_f documents_put;
ph_start_f documents_get;

#endif
