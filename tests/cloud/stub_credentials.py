# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the stub: keys and tokens with an end, signatures, clocks; and the endpoints that give out credentials
(container, IMDSv2, AssumeRoleWithWebIdentity).
"""

import calendar
import hashlib
import hmac
import json
import re
import threading
import time
import urllib.parse
import uuid

from stub_answers import Refusal, good
from stub_http import Answer

SKEW_MAX = 300
ROLE = 'posthouse-task'
AUTHORIZATION = re.compile(r'AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, *'
                           r'SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})')


def iso(at):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at))


class Credentials:
    """Keys: id → (secret, token, end). Any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self.lifetime = 3600.0  # of what is given out
        self.container_token = uuid.uuid4().hex
        self.web_identity = uuid.uuid4().hex
        self._metadata_token = uuid.uuid4().hex
        self.given = 0  # how often credentials were given out
        self.keys = {}
        self.static = self._add(None, None)

    def _add(self, token, end):
        number = uuid.uuid4().hex.upper()
        key = ('AKIA' if token is None else 'ASIA') + number[:16]
        with self._lock:
            self.keys[key] = (uuid.uuid4().hex, token, end)
        return key

    def environment(self):
        """Keys that do not end, as an environment holds them."""
        return {'AWS_ACCESS_KEY_ID': self.static, 'AWS_SECRET_ACCESS_KEY': self.keys[self.static][0]}

    def expire(self):
        """From now on, whatever was given out is refused as expired."""
        with self._lock:
            self.keys = {key: (secret, token, end if token is None else 0.0)
                         for key, (secret, token, end) in self.keys.items()}

    def give(self):
        end = time.time() + self.lifetime
        key = self._add(uuid.uuid4().hex * 4, end)
        self.given += 1
        return key, *self.keys[key]

    # --- checking ---

    def check(self, service, request, skew):
        """Raises a Refusal unless the request is signed by somebody known, now."""
        json_service = service != 'sns'
        match = AUTHORIZATION.fullmatch(request.headers.get('authorization', ''))
        if match is None or match[4] != service:
            raise Refusal('MissingAuthenticationTokenException' if json_service else 'MissingAuthenticationToken',
                          'Request is missing Authentication Token', 400 if json_service else 403)
        with self._lock:
            secret, token, end = self.keys.get(match[1], (None, None, None))
        if secret is None or request.headers.get('x-amz-security-token') != token:
            raise Refusal('UnrecognizedClientException' if json_service else 'InvalidClientTokenId',
                          'The security token included in the request is invalid.', 400 if json_service else 403)
        self._check_time(request, json_service, skew)
        if end is not None and end < time.time():
            raise Refusal('ExpiredTokenException' if json_service else 'ExpiredToken',
                          'The security token included in the request is expired', 400 if json_service else 403)
        if not hmac.compare_digest(match[6], signature(request, match, secret)):
            raise Refusal('InvalidSignatureException' if json_service else 'SignatureDoesNotMatch',
                          'The request signature we calculated does not match the signature you provided.',
                          400 if json_service else 403)

    @staticmethod
    def _check_time(request, json_service, skew):
        date = request.headers.get('x-amz-date', '')
        try:
            at = calendar.timegm(time.strptime(date, '%Y%m%dT%H%M%SZ'))
        except ValueError:
            at = 0
        now = time.time() + skew
        if abs(at - now) > SKEW_MAX:
            text = (f'Signature expired: {date} is now earlier than {iso(now - SKEW_MAX)} ({iso(now)} - 5 min.)' if at < now
                    else f'Signature not yet current: {date} is still later than {iso(now + SKEW_MAX)} ({iso(now)} + 5 min.)')
            raise Refusal('InvalidSignatureException' if json_service else 'SignatureDoesNotMatch', text,
                          400 if json_service else 403)

    # --- giving out ---

    def answer(self, request):
        """The answer of a credentials endpoint; None for other paths."""
        if request.path == '/container':
            if request.headers.get('authorization') != self.container_token:
                return Answer(401, b'{"code":"Unauthorized","message":"who are you?"}', 'application/json')
            return self._as_json('Token')
        if request.path == '/latest/api/token' and request.method == 'PUT':
            return Answer(200, self._metadata_token.encode(), 'text/plain',
                          {'X-aws-ec2-metadata-token-ttl-seconds': '21600'})
        if request.path.startswith('/latest/meta-data/iam/security-credentials/'):
            if request.headers.get('x-aws-ec2-metadata-token') != self._metadata_token:
                return Answer(401, b'', 'text/html')
            if request.path.endswith('/'):
                return Answer(200, ROLE.encode(), 'text/plain')
            return self._as_json('Token') if request.path.endswith('/' + ROLE) else Answer(404, b'', 'text/html')
        return None

    def _as_json(self, token_name):
        key, secret, token, end = self.give()
        return Answer(200, json.dumps({
            'Code': 'Success', 'Type': 'AWS-HMAC', 'LastUpdated': iso(time.time()), 'AccessKeyId': key,
            'SecretAccessKey': secret, token_name: token, 'Expiration': iso(end)}).encode(), 'application/json')

    def assume(self, asked):
        """AssumeRoleWithWebIdentity."""
        if asked.get('WebIdentityToken') != self.web_identity:
            raise Refusal('InvalidIdentityToken', 'The web identity token is not known.')
        key, secret, token, end = self.give()
        return good('sts', 'AssumeRoleWithWebIdentity', (
            f'<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>'
            f'<SessionToken>{token}</SessionToken><Expiration>{iso(end)}</Expiration></Credentials>'))


def signature(request, match, secret):
    """AWS Signature Version 4 of a request, for the credential's scope in `match`."""
    _, day, region, service, signed, _ = match.groups()
    query = '&'.join(sorted(f'{urllib.parse.quote(name, safe="-_.~")}={urllib.parse.quote(value, safe="-_.~")}'
                            for name, value in request.query))
    headers = ''.join(f'{name}:{" ".join(request.headers.get(name, "").split())}\n' for name in signed.split(';'))
    canonical = '\n'.join([request.method, urllib.parse.quote(request.path, safe='/-_.~'), query, headers, signed,
                           hashlib.sha256(request.body).hexdigest()])
    text = '\n'.join(['AWS4-HMAC-SHA256', request.headers.get('x-amz-date', ''),
                      f'{day}/{region}/{service}/aws4_request', hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + secret).encode()
    for part in (day, region, service, 'aws4_request'):
        key = hmac.new(key, part.encode(), 'sha256').digest()
    return hmac.new(key, text.encode(), 'sha256').hexdigest()
