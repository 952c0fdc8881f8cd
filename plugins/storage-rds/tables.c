// SPDX-License-Identifier: Apache-2.0
//
// The texts of the steps. README.md says why the tables are cut this way.
#include "plugins/storage-rds/tables.h"

// Names are compared byte by byte whatever the database's collation; everything that comes from clients but names is
// bytea, so that no encoding of the server can refuse it. Times are milliseconds since 1970 UTC, 0 for none.
static const char version_1[] =
    "CREATE TABLE posthouse_users("
    " name text COLLATE \"C\" PRIMARY KEY, request uuid NOT NULL, password bytea NOT NULL, roles bigint NOT NULL,"
    " created_at bigint NOT NULL, removed_at bigint NOT NULL DEFAULT 0, swept boolean NOT NULL DEFAULT false);"
    "CREATE INDEX posthouse_users_removed ON posthouse_users(name) WHERE removed_at > 0 AND NOT swept;"
    // Counters, apart from what they count for: a row changes with every transaction that delivers to the user or
    // accepts from it, in place (HOT), since no index holds its columns and its page has room.
    "CREATE TABLE posthouse_inboxes("
    " name text COLLATE \"C\" PRIMARY KEY, position bigint NOT NULL DEFAULT 0, removed boolean NOT NULL DEFAULT false)"
    " WITH (fillfactor = 40, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.1);"
    "CREATE TABLE posthouse_senders("
    " name text COLLATE \"C\" PRIMARY KEY, position bigint NOT NULL DEFAULT 0)"
    " WITH (fillfactor = 40, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.1);"
    "CREATE TABLE posthouse_counters(name text COLLATE \"C\" PRIMARY KEY, value bigint NOT NULL)"
    " WITH (fillfactor = 40);"
    "INSERT INTO posthouse_counters VALUES('dead', 0);"
    "CREATE TABLE posthouse_sessions("
    " token bytea PRIMARY KEY, name text COLLATE \"C\" NOT NULL, expires_at bigint NOT NULL);"
    "CREATE INDEX posthouse_sessions_name ON posthouse_sessions(name);"
    "CREATE INDEX posthouse_sessions_expires ON posthouse_sessions(expires_at);"
    // What never changes of a message. Recipients are names in byte order, apart by spaces.
    "CREATE TABLE posthouse_messages("
    " id uuid PRIMARY KEY, accepted_at bigint NOT NULL, deliver_at bigint NOT NULL, expires_at bigint NOT NULL,"
    " position bigint NOT NULL, priority integer NOT NULL, sender text COLLATE \"C\" NOT NULL,"
    " recipients text COLLATE \"C\" NOT NULL, trace bytea NOT NULL, content_type bytea NOT NULL,"
    " attributes bytea NOT NULL, subject bytea NOT NULL, body bytea NOT NULL)"
    " WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,"
    " autovacuum_analyze_scale_factor = 0.05);"
    "CREATE UNIQUE INDEX posthouse_messages_sent ON posthouse_messages(sender, position);"
    // A delivered message in one inbox; removed from it: not listed.
    "CREATE TABLE posthouse_deliveries("
    " message uuid NOT NULL, at bigint NOT NULL, position bigint NOT NULL, read_at bigint NOT NULL DEFAULT 0,"
    " listed boolean NOT NULL DEFAULT true, recipient text COLLATE \"C\" NOT NULL, PRIMARY KEY(message, recipient))"
    " WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,"
    " autovacuum_analyze_scale_factor = 0.05);"
    "CREATE UNIQUE INDEX posthouse_deliveries_inbox ON posthouse_deliveries(recipient, position) WHERE listed;"
    // Outbox marks: few at a time, each soon gone, so vacuum must come by often.
    "CREATE TABLE posthouse_outbox("
    " id uuid PRIMARY KEY, due bigint NOT NULL, expires_at bigint NOT NULL, ready_at bigint NOT NULL,"
    " sends bigint NOT NULL DEFAULT 0, delayed boolean NOT NULL)"
    " WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.05,"
    " autovacuum_vacuum_cost_delay = 0);"
    "CREATE INDEX posthouse_outbox_due ON posthouse_outbox(due);"
    "CREATE INDEX posthouse_outbox_expires ON posthouse_outbox(expires_at) WHERE expires_at > 0;"
    // Who is not delayed is in order of its id already, for the age of the oldest.
    "CREATE INDEX posthouse_outbox_delayed ON posthouse_outbox(ready_at) WHERE delayed;"
    // Marks of alerts (2) and documents (3).
    "CREATE TABLE posthouse_marks("
    " kind integer NOT NULL, id uuid NOT NULL, due bigint NOT NULL, PRIMARY KEY(kind, id))"
    " WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.05,"
    " autovacuum_vacuum_cost_delay = 0);"
    "CREATE INDEX posthouse_marks_due ON posthouse_marks(kind, due);"
    // What went wrong with a message: recorded failures, and its end when nobody got it (state: enum ph_state, 0 while
    // it is open). A dead letter has a position in their list.
    "CREATE TABLE posthouse_troubles("
    " id uuid PRIMARY KEY, failures bigint NOT NULL DEFAULT 0, first_failed_at bigint NOT NULL DEFAULT 0,"
    " last_failed_at bigint NOT NULL DEFAULT 0, reason bytea NOT NULL DEFAULT '', state integer NOT NULL DEFAULT 0,"
    " at bigint NOT NULL DEFAULT 0, dead_position bigint);"
    "CREATE UNIQUE INDEX posthouse_troubles_dead ON posthouse_troubles(dead_position) WHERE dead_position IS NOT NULL;"
    "CREATE TABLE posthouse_keys("
    " sender text COLLATE \"C\" NOT NULL, key bytea NOT NULL, id uuid NOT NULL, hash bytea NOT NULL,"
    " accepted_at bigint NOT NULL, PRIMARY KEY(sender, key));"
    "CREATE INDEX posthouse_keys_accepted ON posthouse_keys(accepted_at);"
    // Texts are stored as they are, or compressed by lz4 where the server has it: pglz costs more than the disk saves.
    "DO $$BEGIN ALTER TABLE posthouse_messages ALTER body SET COMPRESSION lz4;"
    " EXCEPTION WHEN OTHERS THEN ALTER TABLE posthouse_messages ALTER body SET STORAGE EXTERNAL; END$$;";

// Whether a mark's message has recorded failures: deliver sees it in the row that it locks, so it need not look elsewhere.
static const char version_2[] =
    "ALTER TABLE posthouse_outbox ADD COLUMN failed boolean NOT NULL DEFAULT false;"
    "UPDATE posthouse_outbox o SET failed = true FROM posthouse_troubles t WHERE t.id = o.id;";

// Most marks are gone before they are due, so no index of due times holds a fresh one: it is found in order of ids. What is to
// wait, was leased, sent again or has failed is not fresh (swept: leased, or made again by a redrive). What is there already counts as swept, and no row is
// written for it: appends and deliveries wait until this is done.
static const char version_3[] =
    "ALTER TABLE posthouse_outbox ADD COLUMN swept boolean NOT NULL DEFAULT true;"
    "ALTER TABLE posthouse_outbox ALTER COLUMN swept SET DEFAULT false;"
    "CREATE INDEX posthouse_outbox_later ON posthouse_outbox(due) WHERE delayed OR swept OR failed OR sends > 0;"
    "DROP INDEX posthouse_outbox_due;";

// Positions of sent messages come from a sequence, in blocks (RDS_POSITIONS), so that appends of one sender need not wait for each
// other's commits; statements.c says what keeps the lists' promise. What a sender's counter holds was given before, or has been
// purged since: it has a new name, so that no build from before a release goes on giving positions below those of the sequence.
static const char version_4[] =
    "ALTER TABLE posthouse_senders RENAME position TO removed_to;"
    "CREATE SEQUENCE posthouse_positions INCREMENT " RDS_POSITIONS_TEXT ";"
    "SELECT setval('posthouse_positions', (coalesce(max(removed_to), 0) / " RDS_POSITIONS_TEXT
    " + 1) * " RDS_POSITIONS_TEXT ") FROM posthouse_senders;";

const char *const rds_tables[RDS_SCHEMA_VERSION] = {version_1, version_2, version_3, version_4};
