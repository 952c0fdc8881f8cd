// SPDX-License-Identifier: Apache-2.0
//
// Every statement that a running instance uses, in one list. Each is prepared once on each connection, when it is made, so
// the types of parameters come from casts in the text ($1::text[]); results come in binary.
#ifndef PLUGINS_STORAGE_RDS_STATEMENTS_H
#define PLUGINS_STORAGE_RDS_STATEMENTS_H

enum rds_statement {
    SQL_HEALTH,       ///< the engine's: whether the server answers
    SQL_BARRIER,      ///< has a transaction that writes nothing wait for the disk and the standby
    SQL_APPEND_NEW,   ///< nothing is known yet; else it writes nothing
    SQL_APPEND_KEYED, ///< the same, with keys
    SQL_APPEND_ALIKE, ///< as SQL_APPEND_NEW, of messages that differ in sender, recipients, subject and body alone
    SQL_APPEND_ALIKE_KEYED,
    SQL_APPEND,        ///< anything
    SQL_DELIVER_FRESH, ///< what is due and never failed; it leaves the rest
    SQL_DELIVER_KNOWN, ///< likewise, of messages that need not be looked up
    SQL_DELIVER_MARKS, ///< and SQL_DELIVER: anything
    SQL_DELIVER,
    SQL_RECORD_HEADS,
    SQL_FAIL_LOCK,
    SQL_FAIL,
    SQL_EXPIRE,
    SQL_REDRIVE,
    SQL_POSTPONE,
    SQL_UNSTICK,
    SQL_LEASE_OUTBOX,
    SQL_LEASE_ALERTS,
    SQL_LEASE_DOCUMENTS,
    SQL_SETTLE,
    SQL_MARK,
    SQL_INBOX_READ,
    SQL_INBOX_HEAD,
    SQL_INBOX_ACK,
    SQL_INBOX_REMOVE,
    SQL_MESSAGE_GET,
    SQL_SENT_HORIZON, ///< SQL_SENT_WAIT and SQL_SENT_READ: one after the other
    SQL_SENT_WAIT,
    SQL_SENT_BELOW, ///< instead of SQL_SENT_WAIT: does not wait
    SQL_SENT_READ,
    SQL_DEAD_READ,
    SQL_USER_ADD,
    SQL_USER_ADDED,
    SQL_USER_GET,
    SQL_USER_LIST,
    SQL_USER_PASSWORD,
    SQL_USER_REMOVE,
    SQL_SESSION_ADD,
    SQL_SESSION_ADDED,
    SQL_SESSION_GET,
    SQL_SESSION_REMOVE,
    SQL_PURGE_SESSIONS,
    SQL_PURGE_KEYS,
    SQL_PURGE_INBOX,
    SQL_PURGE_LOCK,
    SQL_PURGE_MESSAGES,
    SQL_STATS,
    RDS_STATEMENT_COUNT
};

extern const char *const rds_statements[RDS_STATEMENT_COUNT];

#endif
