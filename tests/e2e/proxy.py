# SPDX-License-Identifier: Apache-2.0
"""A network in trouble, between a daemon and PostgreSQL: a TCP proxy that passes, delays, cuts, resets and loses answers.

It reads just enough of the protocol (PostgreSQL 15, chapter 55) to know which transactions write and when one has been
committed: the server's ReadyForQuery is the answer to a Sync or a simple query, and one of these ends each transaction.
Clear text only (sslmode=disable).
"""

import contextlib
import re
import socket
import struct
import threading
import time

WRITES = re.compile(r'\b(insert|update|delete|truncate)\b', re.IGNORECASE)
STARTUP_ANSWERED_BY_A_BYTE = {80877103, 80877104}  # SSLRequest, GSSENCRequest
CHUNK = 65536


def messages_in(buffer):
    """Takes the whole messages off a buffer: (type, body, all its bytes)."""
    taken = []
    at = 0
    while len(buffer) - at >= 5:
        length = struct.unpack_from('>I', buffer, at + 1)[0] + 1
        if len(buffer) - at < length:
            break
        whole = bytes(buffer[at:at + length])
        taken.append((whole[:1], whole[5:], whole))
        at += length
    del buffer[:at]
    return taken


def name_in(body, index=0):
    """The NUL-ended text number `index` of a body."""
    return body.split(b'\0', index + 1)[index].decode()


def reset(connection):
    """Closes a socket with a reset, which neither side can take for an orderly end."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    # Wakes the thread that reads it; closing alone would not.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()


class Pair:
    """One connection through the proxy. Two threads carry its bytes; each owns one direction."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = socket.create_connection(proxy.target, timeout=10)
        for side in (self.client, self.server):
            side.settimeout(None)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What the client has sent, one flag for each ReadyForQuery to come: whether that transaction writes. The first one
        # ends the login.
        self._transactions = [False]
        self._writes = False
        self._lock = threading.Lock()
        self._started = False
        self._single_byte = threading.Event()  # the server's next answer is a byte, not a message
        self._held = []  # answers of a transaction that are withheld
        self._judged = None  # how the answers of the transaction at hand are treated
        self._failed = False
        proxy.remember(self)
        for work in (self._to_server, self._to_client):
            threading.Thread(target=self._carry, args=(work,), daemon=True).start()

    def _carry(self, work):
        try:
            work()
        except OSError:
            pass
        self.end()

    def end(self, hard=False):
        self.proxy.forget(self)
        for side in (self.client, self.server):
            if hard:
                reset(side)
            else:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()

    # From the client.

    def _to_server(self):
        buffer = bytearray()
        while part := self.client.recv(CHUNK):
            buffer += part
            out = b''.join(self._startup(buffer)) if not self._started else b''
            for kind, body, whole in messages_in(buffer) if self._started else ():
                if kind == b'S' and self._writes and self.proxy.take_sync():
                    # The server has the statements and runs them, and will never be told to commit.
                    self._send(self.server, out)
                    self.proxy.note('sync withheld')
                    while self.client.recv(CHUNK):
                        pass
                    return
                self._note(kind, body)
                out += whole
            self._send(self.server, out)

    def _startup(self, buffer):
        """The first messages have no type."""
        while len(buffer) >= 8 and not self._started:
            length, code = struct.unpack_from('>II', buffer)
            if len(buffer) < length:
                return
            whole = bytes(buffer[:length])
            del buffer[:length]
            if code in STARTUP_ANSWERED_BY_A_BYTE:
                self._single_byte.set()
            else:
                self._started = True
            yield whole

    def _note(self, kind, body):
        if kind == b'P':
            name = name_in(body)
            text = name_in(body, 1)
            self.proxy.statements[name] = text
            self._writes |= name == '' and bool(WRITES.search(text))
        elif kind == b'B':
            self._writes |= bool(WRITES.search(self.proxy.statements.get(name_in(body, 1), '')))
        elif kind == b'Q':
            with self._lock:
                self._transactions.append(bool(WRITES.search(name_in(body))))
        elif kind == b'S':
            with self._lock:
                self._transactions.append(self._writes)
            self._writes = False

    # From the server.

    def _to_client(self):
        buffer = bytearray()
        while part := self.server.recv(CHUNK):
            buffer += part
            out = b''
            if self._single_byte.is_set():
                self._single_byte.clear()
                out = bytes(buffer[:1])
                del buffer[:1]
                if out != b'N':
                    raise OSError('TLS is not understood')
            for kind, _, whole in messages_in(buffer):
                out += self._answer(kind, whole)
            self._send(self.client, out)

    def _answer(self, kind, whole):
        """What goes on to the client, of one message."""
        if self._judged is None:
            with self._lock:
                writes = self._transactions[0] if self._transactions else False
            self._judged = self.proxy.take_loss() if writes and kind not in b'NSA' else 'pass'
        self._failed |= kind == b'E'
        if kind != b'Z':
            if self._judged != 'all':
                return whole
            self._held.append(whole)
            return b''
        with self._lock:
            if self._transactions:
                self._transactions.pop(0)
        judged, failed, held = self._judged, self._failed, b''.join(self._held)
        self._judged, self._failed, self._held = None, False, []
        if judged == 'pass':
            return whole
        if failed:
            self.proxy.give_loss_back()
            return held + whole
        self.proxy.note('answer lost')
        self.end(hard=True)
        raise OSError('the answer was lost')

    def _send(self, side, data):
        if data:
            self.proxy.wait()
            side.sendall(data)


class Proxy:
    """Listens at 127.0.0.1:port in front of another port there."""

    def __init__(self, port):
        self.target = ('127.0.0.1', port)
        self.statements = {}  # name → text, as the clients prepared them
        self.counts = {}
        self._pairs = set()
        self._mode = 'pass'
        self._delay = 0
        self._losses = 0
        self._whole = False
        self._syncs = 0
        self._change = threading.Condition()
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._mode == 'reset':
                reset(client)
                continue
            threading.Thread(target=self._begin, args=(client,), daemon=True).start()

    def _begin(self, client):
        self.wait()
        try:
            Pair(self, client)
        except OSError:
            reset(client)

    def _set(self, mode):
        with self._change:
            self._mode = mode
            self._change.notify_all()

    # What a test does.

    def heal(self):
        """Passes everything on again, with what was held up by a cut."""
        self._set('pass')

    def cut(self):
        """Nothing passes in either direction, nobody is told: a cable pulled."""
        self._set('cut')

    def reset(self):
        """Resets every connection, now and when it comes."""
        self._set('reset')
        self.reset_all()

    def reset_all(self):
        """Resets the connections that there are."""
        with self._change:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.end(hard=True)

    def delay(self, seconds):
        """Every piece of data waits so long; 0 for none."""
        self._delay = seconds

    def lose_answers(self, count):
        """Of the next so many transactions that write, commits reach the server and their answers nobody: the connection is
        reset instead. In turn the whole answer is lost, and only the last message, which tells of the commit."""
        with self._change:
            self._losses = count

    def withhold_syncs(self, count):
        """The next so many transactions that write are never told to commit; their connections stay."""
        with self._change:
            self._syncs = count

    def close(self):
        self._listener.close()
        self._set('reset')
        self.reset_all()

    # What the connections ask.

    def wait(self):
        """Lets data through when it may pass."""
        if self._delay:
            time.sleep(self._delay)
        with self._change:
            self._change.wait_for(lambda: self._mode != 'cut')

    def take_loss(self):
        with self._change:
            if self._losses == 0:
                return 'pass'
            self._losses -= 1
            self._whole = not self._whole
            return 'all' if self._whole else 'last'

    def give_loss_back(self):
        with self._change:
            self._losses += 1

    def take_sync(self):
        with self._change:
            taken = self._syncs > 0
            self._syncs -= taken
            return taken

    def note(self, what):
        with self._change:
            self.counts[what] = self.counts.get(what, 0) + 1
            self._change.notify_all()

    def remember(self, pair):
        with self._change:
            self._pairs.add(pair)

    def forget(self, pair):
        with self._change:
            self._pairs.discard(pair)
