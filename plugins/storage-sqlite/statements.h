// SPDX-License-Identifier: Apache-2.0
//
// The schema of storage and every statement on it, in one list: so that the SQL can be read, and its plans checked, in
// one place.
//
// Statements that list records all begin with the columns of enum record_column (record.h).
#ifndef PLUGINS_STORAGE_SQLITE_STATEMENTS_H
#define PLUGINS_STORAGE_SQLITE_STATEMENTS_H

#define STORAGE_HEAD_COLUMNS(position, delivered_at, read_at)                                                   \
    "SELECT m.message, m.id, m.sender, u.name, m.accepted_at, m.deliver_at, m.expires_at, m.priority, m.trace," \
    " m.content_type, m.attributes, m.recipient_count, o.due, f.failures, f.first_failed_at, f.last_failed_at," \
    " f.reason, length(m.body), " position ", " delivered_at ", " read_at
#define STORAGE_WHOLE_COLUMNS ", m.subject, m.body"
#define STORAGE_RECORD_JOINS                               \
    " CROSS JOIN storage_users u ON u.user = m.sender"     \
    " LEFT JOIN storage_outbox o ON o.message = m.message" \
    " LEFT JOIN storage_failures f ON f.message = m.message "

#define STORAGE_STATEMENTS(X)                                                                                       \
    /* users and sessions */                                                                                        \
    X(SQL_USER_FIND, "SELECT user, removed_at, password, roles, created_at, request FROM storage_users"             \
                     " WHERE name = ?1")                                                                            \
    X(SQL_USER_KEY, "SELECT user FROM storage_users WHERE name = ?1 AND removed_at = 0")                            \
    X(SQL_USER_ADD, "INSERT INTO storage_users(name, request, password, roles, created_at)"                         \
                    " VALUES(?1, ?2, ?3, ?4, ?5)")                                                                  \
    X(SQL_USER_LIST, "SELECT name, roles, created_at FROM storage_users WHERE name > ?1 AND removed_at = 0"         \
                     " ORDER BY name LIMIT ?2")                                                                     \
    X(SQL_USER_PASSWORD, "UPDATE storage_users SET password = ?2 WHERE user = ?1")                                  \
    X(SQL_USER_REMOVE, "UPDATE storage_users SET removed_at = ?2, password = '' WHERE user = ?1")                   \
    X(SQL_SESSION_FIND, "SELECT u.name, u.roles, s.expires_at FROM storage_sessions s"                              \
                        " CROSS JOIN storage_users u ON u.user = s.user WHERE s.token = ?1")                        \
    X(SQL_SESSION_ADD, "INSERT INTO storage_sessions(token, user, expires_at) VALUES(?1, ?2, ?3)")                  \
    X(SQL_SESSION_REMOVE, "DELETE FROM storage_sessions WHERE token = ?1")                                          \
    X(SQL_SESSIONS_END, "DELETE FROM storage_sessions WHERE user = ?1 AND token <> ?2")                             \
    /* counters that a transaction reads once and writes once */                                                    \
    X(SQL_COUNTER_READ, "SELECT value FROM storage_counters WHERE counter = ?1")                                    \
    X(SQL_COUNTER_WRITE, "UPDATE storage_counters SET value = ?2 WHERE counter = ?1")                               \
    X(SQL_HEAD_READ, "SELECT inbox, sent FROM storage_heads WHERE user = ?1")                                       \
    X(SQL_HEAD_WRITE, "INSERT INTO storage_heads(user, inbox) VALUES(?1, ?2)"                                       \
                      " ON CONFLICT(user) DO UPDATE SET inbox = excluded.inbox")                                    \
    X(SQL_HEAD_SENT, "INSERT INTO storage_heads(user, sent) VALUES(?1, ?2)"                                         \
                     " ON CONFLICT(user) DO UPDATE SET sent = max(sent, excluded.sent)")                            \
    /* append */                                                                                                    \
    X(SQL_MESSAGE_FIND, "SELECT message, accepted_at, expires_at FROM storage_messages WHERE id = ?1")              \
    X(SQL_MESSAGE_ADD, "INSERT INTO storage_messages(message, id, sender, accepted_at, deliver_at, expires_at,"     \
                       " priority, recipient_count, trace, content_type, attributes, subject, body)"                \
                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")                           \
    X(SQL_RECIPIENT_ADD, "INSERT INTO storage_recipients(message, ordinal, user) VALUES(?1, ?2, ?3)")               \
    X(SQL_KEY_FIND, "SELECT id, hash, accepted_at FROM storage_keys WHERE sender = ?1 AND key = ?2")                \
    X(SQL_KEY_ADD, "INSERT INTO storage_keys(sender, key, id, hash, accepted_at) VALUES(?1, ?2, ?3, ?4, ?5)")       \
    X(SQL_OUTBOX_ADD, "INSERT INTO storage_outbox(message, due, expires_at, ready_at, delayed)"                     \
                      " VALUES(?1, ?2, ?3, ?4, ?5)")                                                                \
    /* records */                                                                                                   \
    X(SQL_RECORD_HEAD,                                                                                              \
      STORAGE_HEAD_COLUMNS("0", "0", "0") " FROM storage_messages m" STORAGE_RECORD_JOINS "WHERE m.id = ?1")        \
    X(SQL_RECORD_WHOLE, STORAGE_HEAD_COLUMNS("0", "0", "0") STORAGE_WHOLE_COLUMNS                                   \
      " FROM storage_messages m" STORAGE_RECORD_JOINS "WHERE m.id = ?1")                                            \
    X(SQL_RECORD_RECIPIENTS, "SELECT u.name, r.user, u.removed_at, r.state, r.at, r.position, r.read_at"            \
                             " FROM storage_recipients r CROSS JOIN storage_users u ON u.user = r.user"             \
                             " WHERE r.message = ?1 ORDER BY r.ordinal")                                            \
    /* endings */                                                                                                   \
    X(SQL_OUTBOX_REMOVE, "DELETE FROM storage_outbox WHERE message = ?1")                                           \
    X(SQL_OUTBOX_MOVE, "UPDATE storage_outbox SET due = ?2 WHERE message = ?1")                                     \
    X(SQL_RECIPIENT_END, "UPDATE storage_recipients SET state = ?3, at = ?4, position = ?5"                         \
                         " WHERE message = ?1 AND ordinal = ?2")                                                    \
    X(SQL_RECIPIENTS_END, "UPDATE storage_recipients SET state = ?2, at = ?3 WHERE message = ?1 AND state = 0")     \
    X(SQL_RECIPIENTS_REOPEN, "UPDATE storage_recipients SET state = 0, at = 0 WHERE message = ?1 AND state = 3")    \
    X(SQL_OUTBOX_FIND, "SELECT m.message, o.due, o.sends, f.failures, f.first_failed_at FROM storage_messages m"    \
                       " CROSS JOIN storage_outbox o ON o.message = m.message"                                      \
                       " LEFT JOIN storage_failures f ON f.message = m.message WHERE m.id = ?1")                    \
    X(SQL_FAILURE_WRITE, "INSERT OR REPLACE INTO storage_failures(message, failures, first_failed_at,"              \
                         " last_failed_at, reason, position) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")                       \
    X(SQL_FAILURE_REMOVE, "DELETE FROM storage_failures WHERE message = ?1")                                        \
    X(SQL_DEAD_FIND, "SELECT m.message, m.accepted_at, m.deliver_at, m.expires_at FROM storage_messages m"          \
                     " CROSS JOIN storage_failures f ON f.message = m.message WHERE m.id = ?1 AND f.position > 0")  \
    X(SQL_OUTBOX_EXPIRED, "SELECT message FROM storage_outbox WHERE expires_at > 0 AND expires_at <= ?1"            \
                          " ORDER BY expires_at LIMIT ?2")                                                          \
    /* marks */                                                                                                     \
    X(SQL_OUTBOX_POSTPONE, "UPDATE storage_outbox SET due = ?2, sends = sends + 1"                                  \
                           " WHERE message = (SELECT message FROM storage_messages WHERE id = ?1)")                 \
    X(SQL_OUTBOX_LEASE, "SELECT o.message, m.id, m.trace, o.sends FROM storage_outbox o"                            \
                        " CROSS JOIN storage_messages m ON m.message = o.message"                                   \
                        " WHERE o.due <= ?1 AND (o.expires_at = 0 OR o.expires_at > ?1) ORDER BY o.due LIMIT ?2")   \
    X(SQL_MARK_WRITE, "INSERT INTO storage_marks(kind, message, due) VALUES(?1, ?2, ?3)"                            \
                      " ON CONFLICT(kind, message) DO UPDATE SET due = excluded.due")                               \
    X(SQL_MARK_REMOVE, "DELETE FROM storage_marks WHERE kind = ?1"                                                  \
                       " AND message = (SELECT message FROM storage_messages WHERE id = ?2)")                       \
    X(SQL_MARK_LEASE, "SELECT k.message, m.id, m.trace FROM storage_marks k"                                        \
                      " CROSS JOIN storage_messages m ON m.message = k.message"                                     \
                      " WHERE k.kind = ?1 AND k.due <= ?2 ORDER BY k.due LIMIT ?3")                                 \
    /* lists; +r.user keeps the planner on the message's rows */                                                    \
    X(SQL_INBOX_READ, STORAGE_HEAD_COLUMNS("r.position", "r.at", "r.read_at") STORAGE_WHOLE_COLUMNS                 \
      " FROM storage_recipients r INDEXED BY storage_inbox"                                                         \
      " CROSS JOIN storage_messages m ON m.message = r.message" STORAGE_RECORD_JOINS                                \
      "WHERE r.user = ?1 AND r.position > 0 AND r.position > ?2"                                                    \
      " AND (m.expires_at = 0 OR m.expires_at > ?3) ORDER BY r.position LIMIT ?4")                                  \
    X(SQL_SENT_READ, STORAGE_HEAD_COLUMNS("m.message", "0", "0") STORAGE_WHOLE_COLUMNS                              \
      " FROM storage_messages m INDEXED BY storage_sent" STORAGE_RECORD_JOINS                                       \
      "WHERE m.sender = ?1 AND m.message > ?2 ORDER BY m.message LIMIT ?3")                                         \
    X(SQL_SENT_HEAD, "SELECT max(message) FROM storage_messages INDEXED BY storage_sent WHERE sender = ?1")         \
    X(SQL_DEAD_READ,                                                                                                \
      STORAGE_HEAD_COLUMNS("d.position", "0",                                                                       \
                           "0") " FROM storage_failures d INDEXED BY storage_dead"                                  \
                                " CROSS JOIN storage_messages m ON m.message = d.message" STORAGE_RECORD_JOINS      \
                                "WHERE d.position > 0 AND d.position > ?1 ORDER BY d.position LIMIT ?2")            \
    X(SQL_INBOX_FIND, "SELECT r.message, r.ordinal, r.position, r.read_at, m.expires_at FROM storage_messages m"    \
                      " CROSS JOIN storage_recipients r ON r.message = m.message"                                   \
                      " WHERE m.id = ?1 AND +r.user = ?2 AND r.state = 1")                                          \
    X(SQL_INBOX_ACK, "UPDATE storage_recipients SET read_at = ?3 WHERE message = ?1 AND ordinal = ?2")              \
    X(SQL_INBOX_REMOVE, "UPDATE storage_recipients SET position = 0 WHERE message = ?1 AND ordinal = ?2")           \
    /* purge and stats */                                                                                           \
    X(SQL_PURGE_SESSIONS, "DELETE FROM storage_sessions WHERE token IN"                                             \
                          " (SELECT token FROM storage_sessions WHERE expires_at <= ?1 LIMIT ?2)")                  \
    X(SQL_PURGE_KEYS, "SELECT sender, key FROM storage_keys WHERE accepted_at < ?1 LIMIT ?2")                       \
    X(SQL_PURGE_KEY, "DELETE FROM storage_keys WHERE sender = ?1 AND key = ?2")                                     \
    X(SQL_PURGE_USER, "SELECT user FROM storage_users WHERE removed_at > 0 AND swept = 0 LIMIT 1")                  \
    X(SQL_PURGE_USER_DONE, "UPDATE storage_users SET swept = 1 WHERE user = ?1")                                    \
    X(SQL_PURGE_INBOX, "UPDATE storage_recipients SET position = 0 WHERE (message, ordinal) IN"                     \
                       " (SELECT message, ordinal FROM storage_recipients INDEXED BY storage_inbox"                 \
                       " WHERE user = ?1 AND position > 0 LIMIT ?2)")                                               \
    X(SQL_PURGE_SCAN, "SELECT m.message, m.sender, m.accepted_at,"                                                  \
                      " EXISTS(SELECT 1 FROM storage_outbox o WHERE o.message = m.message)"                         \
                      " OR EXISTS(SELECT 1 FROM storage_marks k WHERE k.kind IN (2, 3) AND k.message = m.message)," \
                      " (SELECT max(r.at) FROM storage_recipients r WHERE r.message = m.message)"                   \
                      " FROM storage_messages m WHERE m.message > ?1 ORDER BY m.message LIMIT ?2")                  \
    X(SQL_PURGE_MESSAGE, "DELETE FROM storage_messages WHERE message = ?1")                                         \
    X(SQL_PURGE_RECIPIENTS, "DELETE FROM storage_recipients WHERE message = ?1")                                    \
    X(SQL_STATS, "SELECT (SELECT count(*) FROM storage_outbox),"                                                    \
                 " (SELECT ready_at FROM storage_outbox WHERE delayed = 0 ORDER BY message LIMIT 1),"               \
                 " (SELECT min(ready_at) FROM storage_outbox INDEXED BY storage_outbox_delayed WHERE delayed = 1)," \
                 " (SELECT count(*) FROM storage_failures INDEXED BY storage_dead WHERE position > 0),"             \
                 " (SELECT count(*) FROM storage_marks WHERE kind = 2),"                                            \
                 " (SELECT count(*) FROM storage_marks WHERE kind = 3)")

#define STORAGE_STATEMENT_NUMBER(name, sql) name,
enum storage_statement { STORAGE_STATEMENTS(STORAGE_STATEMENT_NUMBER) STORAGE_STATEMENT_COUNT };

extern const char *const storage_statements[STORAGE_STATEMENT_COUNT];

#define STORAGE_SCHEMA_VERSION 1
extern const char *const storage_schema[STORAGE_SCHEMA_VERSION];

#endif
