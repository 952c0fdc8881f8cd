// SPDX-License-Identifier: Apache-2.0
//
// Documents: puts the metadata document of every message that has ended. A put that fails leaves a document mark in
// storage, and nothing else waits for it; marks are leased and put again once the meta backend is usable.
#ifndef CORE_DOCUMENTS_H
#define CORE_DOCUMENTS_H

#include "posthouse/plugin.h"

struct documents;
struct exchange;

struct documents *documents_new(struct exchange *exchange);
void documents_free(struct documents *documents);

/// Puts the document of a message; the record (HEAD) is only read inside the call.
void documents_put(struct documents *documents, const struct ph_record *record);

/// Looks for document marks that are due. Called by the sweeper.
void documents_sweep(struct documents *documents);

#endif
