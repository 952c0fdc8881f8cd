# SPDX-License-Identifier: Apache-2.0
"""How the stub's services answer: JSON or XML, errors in each service's own words, checksums."""

import hashlib
import json
import uuid
import zlib
from xml.sax.saxutils import escape

from stub_http import Answer

# service → how it talks; the older ones answer in XML.
JSON_SERVICES = {'dynamodb': '1.0', 'sqs': '1.0', 'secretsmanager': '1.1', 'ssm': '1.1'}
TARGETS = {'DynamoDB_20120810': 'dynamodb', 'AmazonSQS': 'sqs', 'secretsmanager': 'secretsmanager', 'AmazonSSM': 'ssm'}
NAMESPACES = {'sqs': 'com.amazonaws.sqs#', 'dynamodb': 'com.amazonaws.dynamodb.v20120810#'}
# service → what "too fast" is called there.
THROTTLES = {'dynamodb': 'ProvisionedThroughputExceededException', 'sqs': 'RequestThrottled', 'sns': 'Throttling',
             'sts': 'Throttling'}


class Refusal(Exception):
    """An error of the service itself."""

    def __init__(self, code, message, status=400, query_code=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.query_code = query_code


def md5_of(text):
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def good(service, operation, result):
    """The answer of an operation: a dictionary for JSON services, the inner XML for the others."""
    headers = {'x-amzn-RequestId': str(uuid.uuid4())}
    if service not in JSON_SERVICES:
        body = (f'<{operation}Response xmlns="http://stub/"><{operation}Result>{result}</{operation}Result>'
                f'<ResponseMetadata><RequestId>{headers["x-amzn-RequestId"]}</RequestId></ResponseMetadata>'
                f'</{operation}Response>').encode()
        return Answer(200, body, 'text/xml', headers)
    body = json.dumps(result).encode()
    if service == 'dynamodb':
        headers['x-amz-crc32'] = str(zlib.crc32(body))
    return Answer(200, body, f'application/x-amz-json-{JSON_SERVICES[service]}', headers)


def error(service, refusal, form=None):
    """An error as the service says it, or in another form: json, xml, html, empty, garbage."""
    form = form or ('json' if service in JSON_SERVICES else 'xml')
    headers = {'x-amzn-RequestId': str(uuid.uuid4())}
    if form == 'json':
        # SQS keeps the codes of its older protocol in a header of their own.
        if service == 'sqs':
            fault = 'Sender' if refusal.status < 500 else 'Receiver'
            headers['x-amzn-query-error'] = f'{refusal.query_code or refusal.code};{fault}'
        body = json.dumps({'__type': NAMESPACES.get(service, '') + refusal.code, 'message': refusal.message}).encode()
        answer = Answer(refusal.status, body, f'application/x-amz-json-{JSON_SERVICES.get(service, "1.0")}', headers)
        if service == 'dynamodb':
            headers['x-amz-crc32'] = str(zlib.crc32(body))
        return answer
    if form == 'xml':
        kind = 'Sender' if refusal.status < 500 else 'Receiver'
        body = (f'<ErrorResponse xmlns="http://stub/"><Error><Type>{kind}</Type><Code>{escape(refusal.code)}</Code>'
                f'<Message>{escape(refusal.message)}</Message></Error>'
                f'<RequestId>{headers["x-amzn-RequestId"]}</RequestId></ErrorResponse>').encode()
        return Answer(refusal.status, body, 'text/xml', headers)
    if form == 'html':
        body = (f'<!DOCTYPE html><html><head><title>{refusal.status}</title></head><body><h1>{refusal.code}</h1>'
                '<p>The proxy is not well.<br></body></html>').encode()
        return Answer(refusal.status, body, 'text/html', headers)
    return Answer(refusal.status, b'' if form == 'empty' else b'\xff\x00{"__ty', 'application/octet-stream', headers)
