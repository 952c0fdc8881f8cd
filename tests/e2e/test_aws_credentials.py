# SPDX-License-Identifier: Apache-2.0
"""Those who give credentials and secrets in trouble: STS, the container endpoint, Secrets Manager and the Parameter Store
throttle, hang, refuse, answer garbage or by halves, and give tokens that have ended, while the daemon runs and when it starts.
Messages are accepted all the time and nothing is lost; health says which source won, until when its keys are good, and why the
last refresh failed."""

import datetime
import re

import pytest

from cloud import StubCloud
from harness import FULL, OPERATOR, SCALE, eventually
from test_aws_faults import daemon_on, settle, traffic_on

pytestmark = pytest.mark.skipif(SCALE < 1, reason='a sanitizer\'s shortened run leaves the set aws out')

KINDS = ('meta', 'queue', 'alert')
# Source → who gives its keys, and as what health knows it.
SOURCES = {'container': ('credentials', 'the container endpoint'), 'web': ('sts', 'web identity')}
# How the error of a refresh begins.
WHO = {'credentials': 'the container endpoint', 'sts': 'sts'}
# Name → the fault. None: keys that have ended before they came.
TROUBLES = {
    'throttled': {'kind': 'throttle'},
    'garbage': {'kind': 'error', 'status': 200, 'form': 'garbage'},
    'hanging': {'kind': 'hang'},
    'ended': None,
}
if FULL:
    TROUBLES |= {
        'failing': {'kind': 'error', 'status': 503},
        'half': {'kind': 'half'},
        'reset': {'kind': 'reset-after'},
        'denied': {'kind': 'error', 'status': 403, 'code': 'AccessDenied'},
    }


class Place:
    """A stub whose daemons have their keys from one source. `source`: as health knows it."""

    def __init__(self, source, folder):
        self.cloud = StubCloud()
        self.aws = self.cloud.aws
        self.giver, self.source = SOURCES[source]
        self.cloud.environment = self.aws.environment(source)
        if source == 'web':
            token = folder / 'web-identity'
            token.write_text(self.aws.credentials.web_identity)
            self.cloud.environment['AWS_WEB_IDENTITY_TOKEN_FILE'] = str(token)

    def trouble(self, fault):
        """Begins it: from now on the keys that were given out are refused, and this happens to whoever wants others."""
        if fault is None:
            self.aws.credentials.lifetime = -60
        else:
            self.aws.faults.add(**{'service': self.giver, **fault})
        self.aws.credentials.expire()

    def peace(self):
        self.aws.credentials.lifetime = 3600.0
        self.aws.faults.clear()

    def ends(self):
        """When what was given out ends, as health shows it."""
        return {datetime.datetime.fromtimestamp(int(end), datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.000Z')
                for _, _, end in list(self.aws.credentials.keys.values()) if end}


@pytest.fixture(params=SOURCES)
def place(request, make_daemon, tmp_path):
    place = Place(request.param, tmp_path)
    make_daemon.cloud = lambda: place.cloud
    yield place
    place.cloud.stop()


def details(operator):
    """Kind → what its health says."""
    return {backend['kind']: backend['detail'] for backend in operator.get('/v1/admin/backends').json()['backends']}


def all_say(operator, words, kinds=KINDS):
    """Waits until the health of all that use AWS says this."""
    def said():
        told = details(operator)
        return all(re.search(words, told[kind]) for kind in kinds) and told

    try:
        return eventually(said, f'health says {words}')
    except AssertionError as problem:
        raise AssertionError(f'{problem}: {details(operator)}') from None


def are_well(place, operator):
    """All backends use keys of the source that won, and say until when."""
    def said():
        told, ends = details(operator), place.ends()
        matches = [re.fullmatch(f'credentials from {place.source}, good until ([-0-9T:.]+Z)', told[kind]) for kind in KINDS]
        return all(match and match[1] in ends for match in matches)

    eventually(said, 'health says which source won, and until when')


def keeps_secrets(place, daemon):
    """Nothing that was given out is in the log, but for ids of keys."""
    text = daemon.log_text()
    for secret, token, _ in place.aws.credentials.keys.values():
        assert secret not in text and (token is None or token not in text)
    assert place.aws.credentials.web_identity not in text and place.aws.credentials.container_token not in text


def works(place, operation=('sqs', 'DeleteMessageBatch')):
    before = place.aws.done[operation]
    eventually(lambda: place.aws.done[operation] > before, f'{operation[1]} is done again')


def test_the_giver_is_in_trouble(make_daemon, place):
    """What was given out is refused, and nothing else is to be had: the backends say so, and come back by themselves."""
    daemon = daemon_on(make_daemon)
    operator = daemon.client(OPERATOR)
    are_well(place, operator)
    traffic = traffic_on(daemon, place.giver)
    traffic.wait_accepted(20, 'messages are accepted')
    for name, fault in TROUBLES.items():
        given = place.aws.credentials.given
        place.trouble(fault)
        if fault is not None:
            all_say(operator, f'credentials from {place.source}, good until .+Z, refused as expired; the refresh failed at '
                              f'.+Z: {WHO[place.giver]}')
        else:
            eventually(lambda g=given: place.aws.credentials.given >= g + 3, 'keys that have ended were given out')
        traffic.wait_accepted(20, f'messages are accepted while it is {name}')
        assert daemon.readiness()[0] == 200
        place.peace()
        works(place)
        are_well(place, operator)
    settle(place.cloud, daemon, traffic)
    keeps_secrets(place, daemon)


# In full, each source.
@pytest.mark.parametrize('place', SOURCES if FULL else ['container'], indirect=True)
def test_good_keys_are_used_while_the_refresh_fails(make_daemon, place):
    """A refresh is tried before the end. While it fails, nobody waits for it."""
    place.aws.credentials.lifetime = 20.0  # fetched again 5 s before the end
    daemon = daemon_on(make_daemon)
    traffic = traffic_on(daemon, 'early')
    place.aws.faults.add('throttle', place.giver)
    eventually(lambda: daemon.log_text().count('fetching credentials failed') >= len(KINDS), 'the refresh fails')
    works(place)
    assert all(end > datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.000Z') for end in place.ends())
    told = all_say(daemon.client(OPERATOR), '; the refresh failed at ')
    assert all(place.source in told[kind] and 'good until' in told[kind] for kind in KINDS), told
    place.peace()
    settle(place.cloud, daemon, traffic)
    are_well(place, daemon.client(OPERATOR))


STARTS = [('container', 'hanging'), ('web', 'throttled')]


# In full, each source with each trouble.
@pytest.mark.parametrize('place, name', [(source, name) for source in SOURCES for name in TROUBLES if name not in
                                         ('ended', 'denied')] if FULL else STARTS, indirect=['place'])
def test_there_are_no_keys_at_the_start(make_daemon, place, name):
    """Storage alone is needed: messages are accepted, and delivered when there are keys."""
    place.aws.faults.add(**{'service': place.giver, **TROUBLES[name]})
    daemon = make_daemon('aws', **{kind: {'timeout': '2s', 'breaker.cooldown': '100ms'} for kind in KINDS}).start(ready=False)
    operator = daemon.add_operator()
    ada = daemon.add_user('ada')
    message = ada.sent('ada', priority='alert')
    eventually(lambda: daemon.log_text().count('fetching credentials failed') >= len(KINDS), 'the log says it')
    assert {backend['state'] for backend in daemon.readiness()[1]['backends'] if backend['kind'] != 'storage'} <= {
        'opening', 'unavailable'}
    place.peace()
    daemon.wait_ready()
    assert [one['id'] for one in ada.wait_inbox(1)] == [message]
    eventually(lambda: place.cloud.alerts_of(daemon), 'the alert is published')
    are_well(place, operator)
    keeps_secrets(place, daemon)
