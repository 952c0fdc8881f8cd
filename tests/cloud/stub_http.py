# SPDX-License-Identifier: Apache-2.0
"""The stub's HTTP/1.1: requests in, answers out, and every way to break the exchange.

One asyncio protocol a connection, one request at a time on it, as the daemon's HTTP client asks. What an answer's `harm`
names is done to the connection: 'reset' closes it instead of answering, 'half' after half of the answer.
"""

import asyncio
import dataclasses
import email.utils
import socket
import struct
import time
import urllib.parse

HEAD_MAX = 65536
BODY_MAX = 32 << 20
PHRASES = {200: 'OK', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
           413: 'Content Too Large', 500: 'Internal Server Error', 503: 'Service Unavailable'}


@dataclasses.dataclass
class Request:
    method: str
    target: str
    headers: dict  # small letters → value
    body: bytes = b''

    @property
    def path(self):
        return self.target.split('?', 1)[0]

    @property
    def query(self):
        return urllib.parse.parse_qsl(self.target.partition('?')[2], keep_blank_values=True)


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: bytes = b''
    content_type: str = 'application/x-amz-json-1.0'
    headers: dict = dataclasses.field(default_factory=dict)
    harm: str = ''  # '', 'reset', 'half'

    def bytes(self, skew):
        lines = [f'HTTP/1.1 {self.status} {PHRASES.get(self.status, "Status")}',
                 f'Date: {email.utils.formatdate(time.time() + skew, usegmt=True)}',
                 f'Content-Type: {self.content_type}', f'Content-Length: {len(self.body)}']
        lines += [f'{name}: {value}' for name, value in self.headers.items()]
        return '\r\n'.join(lines).encode() + b'\r\n\r\n' + self.body


def read_head(head):
    first, *lines = head.decode('latin-1').split('\r\n')
    method, target, _ = first.split(' ')
    headers = {}
    for line in lines:
        name, _, value = line.partition(':')
        headers[name.strip().lower()] = value.strip()
    return Request(method, target, headers)


class Connection(asyncio.Protocol):
    """`listener` gives: early(request) → True to reset at the head; answer(request) → Answer, a coroutine; skew."""

    def __init__(self, listener):
        self.listener = listener
        self.transport = None
        self.data = bytearray()
        self.request = None  # its head was read
        self.task = None

    def connection_made(self, transport):
        self.transport = transport
        self.listener.connections.add(self)

    def connection_lost(self, error):
        self.listener.connections.discard(self)
        if self.task is not None:
            self.task.cancel()

    def abort(self):
        """A reset, not an orderly end."""
        number = self.transport.get_extra_info('socket')
        if number is not None and not self.transport.is_closing():
            number.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.transport.abort()

    def data_received(self, data):
        self.data += data
        self.advance()

    def advance(self):
        if self.task is not None:
            return
        if self.request is None:
            end = self.data.find(b'\r\n\r\n')
            if end < 0:
                if len(self.data) > HEAD_MAX:
                    self.abort()
                return
            self.request = read_head(bytes(self.data[:end]))
            del self.data[:end + 4]
            if self.listener.early(self.request):
                self.abort()
                return
        length = int(self.request.headers.get('content-length', 0))
        if length > BODY_MAX:
            self.abort()
        elif len(self.data) >= length:
            self.request.body = bytes(self.data[:length])
            del self.data[:length]
            self.task = asyncio.ensure_future(self.serve(self.request))

    async def serve(self, request):
        answer = await self.listener.answer(request)
        self.task = self.request = None
        if self.transport.is_closing():
            return
        if answer.harm == 'reset':
            self.abort()
            return
        data = answer.bytes(self.listener.skew)
        if answer.harm == 'half':
            self.transport.write(data[:len(data) - max(1, len(answer.body) // 2)])
            self.transport.close()
            return
        self.transport.write(data)
        if self.data:
            self.advance()
