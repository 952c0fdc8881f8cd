# SPDX-License-Identifier: Apache-2.0
"""Bytes on the daemon's own sockets: every ambiguity of framing is a problem document and the connection's end.

The unit tests feed the same cases cut at every position; here the daemon itself answers, with HTTP on the exchange's loop and
on loops of its own.
"""

import json
import socket
import threading

import pytest
import requests

from harness import eventually

HOST = b'Host: a\r\n'
GET = b'GET /healthz HTTP/1.1\r\n' + HOST
POST = b'POST /v1/sessions HTTP/1.1\r\n' + HOST

REFUSED = {
    'no version': (b'GET /healthz\r\n', 505),
    'strange version': (b'GET /healthz HTTP/2.0\r\n' + HOST + b'\r\n', 505),
    'unknown method': (b'BREW /healthz HTTP/1.1\r\n' + HOST + b'\r\n', 501),
    'no host': (b'GET /healthz HTTP/1.1\r\n\r\n', 400),
    'two hosts': (GET + HOST + b'\r\n', 400),
    'bare line feed': (b'GET /healthz HTTP/1.1\nHost: a\n\n', 400),
    'bare carriage return': (GET + b'X: a\rb\r\n\r\n', 400),
    'nul in a value': (POST + b'Content-Length: 5\x00 99\r\n\r\nhello', 400),
    'folded line': (GET + b'X: a\r\n b\r\n\r\n', 400),
    'space before a colon': (POST + b'Content-Length : 5\r\n\r\nhello', 400),
    'two lengths': (POST + b'Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello', 400),
    'signed length': (POST + b'Content-Length: +5\r\n\r\nhello', 400),
    'length too large for a number': (POST + b'Content-Length: 99999999999999999999\r\n\r\n', 400),
    'length and encoding': (POST + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'other encoding': (POST + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n', 400),
    'encoding in HTTP/1.0': (b'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'chunk with a sign': (POST + b'Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n', 400),
    'chunk with a prefix': (POST + b'Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n', 400),
    'chunk without its end': (POST + b'Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX', 400),
    'length in a trailer': (POST + b'Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n', 400),
    'broken percent-encoding': (b'GET /%zz HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'encoded nul': (b'GET /healthz?a=%00 HTTP/1.1\r\n' + HOST + b'\r\n', 400),
    'body too large': (POST + b'Content-Length: 1048577\r\n\r\n', 413),
    'chunk too large': (POST + b'Transfer-Encoding: chunked\r\n\r\n100001\r\n', 413),
    'target too long': (b'GET /' + b'a' * 8192 + b' HTTP/1.1\r\n' + HOST + b'\r\n', 414),
    'another expectation': (POST + b'Expect: a miracle\r\nContent-Length: 5\r\n\r\n', 417),
    'head too long': (GET + b'X: ' + b'a' * 16384 + b'\r\n\r\n', 431),
    'cut off in its head': (b'GET /healthz HT', 400),
    'cut off in its body': (POST + b'Content-Length: 5\r\n\r\nhell', 400),
}

ACCEPTED = {
    'keep-alive': (GET + b'\r\n' + GET + b'Connection: close\r\n\r\n', 2),
    'pipelined behind a body': (POST + b'Content-Length: 2\r\n\r\n{}' + GET + b'Connection: close\r\n\r\n', 2),
    'chunked with extension and trailer': (
        POST + b'Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nX: y\r\n\r\n' + GET + b'Connection: close\r\n\r\n', 2),
    'absolute target': (b'GET http://a/healthz HTTP/1.1\r\n' + HOST + b'Connection: close\r\n\r\n', 1),
    'HTTP/1.0': (b'GET /healthz HTTP/1.0\r\n\r\n', 1),
    'close in a list': (GET + b'Connection: x, close\r\n\r\n', 1),
    'half-close': (GET + b'\r\n', 1),
}


@pytest.fixture(scope='module', params=[0, 2], ids=['one loop', 'two loops'])
def daemon(request, tmp_path_factory):
    from conftest import Factory
    factory = Factory(tmp_path_factory.mktemp('framing'))
    yield factory('mock', http={'loops': request.param, 'header_timeout': '1s', 'body_timeout': '1s'}).start()
    factory.end()


def connect(daemon):
    host, port = daemon.url.removeprefix('http://').split(':')
    return socket.create_connection((host, int(port)), timeout=60)


def read_all(connection):
    data = b''
    while True:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


def answers(data):
    """The answers in a stream of bytes that was read to its end: status, headers, body."""
    found = []
    while data:
        head, _, rest = data.partition(b'\r\n\r\n')
        lines = head.decode().split('\r\n')
        headers = {name.lower(): value for name, value in (line.split(': ', 1) for line in lines[1:])}
        length = int(headers.get('content-length', 0))
        assert len(rest) >= length, data
        found.append((int(lines[0].split(' ')[1]), headers, rest[:length]))
        data = rest[length:]
    return found


def exchange(daemon, data, step):
    """Sends in pieces, ends with a FIN, and reads until the daemon has closed."""
    with connect(daemon) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for at in range(0, len(data), step):
                connection.sendall(data[at:at + step])
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was answered, and closed, before it was sent to its end
        return answers(read_all(connection))


def check_problem(answer, status):
    got, headers, body = answer
    assert got == status, (got, body)
    assert headers['content-type'] == 'application/problem+json'
    assert headers['connection'] == 'close'
    problem = json.loads(body)
    assert problem['status'] == status
    assert problem['request_id'] == headers['x-request-id']
    assert problem['type'] and problem['title'] and problem['detail']


@pytest.mark.parametrize('case', REFUSED, ids=str)
def test_refused(daemon, case):
    data, status = REFUSED[case]
    for step in (len(data), 1 if len(data) < 1000 else 997):
        found = exchange(daemon, data, step)
        assert len(found) == 1
        check_problem(found[0], status)


@pytest.mark.parametrize('case', ACCEPTED, ids=str)
def test_accepted(daemon, case):
    data, count = ACCEPTED[case]
    for step in (len(data), 1):
        found = exchange(daemon, data, step)
        assert len(found) == count and all(status < 500 for status, _, _ in found)
        assert found[-1][0] == 200


def test_continue(daemon):
    with connect(daemon) as connection:
        connection.sendall(POST + b'Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n')
        assert connection.recv(100) == b'HTTP/1.1 100 Continue\r\n\r\n'
        connection.sendall(b'{}')
        assert len(answers(read_all(connection))) == 1


@pytest.mark.parametrize('start', [b'GET / HTTP/1.1\r\nX: ', POST + b'Content-Length: 5000\r\n\r\n'],
                         ids=['head', 'body'])
def test_slow_while_others_are_served(daemon, start):
    """A byte now and then moves no deadline, and keeps nobody else waiting."""
    with connect(daemon) as connection:
        connection.sendall(start)
        done = threading.Event()

        def drip():
            while not done.wait(0.02):
                try:
                    connection.sendall(b'a')
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            for _ in range(20):
                assert requests.get(daemon.url + '/healthz', timeout=60).status_code == 200
            found = answers(read_all(connection))
        finally:
            done.set()
            thread.join()
        assert len(found) == 1
        check_problem(found[0], 408)


def test_address_in_use(daemon, make_daemon):
    """A second daemon on the same address names it and ends with 69, though the first one's sockets are shared."""
    address = daemon.url.removeprefix('http://')
    for loops in (0, 2):
        second = make_daemon('mock', http={'listen': address, 'loops': loops}).spawn()
        assert second.wait() == 69
        assert address in second.log_text()


def test_drain_answers_what_has_begun(make_daemon):
    """SIGTERM: a request that is half sent is answered, with Connection: close; nobody new is let in."""
    drained = make_daemon('mock').start()
    with connect(drained) as connection:
        connection.sendall(GET + b'\r\n' + GET)
        eventually(lambda: connection.recv(65536), 'the first answer')
        drained.process.terminate()
        eventually(lambda: refuses(drained), 'new connections are refused')
        connection.sendall(b'\r\n')
        status, headers, _ = answers(read_all(connection))[0]
        assert (status, headers['connection']) == (200, 'close')
    assert drained.wait() == 0


def refuses(daemon):
    try:
        connect(daemon).close()
    except ConnectionRefusedError:
        return True
    return False
