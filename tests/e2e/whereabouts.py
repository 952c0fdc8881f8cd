# SPDX-License-Identifier: Apache-2.0
"""Where messages are that have not arrived: what a failed reckoning tells.

Looked up behind the daemon's back, in storage's tables and in the queue, as it may be the daemon that is wrong; beside it what
the daemon itself says. What cannot be asked is said to be so, and hides nothing else.
"""

import collections
import contextlib
import sqlite3
import time
import uuid

DETAILED = 20  # so many messages are told one by one
LINES = 60  # of the log, its last
METRICS = ('posthouse_outbox_', 'posthouse_queue_', 'posthouse_dead_', 'posthouse_jobs_', 'posthouse_backend_breaker_state',
           'posthouse_backend_calls_', 'posthouse_messages_', 'posthouse_backend_entries_total{kind="queue"')


def whereabouts(daemon, ids):
    """A text: the marks of these messages, how many jobs the queue has, what the daemon says of itself and has logged."""
    parts = {'marks': lambda: _marks_text(daemon, ids), 'queue': lambda: _queue_text(daemon),
             'readiness': lambda: str(daemon.readiness()), 'metrics': lambda: _metrics_text(daemon),
             'log': lambda: _log_text(daemon)}
    text = []
    for name, ask in parts.items():
        try:
            text.append(f'{name}: {ask()}')
        except Exception as problem:  # whatever it is: the failure that is being told is another one
            text.append(f'{name}: could not be asked: {problem!r}')
    return '\n'.join(text)


def _marks_text(daemon, ids):
    found = _marks(daemon, ids)
    kinds = collections.Counter(_kind(found.get(message)) for message in ids)
    lines = [f'{count} × {kind}' for kind, count in kinds.most_common()]
    lines += [f'{message}: {found.get(message)}' for message in ids[:DETAILED]]
    return '\n    '.join([f'of {len(ids)} messages', *lines])


def _kind(row):
    """What many have in common."""
    if row is None:
        return 'not in storage'
    if row['due'] is None:
        return 'no mark'
    due = 'due' if row['due_in_s'] <= 0 else 'due within 30 s' if row['due_in_s'] <= 30 else 'due later'
    flags = [name for name in ('delayed', 'swept', 'failed') if row.get(name)]
    return ', '.join([f'mark with {row["sends"]} sends', due, *flags])


def _marks(daemon, ids):
    """Id → what storage has of the message: its mark (`due` is None without one) and its failures."""
    if daemon.cluster is not None:
        rows = daemon.cluster.sql(
            'SELECT m.id::text, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,'
            ' coalesce(to_jsonb(o), \'{"due": null}\'), to_jsonb(t),'
            ' (SELECT count(*) FROM posthouse_deliveries d WHERE d.message = m.id) FROM posthouse_messages m'
            ' LEFT JOIN posthouse_outbox o ON o.id = m.id LEFT JOIN posthouse_troubles t ON t.id = m.id'
            ' WHERE m.id = ANY(%s::uuid[])', [ids], database=daemon.database_name)
        return {message: _with_due({**mark, 'troubles': troubles, 'deliveries': deliveries}, now)
                for message, now, mark, troubles, deliveries in rows}
    found = {}
    with contextlib.closing(sqlite3.connect(daemon.database, timeout=60)) as connection:
        connection.row_factory = sqlite3.Row
        for message in ids:
            for row in connection.execute(
                    'SELECT o.due, o.sends, o.expires_at, o.delayed, f.failures, f.position AS dead_position,'
                    ' (SELECT group_concat(r.state) FROM storage_recipients r WHERE r.message = m.message) AS states'
                    ' FROM storage_messages m LEFT JOIN storage_outbox o ON o.message = m.message'
                    ' LEFT JOIN storage_failures f ON f.message = m.message WHERE m.id = ?', [uuid.UUID(message).bytes]):
                found[message] = _with_due(dict(row), time.time() * 1000)
    return found


def _with_due(row, now):
    return row if row['due'] is None else {**row, 'due_in_s': (row['due'] - now) / 1000}


def _queue_text(daemon):
    if daemon.cloud is not None:
        return str(daemon.cloud.queue_counts(daemon))
    with contextlib.closing(sqlite3.connect(daemon.database, timeout=60)) as connection:
        jobs, hidden, receives = connection.execute(
            'SELECT count(*), total(visible_at > ?), max(receives) FROM queue_jobs', [time.time() * 1000]).fetchone()
    return f'{jobs} jobs, {hidden:.0f} of them hidden, received up to {receives} times'


def _metrics_text(daemon):
    return '\n    '.join(['', *(f'{name} {value:g}' for name, value in daemon.metrics().items() if name.startswith(METRICS))])


def _log_text(daemon):
    lines = [line for line in daemon.log_text().split('\n') if '"level":"debug"' not in line]
    return '\n    '.join([f'the end of {daemon.log_path}', *lines[-LINES:]])
