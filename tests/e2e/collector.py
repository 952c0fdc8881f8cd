# SPDX-License-Identifier: Apache-2.0
"""A receiver of traces: a small OTLP/HTTP server that keeps what it is sent, and misbehaves on demand."""

import http.server
import json
import threading

import jsonschema

HEX = {'type': 'string', 'pattern': '^[0-9a-f]+$'}
NUMBER = {'type': 'string', 'pattern': '^[0-9]+$'}


def strict(required, **optional):
    """An object with these members and no other."""
    return {'type': 'object', 'properties': {**required, **optional}, 'required': list(required),
            'additionalProperties': False}


def some(item):
    return {'type': 'array', 'items': item, 'minItems': 1}


ATTRIBUTES = {'type': 'array', 'uniqueItems': True, 'items': strict({
    'key': {'type': 'string', 'pattern': '^[a-z_.]+$'},
    'value': {'oneOf': [strict({'stringValue': {'type': 'string'}}), strict({'intValue': NUMBER})]},
})}
SPAN = strict({
    'traceId': {**HEX, 'minLength': 32, 'maxLength': 32}, 'spanId': {**HEX, 'minLength': 16, 'maxLength': 16},
    'name': {'type': 'string'}, 'kind': {'enum': [2, 3, 5]}, 'startTimeUnixNano': NUMBER, 'endTimeUnixNano': NUMBER,
    'attributes': ATTRIBUTES,
}, parentSpanId={**HEX, 'minLength': 16, 'maxLength': 16}, status=strict({'code': {'const': 2}}))
# What opentelemetry/proto/trace/v1/trace.proto allows, as far as the daemon uses it, in OTLP's JSON.
REQUEST = strict({'resourceSpans': some(strict({
    'resource': strict({'attributes': ATTRIBUTES}),
    'scopeSpans': some(strict({'scope': strict({'name': {'type': 'string'}, 'version': {'type': 'string'}}),
                               'spans': some(SPAN)})),
}))})


def attributes_of(item):
    """The attributes as a dictionary."""
    values = {}
    for attribute in item['attributes']:
        assert attribute['key'] not in values
        kind, value = next(iter(attribute['value'].items()))
        values[attribute['key']] = int(value) if kind == 'intValue' else value
    return values


class Collector:
    """`status`: what it answers with. `hangs`: it answers nothing until it is closed. `requests`: the bodies it took, as text;
    `refused`: how many it did not take."""

    def __init__(self):
        self.status = 200
        self.hangs = False
        self.headers = {}
        self.requests = []
        self.refused = 0
        self.problem = None
        self._closing = threading.Event()
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        self._server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self._server.server_address[1]}'
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _handler(collector):  # the server's class needs this object
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                if collector.hangs:
                    collector.refused += 1
                    collector._closing.wait()
                    self.close_connection = True
                    return
                collector._take(self.path, self.headers, body)
                answer = b'{}' if collector.status == 200 else b''
                self.send_response(collector.status)
                for name, value in collector.headers.items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        return Handler

    def _take(self, path, headers, body):
        if self.status != 200:
            self.refused += 1
            return
        try:
            assert path == '/v1/traces', path
            assert headers['Content-Type'] == 'application/json'
            jsonschema.validate(json.loads(body), REQUEST)
            self.requests.append(body.decode())
        except (AssertionError, ValueError, jsonschema.ValidationError) as problem:
            self.problem = problem

    @property
    def resources(self):
        """The attributes of all who sent."""
        assert self.problem is None, self.problem
        return [attributes_of(part['resource']) for text in list(self.requests)
                for part in json.loads(text)['resourceSpans']]

    @property
    def spans(self):
        """All spans, with their attributes as dictionaries."""
        assert self.problem is None, self.problem
        return [{**span, 'attributes': attributes_of(span)} for text in list(self.requests)
                for part in json.loads(text)['resourceSpans'] for scope in part['scopeSpans'] for span in scope['spans']]

    def named(self, name):
        return [span for span in self.spans if span['name'] == name]

    def close(self):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
