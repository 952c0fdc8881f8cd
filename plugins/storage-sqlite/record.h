// SPDX-License-Identifier: Apache-2.0
//
// Reading a stored message into the record that the host gets.
#ifndef PLUGINS_STORAGE_SQLITE_RECORD_H
#define PLUGINS_STORAGE_SQLITE_RECORD_H

#include "plugins/sqlite/engine.h"

/// The columns with which all statements that list records begin.
enum record_column {
    RECORD_MESSAGE,
    RECORD_ID,
    RECORD_SENDER,
    RECORD_SENDER_NAME,
    RECORD_ACCEPTED_AT,
    RECORD_DELIVER_AT,
    RECORD_EXPIRES_AT,
    RECORD_PRIORITY,
    RECORD_TRACE,
    RECORD_CONTENT_TYPE,
    RECORD_ATTRIBUTES,
    RECORD_RECIPIENT_COUNT,
    RECORD_DUE,
    RECORD_FAILURES,
    RECORD_FIRST_FAILED_AT,
    RECORD_LAST_FAILED_AT,
    RECORD_REASON,
    RECORD_BODY_LENGTH,
    RECORD_POSITION,
    RECORD_DELIVERED_AT,
    RECORD_READ_AT,
    RECORD_SUBJECT, // only of whole records, as is the next
    RECORD_BODY
};

enum record_part { RECORD_HEAD, RECORD_WHOLE };

/// What is known of a recipient beside what the host gets.
struct stored_recipient {
    int64_t user;
    bool removed; ///< the user is gone
    bool listed;  ///< has it in the inbox
};

/// A stored message: the host's record, and what only this plugin knows.
struct stored {
    int64_t message;
    int64_t sender;
    bool marked; ///< an outbox mark exists, due then
    int64_t due;
    struct ph_record *record; ///< NULL: there is no such message
    struct stored_recipient *recipients;
};

/// Reads the record of the query's row, with its recipients, status and finished_at.
int record_read(struct scope *scope, struct ph_call *call, struct query *query, enum record_part part,
                struct stored *stored_r);

/// Finds and reads a record.
int record_find(struct scope *scope, struct ph_call *call, const struct ph_id *id, enum record_part part,
                struct stored *stored_r);

/// Derives status and finished_at from the recipients' states and the mark.
void record_conclude(struct stored *stored);

#endif
