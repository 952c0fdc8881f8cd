// SPDX-License-Identifier: Apache-2.0
//
// Reading a stored message into the record that the host gets.
#ifndef PLUGINS_STORAGE_RDS_RECORD_H
#define PLUGINS_STORAGE_RDS_RECORD_H

#include "plugins/storage-rds/recent.h"
#include "plugins/storage-rds/values.h"

/// The columns of a record, in the order in which statements.c gives them.
enum record_column {
    RECORD_ID,
    RECORD_SENDER,
    RECORD_ACCEPTED_AT,
    RECORD_DELIVER_AT,
    RECORD_EXPIRES_AT,
    RECORD_PRIORITY,
    RECORD_RECIPIENTS,
    RECORD_TRACE,
    RECORD_CONTENT_TYPE,
    RECORD_ATTRIBUTES,
    RECORD_BODY_LENGTH,
    RECORD_DUE,
    RECORD_FAILURES, ///< NULL: none, and nothing in the three that follow
    RECORD_FIRST_FAILED_AT,
    RECORD_LAST_FAILED_AT,
    RECORD_REASON,
    RECORD_FRESH_COLUMNS, ///< so many that deliver gives of what it has just ended
    RECORD_STATE = RECORD_FRESH_COLUMNS,
    RECORD_ENDED_AT,
    RECORD_POSITION,
    RECORD_DELIVERED_AT,
    RECORD_READ_AT,
    RECORD_STATES,
    RECORD_HEAD_COLUMNS,
    RECORD_SUBJECT = RECORD_HEAD_COLUMNS,
    RECORD_BODY,
    RECORD_WHOLE_COLUMNS
};

/// Reads the record whose columns begin at `first`. NULL: something was wrong (values->wrong).
struct ph_record *record_read(struct values *values, int first, enum record_column columns);

/// Reads what deliver gives: all recipients open, as nobody has been ended before.
struct ph_record *record_fresh(struct values *values, int first);

/// Makes it of what is kept, as record_fresh() does. NULL: the arena is used up.
struct ph_record *record_known(struct ph_call *call, const struct recent_message *message);

/// Takes all states away: inbox records show who else got it, but not what became of that.
void record_hide_states(struct ph_record *record);

/// The recipient of that name, or NULL.
struct ph_recipient *record_recipient(const struct ph_record *record, struct ph_text name);

/// Derives status and finished_at from the recipients' states; `marked`: an outbox mark exists.
void record_conclude(struct ph_record *record, bool marked);

#endif
