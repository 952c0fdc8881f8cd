// SPDX-License-Identifier: Apache-2.0
//
// The texts of the statements.
//
// `clock` is read once in a statement, when it is first needed, which is after the locks that earlier statements of the
// transaction took. Rows of a batch come from unnest(), numbered by `n`; what is asked of a CTE's rows uses NOT IN over a
// column that is never NULL, which the server hashes, as a join over CTEs would be quadratic.
//
// Statements that list records all give the columns of enum record_column (record.h), in that order.
#include "plugins/storage-rds/statements.h"

#include "plugins/storage-rds/tables.h"

// The server's clock as it is when this is evaluated, in milliseconds.
#define TIME "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
#define CLOCK "clock AS MATERIALIZED (SELECT " TIME " AS now)"
#define NOW "(SELECT now FROM clock)"

// Makes a transaction that writes nothing wait for the disk and the standby when it is committed.
#define BARRIER "pg_logical_emit_message(true, 'posthouse', '')"

#define RECORD_COLUMNS(due, position, at, read_at)                                                          \
    "m.id, m.sender, m.accepted_at, m.deliver_at, m.expires_at, m.priority::bigint, m.recipients, m.trace," \
    " m.content_type, m.attributes, octet_length(m.body)::bigint, " due ", coalesce(t.failures, 0),"        \
    " coalesce(t.first_failed_at, 0), coalesce(t.last_failed_at, 0), coalesce(t.reason, ''),"               \
    " coalesce(t.state, 0)::bigint, coalesce(t.at, 0), " position "::bigint, " at "::bigint, " read_at "::bigint"
#define RECORD_NAMES                                                                                          \
    "id, sender, accepted_at, deliver_at, expires_at, priority, recipients, trace, content_type, attributes," \
    " body_length, due, failures, first_failed_at, last_failed_at, reason, state, ended_at, position, at, read_at"
// Who got it: name, since when, read when, whether it is still listed; four words each.
#define RECORD_STATES                                                                                 \
    "(SELECT string_agg(s.recipient || ' ' || s.at || ' ' || s.read_at || ' ' || s.listed::int, ' ')" \
    " FROM posthouse_deliveries s WHERE s.message = m.id)"
#define RECORD_JOINS                               \
    " LEFT JOIN posthouse_outbox o ON o.id = m.id" \
    " LEFT JOIN posthouse_troubles t ON t.id = m.id "
#define RECORD_HEAD(position, at, read_at) RECORD_COLUMNS("o.due", position, at, read_at) ", " RECORD_STATES
#define RECORD_WHOLE(position, states) RECORD_COLUMNS("o.due", position, "0", "0") ", " states ", m.subject, m.body"
// Of a message in an inbox: its mark is gone, and who else got it is not told.
#define RECORD_DELIVERED \
    RECORD_COLUMNS("NULL::bigint", "d.position", "d.at", "d.read_at") ", NULL::text, m.subject, m.body"

// Of the rows of `rows` (a record's columns), in order of position, as many as `bytes` allow, but at least one.
#define PAGE(rows, bytes)                                                                                          \
    "(SELECT * FROM (SELECT w.*, sum(octet_length(w.subject) + octet_length(w.body) + octet_length(w.attributes))" \
    " OVER (ORDER BY w.position) AS total, row_number() OVER (ORDER BY w.position) AS nth FROM (" rows             \
    ") w(" RECORD_NAMES ", states, subject, body)) x WHERE x.total <= " bytes " OR x.nth = 1)"
#define PAGE_COLUMNS                                                                                                \
    "p.id, p.sender, p.accepted_at, p.deliver_at, p.expires_at, p.priority, p.recipients, p.trace, p.content_type," \
    " p.attributes, p.body_length, p.due, p.failures, p.first_failed_at, p.last_failed_at, p.reason, p.state,"      \
    " p.ended_at, p.position, p.at, p.read_at, p.states, p.subject, p.body"

// Up to where the sent lists are complete, within one transaction.
#define HORIZON "posthouse.horizon"
#define AT_HORIZON "nullif(current_setting('" HORIZON "', true), '')::bigint"

// Due marks of one kind, leased; their records without the states of a whole one where `part` says so.
#define LEASE_MARKS(part)                                                                                           \
    "WITH " CLOCK ", due AS MATERIALIZED (SELECT k.id, k.due FROM posthouse_marks k"                                \
    " WHERE k.kind = $1::bigint::int AND k.due <= " NOW                                                             \
    " ORDER BY k.due LIMIT $2::bigint + 1 FOR UPDATE SKIP LOCKED),"                                                 \
    " sized AS (SELECT d.id, d.due, sum(octet_length(m.subject) + octet_length(m.body)) OVER (ORDER BY d.due, d.id" \
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes FROM due d JOIN posthouse_messages m ON m.id = "   \
    "d.id),"                                                                                                        \
    " taken AS MATERIALIZED (SELECT id, due FROM sized WHERE coalesce(bytes, 0) < 8388608"                          \
    " ORDER BY due, id LIMIT $2::bigint),"                                                                          \
    " moved AS (UPDATE posthouse_marks k SET due = " NOW " + $3::bigint FROM taken x"                               \
    " WHERE k.kind = $1::bigint::int AND k.id = x.id)"                                                              \
    " SELECT (SELECT count(*) FROM due) > (SELECT count(*) FROM taken), " part                                      \
    " FROM taken x JOIN posthouse_messages m ON m.id = x.id" RECORD_JOINS "ORDER BY x.due, x.id"

// Of an array, the item at the place that the row's id has in $1, ids in ascending order. Marks are found by = ANY($1), whatever
// the server believes of the outbox, which most of the time is empty: a join may be planned for reading all of it once for each that is given.
#define AT_ITS_PLACE "[width_bucket(o.id, $1::uuid[])]"

// The same of an inbox, of names in the order of their bytes in $5: that of the column's collation, which takes precedence.
#define ITS_INBOX "width_bucket(i.name, $5::text[])"
#define AT_ITS_INBOX "[" ITS_INBOX "]"

// Of an array of a batch, the item of the entry k.n; one that is the same for all comes as an array of one.
#define ITEM(type, parameter) "coalesce((" parameter "::" type "[])[k.n], (" parameter ")[1])"

// What an alert mark is written for, and what becomes of who is not delivered, of the rows k of `marked`.
#define DELIVER_ALERTS                                                                               \
    "INSERT INTO posthouse_marks(kind, id, due) SELECT 2, ($4::uuid[])[k.n], " NOW " + " ALERT_LEASE \
    " FROM marked k WHERE NOT k.late AND "
#define ALERT_LEASE ITEM("bigint", "$2")
#define KNOWN_PRIORITY ITEM("bigint", "$9")
#define ALERTS_AGAIN " ON CONFLICT (kind, id) DO UPDATE SET due = excluded.due"
#define DELIVER_LOST                                                                                  \
    "INSERT INTO posthouse_troubles(id, state, at) SELECT ($4::uuid[])[k.n], CASE WHEN k.late THEN 2" \
    " ELSE 4 END, " NOW " FROM marked k WHERE "
#define LOST_AGAIN " ON CONFLICT (id) DO UPDATE SET state = excluded.state, at = excluded.at"

// What an outbox mark must be for posthouse_outbox_later to hold it, in the words of the index; and to be leased.
#define OUTBOX_LATER "(o.delayed OR o.swept OR o.failed OR o.sends > 0)"
#define MINUTE_AGO "(lpad(to_hex(" NOW " - 60000), 12, '0') || '00000000000000000000')::uuid" // as an id
#define WALK_STEP "20000"
#define OUTBOX_DUE "o.due <= " NOW " AND (o.expires_at = 0 OR o.expires_at > " NOW ")"

// A column of a batch, by the number of its parameter: one that is the same in all rows comes as an array of one item, which
// unnest() fills up with NULL.
#define COLUMN(name, parameter) "coalesce(i." name ", (" parameter ")[1])"

// The positions of the sent lists. An append first says that it is under way, by a lock that it holds until it has been committed
// or has failed, then takes positions for all its messages at once. So what a reader of a list must wait for is who holds such
// a lock (SQL_SENT_WAIT), and appends wait neither for each other nor for readers. The lock's number is that of the block of
// positions behind which the append's own will be; as it moves with the sequence, a reader who waits for it is seldom in the
// way of a later append, which is right all the same.
#define UNDER_WAY_CLASS "1886352244" // "post" in ASCII: the first half of the lock's number
#define NUMBER_BITS "2147483647"
#define UNDER_WAY_FOUND                                                                                           \
    " FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ShareLock' AND objsubid = 2 AND classid " \
    "= " UNDER_WAY_CLASS " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
#define UNDER_WAY                                                                     \
    "under_way AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(" UNDER_WAY_CLASS \
    ", (last_value / " RDS_POSITIONS_TEXT " & " NUMBER_BITS ")::int) FROM posthouse_positions)"
#define NEXT_POSITIONS "nextval('posthouse_positions') - " RDS_POSITIONS_TEXT " AS positions"

#define APPEND_SENDER COLUMN("sender", "$2")
#define APPEND_RECIPIENTS COLUMN("recipients", "$3")
#define APPEND_DELIVER_AT COLUMN("deliver_at", "$4")
#define APPEND_EXPIRES_AT COLUMN("expires_at", "$5")
#define APPEND_PRIORITY COLUMN("priority", "$6")
#define APPEND_TRACE COLUMN("trace", "$7")
#define APPEND_CONTENT_TYPE COLUMN("content_type", "$8")
#define APPEND_ATTRIBUTES COLUMN("attributes", "$9")
#define APPEND_SUBJECT COLUMN("subject", "$10")
#define APPEND_BODY COLUMN("body", "$11")
#define APPEND_DUE_IN COLUMN("due_in", "$13")
#define APPEND_INSERT                                                                                                 \
    "INSERT INTO posthouse_messages(id, accepted_at, position, sender, recipients, deliver_at, expires_at, priority," \
    " trace, content_type, attributes, subject, body) SELECT i.id, g.now, g.positions + i.n, " APPEND_SENDER          \
    ", " APPEND_RECIPIENTS ", "
#define APPEND_MIXED                                                                                                \
    APPEND_INSERT APPEND_DELIVER_AT ", " APPEND_EXPIRES_AT ", " APPEND_PRIORITY ", " APPEND_TRACE                   \
                                    ", " APPEND_CONTENT_TYPE ", " APPEND_ATTRIBUTES ", " APPEND_SUBJECT             \
                                    ", " APPEND_BODY " FROM unnest($1::uuid[], $2::text[], $3::text[],"             \
                                    " $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[], "         \
                                    "$9::bytea[], $10::bytea[], $11::bytea[])"                                      \
                                    " WITH ORDINALITY i(id, sender, recipients, deliver_at, expires_at, priority, " \
                                    "trace, content_type, attributes,"                                              \
                                    " subject, body, n) CROSS JOIN go g"
// The same where what clients seldom give is alike in all messages: it is taken from its arrays once.
#define APPEND_ONCE                                                                                      \
    ", ($4::bigint[])[1] AS deliver_at, ($5::bigint[])[1] AS expires_at, ($6::bigint[])[1] AS priority," \
    " ($7::bytea[])[1] AS trace, ($8::bytea[])[1] AS content_type, ($9::bytea[])[1] AS attributes"
#define APPEND_ALIKE                                                                                               \
    APPEND_INSERT "g.deliver_at, g.expires_at, g.priority, g.trace, g.content_type, g.attributes, " APPEND_SUBJECT \
                  ", " APPEND_BODY " FROM unnest($1::uuid[], $2::text[], $3::text[], $10::bytea[], $11::bytea[])"  \
                  " WITH ORDINALITY i(id, sender, recipients, subject, body, n) CROSS JOIN go g"
// Of the names in the batch, u, who is no user.
#define APPEND_UNKNOWN "NOT EXISTS (SELECT 1 FROM posthouse_inboxes i WHERE i.name = u.name AND NOT i.removed)"
#define APPEND_GO "WITH " UNDER_WAY ", go AS MATERIALIZED (SELECT " NEXT_POSITIONS ", " TIME " AS now"
#define APPEND_KNOWN \
    " FROM under_way WHERE NOT EXISTS (SELECT 1 FROM unnest($12::text[]) u(name) WHERE " APPEND_UNKNOWN ")"
#define APPEND_NO_KEY                                                                 \
    " AND NOT EXISTS (SELECT 1 FROM unnest($14::text[], $15::bytea[]) i(sender, key)" \
    " JOIN posthouse_keys k ON k.sender = i.sender AND k.key = i.key)"
#define APPEND_MARKED                                                                                            \
    " RETURNING id, accepted_at, deliver_at, expires_at),"                                                       \
    " marks AS (" APPEND_MARKS " SELECT id, greatest(accepted_at + ($13::bigint[])[1], deliver_at), expires_at," \
    " greatest(accepted_at, deliver_at), deliver_at > accepted_at FROM messages)"
#define APPEND_KEYED ", " APPEND_KEYS ") i(sender, key, id, hash) CROSS JOIN go g" APPEND_KEYS_ORDER
#define APPEND_MARKS "INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed)"
// Keys go in in one order, so that two appends with the same ones do not end in a deadlock.
#define APPEND_KEYS                                                                                                  \
    "keys AS (INSERT INTO posthouse_keys(sender, key, id, hash, accepted_at) SELECT i.sender, i.key, i.id, i.hash, " \
    "g.now"                                                                                                          \
    " FROM unnest($14::text[], $15::bytea[], $16::uuid[], $17::bytea[]"
#define APPEND_KEYS_ORDER " ORDER BY i.sender COLLATE \"C\", i.key)"
#define APPEND_DONE " SELECT 0::bigint, 0::bigint, now, NULL::uuid, NULL::bytea FROM go"

const char *const rds_statements[RDS_STATEMENT_COUNT] = {
    [SQL_HEALTH] = "SELECT 1",
    [SQL_BARRIER] = "SELECT " BARRIER,

    // ---- append, as it mostly is: all names are known, and what is told apart by an index is new. go: where the positions
    // begin, and the clock; no row, and nothing is written, when anything is not as usual. The call is then tried again with
    // the whole statement.
    [SQL_APPEND_NEW] = APPEND_GO APPEND_KNOWN "), messages AS (" APPEND_MIXED APPEND_MARKED APPEND_DONE,
    [SQL_APPEND_KEYED] = APPEND_GO APPEND_KNOWN APPEND_NO_KEY
    "), messages AS (" APPEND_MIXED APPEND_MARKED APPEND_KEYED APPEND_DONE,
    [SQL_APPEND_ALIKE] = APPEND_GO APPEND_ONCE APPEND_KNOWN "), messages AS (" APPEND_ALIKE APPEND_MARKED APPEND_DONE,
    [SQL_APPEND_ALIKE_KEYED] = APPEND_GO APPEND_ONCE APPEND_KNOWN APPEND_NO_KEY
    "), messages AS (" APPEND_ALIKE APPEND_MARKED APPEND_KEYED APPEND_DONE,
    // The whole. What another transaction writes meanwhile (a key, a repeat) is found by the unique indexes: the call is then
    // tried again. A repeat may write nothing, and yet its answer is a promise: so the transaction is made one that waits for
    // the disk and the standby as SQL_BARRIER does, as what it found may have been cut off in its own wait for them.
    [SQL_APPEND] = APPEND_GO
    ", " BARRIER " FROM under_way),"
    " unknown AS MATERIALIZED (SELECT u.n FROM unnest($12::text[]) WITH ORDINALITY u(name, n)"
    " WHERE " APPEND_UNKNOWN "),"
    " stored AS MATERIALIZED (SELECT i.n, m.accepted_at FROM unnest($1::uuid[]) WITH ORDINALITY i(id, n)"
    " JOIN posthouse_messages m ON m.id = i.id),"
    " taken AS MATERIALIZED (SELECT i.n, k.id, k.hash, k.accepted_at"
    " FROM unnest($18::bigint[], $14::text[], $15::bytea[]) i(n, sender, key)"
    " JOIN posthouse_keys k ON k.sender = i.sender AND k.key = i.key),"
    " bad AS MATERIALIZED (SELECT n FROM stored UNION ALL SELECT n FROM taken UNION ALL SELECT p.n"
    " FROM unnest($19::bigint[], $20::bigint[]) p(n, name) WHERE p.name IN (SELECT n FROM unknown)),"
    " messages AS (" APPEND_MIXED " WHERE i.n NOT IN (SELECT n FROM bad)),"
    " marks AS (" APPEND_MARKS " SELECT i.id, greatest(g.now + " APPEND_DUE_IN ", " APPEND_DELIVER_AT
    "), " APPEND_EXPIRES_AT ", greatest(g.now, " APPEND_DELIVER_AT "), " APPEND_DELIVER_AT " > g.now"
    " FROM unnest($1::uuid[], $4::bigint[], $5::bigint[], $13::bigint[]) WITH ORDINALITY"
    " i(id, deliver_at, expires_at, due_in, n) CROSS JOIN go g WHERE i.n NOT IN (SELECT n FROM bad)), " APPEND_KEYS
    ", $18::bigint[]) i(sender, key, id, hash, n) CROSS JOIN go g"
    " WHERE i.n NOT IN (SELECT n FROM bad)" APPEND_KEYS_ORDER APPEND_DONE
    " UNION ALL SELECT 1, n, accepted_at, NULL, NULL FROM stored"
    " UNION ALL SELECT 2, n, accepted_at, id, hash FROM taken"
    " UNION ALL SELECT 3, n, 0, NULL, NULL FROM unknown",

    // ---- deliver, as it mostly is: the marks go, which locks them, in order of ids; a mark stays, and the message is left to
    // the whole statements, when it is early or expired, or has failures that this snapshot may not know. late: it expired
    // while this waited for the mark, which is gone by now: it ends as expired here.
    // marked: the large columns last, as most readers need the first ones; named: who is to get what; counted: the messages of
    // each inbox, by their places in $1, and where their positions begin; clock: the time, and whether any inbox is missing,
    // which spares the search for who is gone.
    [SQL_DELIVER_FRESH] =
        "WITH begun AS MATERIALIZED (SELECT " TIME " AS now),"
        " marked AS (DELETE FROM posthouse_outbox o USING posthouse_messages m"
        " WHERE o.id = ANY($1::uuid[]) AND m.id = o.id AND NOT o.failed AND m.deliver_at <= (SELECT now FROM begun)"
        " AND (m.expires_at = 0 OR m.expires_at > (SELECT now FROM begun))"
        " RETURNING ($3::bigint[])" AT_ITS_PLACE
        " AS n, m.priority, m.recipients, m.id, m.accepted_at, m.deliver_at, m.expires_at,"
        " octet_length(m.body)::bigint AS body_length, m.sender, m.trace, m.content_type, m.attributes,"
        " m.expires_at > 0 AND m.expires_at <= " TIME " AS late),"
        " named AS MATERIALIZED (SELECT k.n, unnest(string_to_array(k.recipients, ' ')) AS name"
        " FROM marked k WHERE NOT k.late),"
        " counted AS (UPDATE posthouse_inboxes i SET position = i.position + c.count"
        " FROM (SELECT s.name, count(*) AS count, array_agg(s.n) AS places"
        " FROM (SELECT name, n FROM named ORDER BY name, n) s GROUP BY s.name ORDER BY s.name) c"
        " WHERE i.name = c.name AND NOT i.removed"
        " RETURNING i.name, i.position - c.count AS position, c.count, c.places),"
        " clock AS MATERIALIZED (SELECT " TIME " AS now,"
        " coalesce(sum(count), 0) < (SELECT count(*) FROM named) AS short FROM counted),"
        " rows AS (INSERT INTO posthouse_deliveries(message, at, position, recipient)"
        " SELECT ($4::uuid[])[e.n], " NOW ", e.position, e.name FROM (SELECT c.name, unnest(c.places) AS n,"
        " generate_series(c.position + 1, c.position + c.count) AS position FROM counted c) e),"
        " alerts AS (" DELIVER_ALERTS "k.priority = 1" ALERTS_AGAIN "),"
        " lost AS (" DELIVER_LOST "k.late OR ((SELECT short FROM clock)"
        " AND k.n NOT IN (SELECT unnest(c.places) FROM counted c))" LOST_AGAIN ")"
        " SELECT k.n, k.id, k.sender, k.accepted_at, k.deliver_at, k.expires_at, k.priority::bigint, k.recipients,"
        " k.trace, k.content_type, k.attributes, k.body_length, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,"
        " NULL::bytea, k.late, false, " NOW " FROM marked k"
        " UNION ALL SELECT r.n, NULL, NULL, NULL, NULL, NULL, NULL, r.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
        " NULL, NULL, NULL, NULL, NULL FROM named r WHERE (SELECT short FROM clock)"
        " AND r.name NOT IN (SELECT name FROM counted)",
    // The same where all messages are known here, and none is to wait. One that has expired ends so. The inboxes come in order
    // of their names' bytes, in which they are locked, each with how many get in: their entries' numbers stand in $8 behind its
    // first. taken: whether any mark was there (else no counter moves), and whether all were; then nobody looks at them one by
    // one. Of a mark that was not there, the position stays free. Row 0: all was delivered; a row without `late` names who
    // is gone.
    [SQL_DELIVER_KNOWN] =
        "WITH marked AS (DELETE FROM posthouse_outbox o WHERE o.id = ANY($1::uuid[]) AND NOT o.failed"
        " RETURNING ($3::bigint[])" AT_ITS_PLACE " AS n, o.expires_at > 0 AND o.expires_at <= " TIME " AS late),"
        " taken AS MATERIALIZED (SELECT count(*) > 0 AS found, count(*) = cardinality($1::uuid[]) AS whole"
        " FROM marked WHERE NOT late),"
        " counted AS (UPDATE posthouse_inboxes i SET position = i.position + ($7::bigint[])" AT_ITS_INBOX
        " WHERE i.name = ANY($5::text[]) AND NOT i.removed AND (SELECT found FROM taken)"
        " RETURNING i.name, i.position, " ITS_INBOX " AS inbox),"
        " told AS MATERIALIZED (SELECT name, position - ($7::bigint[])[inbox] AS position,"
        " ($6::bigint[])[inbox] AS first, ($7::bigint[])[inbox] AS count FROM counted),"
        " clock AS MATERIALIZED (SELECT " TIME " AS now, count(*) < cardinality($5::text[]) AS short FROM counted),"
        " rows AS (INSERT INTO posthouse_deliveries(message, at, position, recipient)"
        " SELECT ($4::uuid[])[e.n], " NOW ", e.position, e.name FROM (SELECT c.name, c.position + c.nth AS position,"
        " ($8::bigint[])[c.first + c.nth] AS n"
        " FROM (SELECT c.*, generate_series(1, c.count) AS nth FROM told c) c) e"
        " WHERE (SELECT whole FROM taken) OR e.n IN (SELECT n FROM marked WHERE NOT late)),"
        " alerts AS (" DELIVER_ALERTS "1 = ANY($9::bigint[]) AND " KNOWN_PRIORITY " = 1" ALERTS_AGAIN "),"
        " lost AS (" DELIVER_LOST
        "(NOT (SELECT whole FROM taken) OR (SELECT short FROM clock)) AND (k.late OR k.n NOT IN"
        " (SELECT ($8::bigint[])[c.first + c.nth] FROM (SELECT c.first, generate_series(1, c.count) AS nth"
        " FROM told c) c))" LOST_AGAIN ")"
        " SELECT 0::bigint, false, now, NULL::text FROM clock WHERE (SELECT whole FROM taken)"
        " UNION ALL SELECT k.n, k.late, " NOW ", NULL FROM marked k WHERE NOT (SELECT whole FROM taken)"
        " UNION ALL SELECT g.n, NULL, NULL, g.name FROM (SELECT c.name, ($8::bigint[])[c.first + c.nth] AS n"
        " FROM (SELECT c.*, generate_series(1, c.count) AS nth"
        " FROM unnest($5::text[], $6::bigint[], $7::bigint[]) c(name, first, count)) c) g"
        " WHERE (SELECT short FROM clock) AND g.name NOT IN (SELECT name FROM counted)"
        " AND g.n IN (SELECT n FROM marked WHERE NOT late)",
    // ---- endings, the whole. Marks are locked in order of their ids, then inboxes in order of their names.
    [SQL_DELIVER_MARKS] = "SELECT 1 FROM posthouse_outbox WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE",
    // marked: everything with a mark, the large columns last, as most readers need the first ones; named: who is to get
    // what; inboxes: their counters, as they are when the lock is there, which the snapshot may not know yet; each: named,
    // every name's behind the counter of its inbox (n = 0) if there is one, so that no index is asked again. place is
    // where the mark lies: it is locked, so it stays there.
    [SQL_DELIVER] =
        "WITH begun AS MATERIALIZED (SELECT " TIME " AS now),"
        " marked AS MATERIALIZED (SELECT ($3::bigint[])" AT_ITS_PLACE " AS n, o.id, o.ctid AS place,"
        " m.expires_at > 0 AND m.expires_at <= b.now AS expired, m.deliver_at > b.now AS early, o.due,"
        " m.priority, m.accepted_at, m.deliver_at, m.expires_at, octet_length(m.body)::bigint AS body_length,"
        " m.recipients, m.sender, m.trace, m.content_type, m.attributes"
        " FROM begun b CROSS JOIN posthouse_outbox o JOIN posthouse_messages m ON m.id = o.id"
        " WHERE o.id = ANY($1::uuid[])),"
        " named AS MATERIALIZED (SELECT k.n, k.id, unnest(string_to_array(k.recipients, ' ')) AS name"
        " FROM marked k WHERE NOT k.expired AND NOT k.early),"
        " inboxes AS MATERIALIZED (SELECT i.name, i.position, i.removed FROM posthouse_inboxes i"
        " WHERE i.name IN (SELECT name FROM named) ORDER BY i.name FOR UPDATE),"
        " clock AS MATERIALIZED (SELECT " TIME " AS now"
        " FROM (SELECT count(*) FROM inboxes) l),"
        " each AS MATERIALIZED (SELECT n, id, name, first_value(position) OVER own IS NOT NULL AS known,"
        " first_value(position) OVER own + row_number() OVER own - 1 AS position"
        " FROM (SELECT 0::bigint, NULL::uuid, i.name, i.position FROM inboxes i WHERE NOT i.removed"
        " UNION ALL SELECT r.n, r.id, r.name, NULL FROM named r) u(n, id, name, position)"
        " WINDOW own AS (PARTITION BY name ORDER BY n)),"
        " rows AS (INSERT INTO posthouse_deliveries(message, at, position, recipient)"
        " SELECT e.id, c.now, e.position, e.name FROM each e CROSS JOIN clock c WHERE e.known AND e.n > 0),"
        " counted AS (UPDATE posthouse_inboxes i SET position = e.position"
        " FROM (SELECT name, max(position) AS position FROM each WHERE known GROUP BY name) e WHERE i.name = e.name),"
        " alerts AS (INSERT INTO posthouse_marks(kind, id, due) SELECT 2, k.id, c.now"
        " + coalesce(($2::bigint[])[k.n], ($2)[1])"
        " FROM marked k CROSS JOIN clock c WHERE k.priority = 1 AND NOT k.expired AND NOT k.early"
        " ON CONFLICT (kind, id) DO UPDATE SET due = excluded.due),"
        " lost AS (INSERT INTO posthouse_troubles(id, state, at) SELECT k.id, CASE WHEN k.expired THEN 2 ELSE 4 END, "
        "c.now"
        " FROM marked k CROSS JOIN clock c"
        " WHERE k.expired OR (NOT k.early AND k.n NOT IN (SELECT n FROM each WHERE known))"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state, at = excluded.at),"
        " removed AS (DELETE FROM posthouse_outbox o"
        " WHERE o.ctid = ANY(ARRAY(SELECT k.place FROM marked k WHERE k.expired OR NOT k.early))),"
        " moved AS (UPDATE posthouse_outbox o SET due = k.deliver_at FROM marked k"
        " WHERE o.id = k.id AND k.early AND NOT k.expired AND o.due <> k.deliver_at)"
        " SELECT k.n, k.id, k.sender, k.accepted_at, k.deliver_at, k.expires_at, k.priority::bigint, k.recipients, "
        "k.trace,"
        " k.content_type, k.attributes, k.body_length, k.due, coalesce(t.failures, 0),"
        " coalesce(t.first_failed_at, 0), coalesce(t.last_failed_at, 0), coalesce(t.reason, ''), k.expired,"
        " k.early AND NOT k.expired, c.now"
        " FROM marked k CROSS JOIN clock c LEFT JOIN posthouse_troubles t ON t.id = k.id"
        " UNION ALL SELECT e.n, NULL, NULL, NULL, NULL, NULL, NULL, e.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
        "NULL,"
        " NULL, NULL, NULL, NULL FROM each e WHERE NOT e.known",
    [SQL_RECORD_HEADS] =
        "SELECT w.n, " RECORD_HEAD("0", "0", "0") " FROM unnest($1::uuid[]) WITH ORDINALITY w(id, n)"
                                                  " JOIN posthouse_messages m ON m.id = w.id" RECORD_JOINS,
    [SQL_FAIL_LOCK] = "WITH locked AS MATERIALIZED (SELECT id FROM posthouse_outbox WHERE id = $1::uuid FOR UPDATE)"
                      " SELECT 1 FROM posthouse_counters c WHERE c.name = 'dead' AND (SELECT count(*) FROM locked) > 0"
                      " FOR UPDATE OF c",
    [SQL_FAIL] =
        "WITH " CLOCK ","
        " verdict AS MATERIALIZED (SELECT o.id, coalesce(t.failures, 0) AS failures,"
        " $2::bigint = coalesce(t.failures, 0) + 1 AS counts,"
        " $2::bigint = coalesce(t.failures, 0) + 1 AND $2::bigint >= $3::bigint AS dies"
        " FROM posthouse_outbox o LEFT JOIN posthouse_troubles t ON t.id = o.id WHERE o.id = $1::uuid),"
        " counted AS (UPDATE posthouse_counters c SET value = c.value + 1 FROM verdict v"
        " WHERE c.name = 'dead' AND v.dies RETURNING c.value),"
        " recorded AS (INSERT INTO posthouse_troubles AS t(id, failures, first_failed_at, last_failed_at, reason, "
        "state, at,"
        " dead_position) SELECT v.id, $2::bigint, c.now, c.now, $5::bytea, CASE WHEN v.dies THEN 3 ELSE 0 END,"
        " CASE WHEN v.dies THEN c.now ELSE 0 END, (SELECT value FROM counted)"
        " FROM verdict v CROSS JOIN clock c WHERE v.counts"
        " ON CONFLICT (id) DO UPDATE SET failures = excluded.failures,"
        " first_failed_at = CASE WHEN t.first_failed_at = 0 THEN excluded.first_failed_at ELSE t.first_failed_at END,"
        " last_failed_at = excluded.last_failed_at, reason = excluded.reason, state = excluded.state, at = excluded.at,"
        " dead_position = excluded.dead_position),"
        " moved AS (UPDATE posthouse_outbox o SET due = " NOW " + $4::bigint, failed = true"
        " FROM verdict v WHERE o.id = v.id AND v.counts AND NOT v.dies),"
        " removed AS (DELETE FROM posthouse_outbox o USING verdict v WHERE o.id = v.id AND v.dies),"
        " marked AS (INSERT INTO posthouse_marks(kind, id, due) SELECT 3, v.id, c.now FROM verdict v CROSS JOIN clock c"
        " WHERE v.dies ON CONFLICT (kind, id) DO UPDATE SET due = excluded.due)"
        " SELECT v.failures, v.counts, v.dies FROM verdict v",
    [SQL_EXPIRE] =
        "WITH " CLOCK ","
        " late AS MATERIALIZED (SELECT id, expires_at FROM posthouse_outbox WHERE expires_at > 0 AND expires_at <= " NOW
        " ORDER BY expires_at LIMIT $1::bigint + 1 FOR UPDATE SKIP LOCKED),"
        " taken AS MATERIALIZED (SELECT id FROM late ORDER BY expires_at LIMIT $1::bigint),"
        " removed AS (DELETE FROM posthouse_outbox o USING taken x WHERE o.id = x.id),"
        " ended AS (INSERT INTO posthouse_troubles(id, state, at) SELECT x.id, 2, c.now FROM taken x CROSS JOIN clock c"
        " ON CONFLICT (id) DO UPDATE SET state = excluded.state, at = excluded.at),"
        " marked AS (INSERT INTO posthouse_marks(kind, id, due) SELECT 3, x.id, c.now FROM taken x CROSS JOIN clock c"
        " ON CONFLICT (kind, id) DO UPDATE SET due = excluded.due)"
        " SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM late) > $1::bigint",
    // Whoever removes the row owns the dead letter: another redrive, or a purge, finds it gone.
    [SQL_REDRIVE] = "WITH " CLOCK ", dead AS (DELETE FROM posthouse_troubles"
                    " WHERE id = $1::uuid AND dead_position IS NOT NULL RETURNING id)"
                    " INSERT INTO posthouse_outbox(id, due, expires_at, ready_at, delayed, swept)"
                    " SELECT m.id, c.now, m.expires_at, greatest(m.accepted_at, m.deliver_at), false, true"
                    " FROM dead d JOIN posthouse_messages m ON m.id = d.id CROSS JOIN clock c RETURNING 1",

    // ---- marks. What is locked is being delivered, or leased by another daemon: it is left alone.
    [SQL_POSTPONE] = "WITH " CLOCK ", free AS MATERIALIZED (SELECT o.id FROM posthouse_outbox o"
                     " WHERE o.id = ANY($1::uuid[]) ORDER BY o.id FOR UPDATE OF o SKIP LOCKED)"
                     " UPDATE posthouse_outbox o SET due = " NOW " + ($2::bigint[])" AT_ITS_PLACE
                     ", sends = o.sends + 1"
                     " WHERE o.id = ANY (ARRAY(SELECT id FROM free)) RETURNING ($3::bigint[])" AT_ITS_PLACE,
    // A daemon that was stopped while it sent a job: its session is within a statement, as far as the server knows, and
    // waits for the rest, with all locks; no time-out of the server applies. Sessions of one's own role may be ended.
    [SQL_UNSTICK] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user"
                    " AND datname = current_database() AND pid <> pg_backend_pid()"
                    " AND application_name = current_setting('application_name')"
                    " AND state = 'active' AND wait_event = 'ClientRead'"
                    " AND query_start < clock_timestamp() - make_interval(secs => $1::bigint / 1000.0)",
    // later, fresh: see tables.c. The fresh marks of the last minute are looked at each time, in order of ids, which nearly is that
    // of their due times. Older ones are rare, and behind them may be any number that wait for the queue: a walk from $3 on looks
    // at so many, and the answer tells where it goes on: at the first that was left, or behind them; NULL: it is over.
    // moved: by an array, as a join may be planned, while the table is empty, for reading all of it once for each that is taken.
    [SQL_LEASE_OUTBOX] =
        "WITH " CLOCK ", later AS MATERIALIZED (SELECT o.id, o.due, o.sends FROM posthouse_outbox o"
        " WHERE " OUTBOX_LATER " AND " OUTBOX_DUE " ORDER BY o.due LIMIT $1::bigint + 1 FOR UPDATE SKIP LOCKED),"
        " fresh AS MATERIALIZED (SELECT o.id, o.due, o.sends FROM posthouse_outbox o"
        " WHERE NOT " OUTBOX_LATER " AND o.id >= " MINUTE_AGO " AND " OUTBOX_DUE
        " ORDER BY o.id LIMIT $1::bigint + 1 FOR UPDATE SKIP LOCKED),"
        " walk AS MATERIALIZED (SELECT o.id FROM posthouse_outbox o WHERE o.id >= $3::uuid AND o.id < " MINUTE_AGO
        " ORDER BY o.id OFFSET " WALK_STEP " LIMIT 1),"
        " old AS MATERIALIZED (SELECT o.id, o.due, o.sends FROM posthouse_outbox o"
        " WHERE NOT " OUTBOX_LATER " AND o.id >= $3::uuid AND o.id < coalesce((SELECT id FROM walk), " MINUTE_AGO ")"
        " AND " OUTBOX_DUE " ORDER BY o.id LIMIT $1::bigint + 1 FOR UPDATE SKIP LOCKED),"
        " due AS MATERIALIZED (SELECT * FROM later UNION ALL SELECT * FROM fresh UNION ALL SELECT * FROM old),"
        " taken AS MATERIALIZED (SELECT * FROM due ORDER BY due, id LIMIT $1::bigint),"
        " moved AS (UPDATE posthouse_outbox SET due = " NOW " + $2::bigint, swept = true"
        " WHERE id = ANY (ARRAY(SELECT id FROM taken)))"
        " SELECT (SELECT count(*) FROM due) > (SELECT count(*) FROM taken),"
        " coalesce((SELECT f.id FROM old f WHERE f.id NOT IN (SELECT id FROM taken) ORDER BY f.id LIMIT 1),"
        " (SELECT id FROM walk)), x.id, x.trace, x.sends FROM clock LEFT JOIN (SELECT t.id, t.due, t.sends, m.trace"
        " FROM taken t JOIN posthouse_messages m ON m.id = t.id) x ON true ORDER BY x.due, x.id",
    [SQL_LEASE_ALERTS] = LEASE_MARKS(RECORD_WHOLE("0", RECORD_STATES)),
    [SQL_LEASE_DOCUMENTS] = LEASE_MARKS(RECORD_HEAD("0", "0", "0")),
    [SQL_SETTLE] = "DELETE FROM posthouse_marks k USING unnest($1::uuid[], $2::bigint[]) w(id, kind)"
                   " WHERE k.kind = w.kind::int AND k.id = w.id",
    [SQL_MARK] = "WITH " CLOCK ", found AS MATERIALIZED (SELECT m.id, w.n, w.due_in"
                 " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) w(id, due_in, n)"
                 " JOIN posthouse_messages m ON m.id = w.id FOR KEY SHARE OF m),"
                 " written AS (INSERT INTO posthouse_marks(kind, id, due) SELECT 3, f.id, " NOW
                 " + f.due_in FROM found f"
                 " ON CONFLICT (kind, id) DO UPDATE SET due = excluded.due) SELECT n FROM found",

    // ---- what readers see and change. An inbox and its head are of one snapshot.
    [SQL_INBOX_READ] =
        "WITH " CLOCK " SELECT q.n, i.position, " PAGE_COLUMNS
        " FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY"
        " q(name, after, count, bytes, n) JOIN posthouse_inboxes i ON i.name = q.name AND NOT i.removed"
        " LEFT JOIN LATERAL " PAGE(
            "SELECT " RECORD_DELIVERED " FROM posthouse_deliveries d JOIN posthouse_messages m ON m.id = d.message"
            " LEFT JOIN posthouse_troubles t ON t.id = m.id "
            "WHERE d.recipient = q.name AND d.listed AND d.position > q.after"
            " AND (m.expires_at = 0 OR m.expires_at > " NOW ") ORDER BY d.position LIMIT q.count",
            "q.bytes") " p ON true ORDER BY q.n, p.position",
    [SQL_INBOX_HEAD] = "SELECT q.n, i.position FROM unnest($1::text[]) WITH ORDINALITY q(name, n)"
                       " JOIN posthouse_inboxes i ON i.name = q.name AND NOT i.removed",
    [SQL_INBOX_ACK] = "WITH " CLOCK ", held AS MATERIALIZED (SELECT d.message FROM unnest($2::uuid[]) w(id)"
                      " JOIN posthouse_deliveries d ON d.message = w.id AND d.recipient = $1::text AND d.listed"
                      " JOIN posthouse_messages m ON m.id = w.id AND (m.expires_at = 0 OR m.expires_at > " NOW ")"
                      " WHERE EXISTS (SELECT 1 FROM posthouse_inboxes i WHERE i.name = $1::text AND NOT i.removed)),"
                      " read AS (UPDATE posthouse_deliveries d SET read_at = " NOW " FROM held h"
                      " WHERE d.message = h.message AND d.recipient = $1::text AND d.read_at = 0 AND d.listed)"
                      " SELECT count(*) FROM held",
    [SQL_INBOX_REMOVE] = "WITH " CLOCK ", held AS MATERIALIZED (SELECT d.message, d.listed,"
                         " m.expires_at > 0 AND m.expires_at <= " NOW " AS expired FROM posthouse_deliveries d"
                         " JOIN posthouse_messages m ON m.id = d.message"
                         " WHERE d.message = $2::uuid AND d.recipient = $1::text"
                         " AND EXISTS (SELECT 1 FROM posthouse_inboxes i WHERE i.name = $1::text AND NOT i.removed)),"
                         " removed AS (UPDATE posthouse_deliveries d SET listed = false FROM held h"
                         " WHERE d.message = h.message AND d.recipient = $1::text AND d.listed AND NOT h.expired)"
                         " SELECT listed, expired FROM held",
    [SQL_MESSAGE_GET] = "WITH " CLOCK " SELECT " RECORD_WHOLE(
        "0", RECORD_STATES) " FROM posthouse_messages m" RECORD_JOINS "WHERE m.id = $2::uuid"
                            " AND EXISTS (SELECT 1 FROM posthouse_inboxes i WHERE i.name = $1::text AND NOT i.removed)"
                            " AND (m.sender = $1::text OR ((m.expires_at = 0 OR m.expires_at > " NOW ")"
                            " AND EXISTS (SELECT 1 FROM posthouse_deliveries d"
                            " WHERE d.message = m.id AND d.recipient = $1::text AND d.listed)))",
    // Positions of sent messages, in three steps, as each needs a snapshot behind the one before: up to where they were given;
    // until all appends are over that were under way then; and the list, no further than that. What begins later is beyond.
    [SQL_SENT_HORIZON] = "SELECT set_config('" HORIZON "', last_value::text, true),"
                         " set_config('lock_timeout', $1::bigint::text, true) FROM posthouse_positions",
    [SQL_SENT_WAIT] = "SELECT pg_advisory_xact_lock(" UNDER_WAY_CLASS ", w.number::bigint::int)"
                      " FROM (SELECT objid AS number" UNDER_WAY_FOUND " ORDER BY objid OFFSET 0) w",
    // Instead of the wait, when it is in vain: up to where the first of those begins that are under way. One whose number is
    // ahead has begun since.
    [SQL_SENT_BELOW] = "SELECT set_config('" HORIZON
                       "', least(h.horizon, min((h.block - (h.block - w.number & " NUMBER_BITS "))"
                       " * " RDS_POSITIONS_TEXT "))::text, true) FROM (SELECT " AT_HORIZON " AS horizon, " AT_HORIZON
                       " / " RDS_POSITIONS_TEXT " AS block) h"
                       " LEFT JOIN (SELECT objid::bigint AS number" UNDER_WAY_FOUND
                       ") w ON (h.block - w.number & " NUMBER_BITS ") < 1073741824 GROUP BY h.horizon",
    // The head is the highest that is there, or that was when a purge removed it.
    [SQL_SENT_READ] =
        "SELECT greatest(s.removed_to, (SELECT m.position FROM posthouse_messages m WHERE m.sender = s.name"
        " AND m.position <= " AT_HORIZON " ORDER BY m.position DESC LIMIT 1)), " PAGE_COLUMNS
        " FROM posthouse_senders s"
        " JOIN posthouse_inboxes i ON i.name = s.name AND NOT i.removed"
        " LEFT JOIN LATERAL " PAGE(
            "SELECT " RECORD_WHOLE(
                "m.position",
                RECORD_STATES) " FROM posthouse_messages m" RECORD_JOINS
                               "WHERE m.sender = s.name AND m.position > $2::bigint AND m.position <= " AT_HORIZON
                               " ORDER BY m.position LIMIT $3::bigint",
            "$4::bigint") " p ON true WHERE s.name = $1::text ORDER BY p.position",
    [SQL_DEAD_READ] = "SELECT c.value, p.* FROM posthouse_counters c LEFT JOIN LATERAL (SELECT " RECORD_HEAD(
        "t.dead_position", "0", "0") " FROM posthouse_troubles t JOIN posthouse_messages m ON m.id = t.id"
                                     " LEFT JOIN posthouse_outbox o ON o.id = m.id"
                                     " WHERE t.dead_position IS NOT NULL AND t.dead_position > $1::bigint"
                                     " ORDER BY t.dead_position LIMIT $2::bigint) p ON true WHERE c.name = 'dead'",

    // ---- users and sessions
    [SQL_USER_ADD] = "WITH " CLOCK ", added AS (INSERT INTO posthouse_users(name, request, password, roles, created_at)"
                     " SELECT $1::text, $2::uuid, $3::bytea, $4::bigint, now FROM clock"
                     " ON CONFLICT (name) DO NOTHING RETURNING name),"
                     " inbox AS (INSERT INTO posthouse_inboxes(name) SELECT name FROM added)"
                     " INSERT INTO posthouse_senders(name) SELECT name FROM added",
    [SQL_USER_ADDED] = "SELECT request = $2::uuid FROM posthouse_users WHERE name = $1::text",
    [SQL_USER_GET] = "SELECT q.n, u.password, u.roles, u.created_at FROM unnest($1::text[]) WITH ORDINALITY q(name, n)"
                     " JOIN posthouse_users u ON u.name = q.name WHERE u.removed_at = 0",
    [SQL_USER_LIST] = "SELECT name, roles, created_at FROM posthouse_users WHERE name > $1::text AND removed_at = 0"
                      " ORDER BY name LIMIT $2::bigint",
    [SQL_USER_PASSWORD] = "WITH changed AS (UPDATE posthouse_users SET password = $2::bytea"
                          " WHERE name = $1::text AND removed_at = 0 RETURNING name),"
                          " ended AS (DELETE FROM posthouse_sessions s USING changed u"
                          " WHERE s.name = u.name AND s.token <> $3::bytea) SELECT count(*) FROM changed",
    [SQL_USER_REMOVE] = "WITH " CLOCK ", gone AS (UPDATE posthouse_users SET removed_at = greatest(" NOW ", 1),"
                        " password = '' WHERE name = $1::text AND removed_at = 0 RETURNING name),"
                        " closed AS (UPDATE posthouse_inboxes i SET removed = true FROM gone u WHERE i.name = u.name),"
                        " ended AS (DELETE FROM posthouse_sessions s USING gone u WHERE s.name = u.name)"
                        " SELECT (SELECT count(*) FROM gone),"
                        " (SELECT count(*) FROM posthouse_users WHERE name = $1::text)",
    [SQL_SESSION_ADD] = "WITH " CLOCK " INSERT INTO posthouse_sessions(token, name, expires_at)"
                        " SELECT $1::bytea, u.name, " NOW " + $3::bigint FROM posthouse_users u"
                        " WHERE u.name = $2::text AND u.removed_at = 0 ON CONFLICT (token) DO NOTHING",
    [SQL_SESSION_ADDED] = "SELECT u.name, u.roles, s.expires_at FROM posthouse_sessions s"
                          " JOIN posthouse_users u ON u.name = s.name WHERE s.token = $1::bytea AND u.removed_at = 0",
    [SQL_SESSION_GET] = "WITH " CLOCK " SELECT q.n, u.name, u.roles, s.expires_at"
                        " FROM unnest($1::bytea[]) WITH ORDINALITY q(token, n)"
                        " JOIN posthouse_sessions s ON s.token = q.token AND s.expires_at > " NOW
                        " JOIN posthouse_users u ON u.name = s.name AND u.removed_at = 0",
    [SQL_SESSION_REMOVE] = "DELETE FROM posthouse_sessions WHERE token = ANY($1::bytea[])",

    // ---- purge: each removes at most so many rows, and leaves what is locked for the next time. Rows are found again by
    // their place, which their lock holds still: a join would be planned for a share of the table that LIMIT does not tell.
    [SQL_PURGE_SESSIONS] = "WITH " CLOCK ", gone AS (DELETE FROM posthouse_sessions WHERE ctid = ANY (ARRAY"
                           "(SELECT ctid FROM posthouse_sessions WHERE expires_at <= " NOW " LIMIT $1::bigint"
                           " FOR UPDATE SKIP LOCKED)) RETURNING 1) SELECT count(*) FROM gone",
    [SQL_PURGE_KEYS] = "WITH " CLOCK ", gone AS (DELETE FROM posthouse_keys WHERE ctid = ANY (ARRAY"
                       "(SELECT ctid FROM posthouse_keys WHERE accepted_at < " NOW " - $1::bigint"
                       " LIMIT $2::bigint FOR UPDATE SKIP LOCKED)) RETURNING 1) SELECT count(*) FROM gone",
    [SQL_PURGE_INBOX] =
        "WITH who AS MATERIALIZED (SELECT name FROM posthouse_users"
        " WHERE removed_at > 0 AND NOT swept ORDER BY name LIMIT 1),"
        " gone AS (UPDATE posthouse_deliveries SET listed = false WHERE (message, recipient) IN"
        " (SELECT d.message, d.recipient FROM who w JOIN posthouse_deliveries d ON d.recipient = w.name"
        " WHERE d.listed LIMIT $1::bigint) RETURNING 1),"
        " done AS (UPDATE posthouse_users u SET swept = true FROM who w WHERE u.name = w.name"
        " AND NOT EXISTS (SELECT 1 FROM posthouse_deliveries d WHERE d.recipient = w.name AND d.listed))"
        " SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM who)",
#define PURGE_OLD                                                                                      \
    CLOCK ", look AS MATERIALIZED (SELECT id, accepted_at FROM posthouse_messages WHERE id > $1::uuid" \
          " ORDER BY id LIMIT $2::bigint),"                                                            \
          " old AS MATERIALIZED (SELECT l.id FROM look l WHERE l.accepted_at < " NOW " - $3::bigint"   \
          " AND NOT EXISTS (SELECT 1 FROM posthouse_outbox o WHERE o.id = l.id)"                       \
          " AND NOT EXISTS (SELECT 1 FROM posthouse_marks k WHERE k.kind IN (2, 3) AND k.id = l.id)"   \
          " AND greatest((SELECT max(d.at) FROM posthouse_deliveries d WHERE d.message = l.id),"       \
          " (SELECT t.at FROM posthouse_troubles t WHERE t.id = l.id)) < " NOW " - $3::bigint)"
    // The lock comes in a statement of its own, so that the next one sees what was written meanwhile: a document mark, say.
    [SQL_PURGE_LOCK] = "WITH " PURGE_OLD " SELECT count(*) FROM (SELECT m.id FROM old x"
                       " JOIN posthouse_messages m ON m.id = x.id ORDER BY m.id FOR UPDATE OF m) locked",
    [SQL_PURGE_MESSAGES] =
        "WITH " PURGE_OLD ","
        " troubled AS MATERIALIZED (SELECT x.id FROM old x JOIN posthouse_troubles t ON t.id = x.id),"
        " ended AS (DELETE FROM posthouse_troubles WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id),"
        " mine AS MATERIALIZED (SELECT id FROM old WHERE id NOT IN (SELECT id FROM troubled)"
        " UNION ALL SELECT id FROM ended),"
        " got AS (DELETE FROM posthouse_deliveries WHERE message = ANY (ARRAY(SELECT id FROM mine)) RETURNING 1),"
        " gone AS (DELETE FROM posthouse_messages WHERE id = ANY (ARRAY(SELECT id FROM mine)) RETURNING sender, "
        "position),"
        " heads AS (UPDATE posthouse_senders s SET removed_to = g.position"
        " FROM (SELECT sender, max(position) AS position FROM gone GROUP BY sender ORDER BY sender) g"
        " WHERE s.name = g.sender AND s.removed_to < g.position)"
        " SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM got) + (SELECT count(*) FROM ended),"
        " (SELECT count(*) FROM look), l.id, l.accepted_at < " NOW " - $3::bigint"
        " FROM look l ORDER BY l.id DESC LIMIT 1",
    [SQL_STATS] = "WITH " CLOCK " SELECT (SELECT count(*) FROM posthouse_outbox),"
                  " coalesce((SELECT ready_at FROM posthouse_outbox WHERE NOT delayed ORDER BY id LIMIT 1), 0),"
                  " coalesce((SELECT min(ready_at) FROM posthouse_outbox WHERE delayed), 0),"
                  " (SELECT count(*) FROM posthouse_troubles WHERE dead_position IS NOT NULL),"
                  " (SELECT count(*) FROM posthouse_marks WHERE kind = 2),"
                  " (SELECT count(*) FROM posthouse_marks WHERE kind = 3), now FROM clock",
};
