# SPDX-License-Identifier: Apache-2.0
"""The stub's DynamoDB, SNS, Secrets Manager and SSM: as much of each as the daemon asks, in memory."""

import json
import time
import uuid

from stub_answers import Refusal

PUT_MAX = 25
GET_MAX = 100
PUBLISH_MAX = 10
PUBLISH_BYTES_MAX = 256 << 10


class DynamoDb:
    """Tables with one key. `tables`: name → (name of the key, key → item)."""

    def __init__(self, region, account):
        self.region = region
        self.account = account
        self.tables = {}

    def make(self, name, key='id'):
        self.tables[name] = (key, {})
        return self.tables[name][1]

    def table(self, name):
        if name not in self.tables:
            raise Refusal('ResourceNotFoundException', f'Requested resource not found: Table: {name} not found')
        return self.tables[name]

    def key_of(self, name, item):
        return json.dumps(item[self.table(name)[0]], sort_keys=True)

    def distinct(self, pairs):
        keys = [(name, self.key_of(name, item)) for name, item in pairs]
        if len(set(keys)) != len(keys):
            raise Refusal('ValidationException', 'Provided list of item keys contains duplicates')

    async def BatchWriteItem(self, asked, blows):
        puts = [(name, put) for name, some in asked['RequestItems'].items() for put in some]
        if not 1 <= len(puts) <= PUT_MAX:
            raise Refusal('ValidationException', f'{len(puts)} requests in one BatchWriteItem')
        self.distinct([(name, put['PutRequest']['Item']) for name, put in puts])
        refused = blows.refused(len(puts))
        left = {}
        for index, (name, put) in enumerate(puts):
            if index in refused:
                left.setdefault(name, []).append(put)
                continue
            item = put['PutRequest']['Item']
            self.table(name)[1][self.key_of(name, item)] = item
        return {'UnprocessedItems': left}

    async def BatchGetItem(self, asked, blows):
        wanted = [(name, key) for name, some in asked['RequestItems'].items() for key in some['Keys']]
        if not 1 <= len(wanted) <= GET_MAX:
            raise Refusal('ValidationException', f'{len(wanted)} keys in one BatchGetItem')
        self.distinct(wanted)
        refused = blows.refused(len(wanted))
        found, left = {name: [] for name in asked['RequestItems']}, {}
        for index, (name, key) in enumerate(wanted):
            if index in refused:
                left.setdefault(name, {**asked['RequestItems'][name], 'Keys': []})['Keys'].append(key)
                continue
            item = self.table(name)[1].get(self.key_of(name, key))
            if item is not None:
                found[name].append(item)
        return {'Responses': found, 'UnprocessedKeys': left}

    async def DescribeTable(self, asked, _):
        key, items = self.table(asked['TableName'])
        return {'Table': {
            'TableName': asked['TableName'], 'TableStatus': 'ACTIVE', 'ItemCount': len(items),
            'TableArn': f'arn:aws:dynamodb:{self.region}:{self.account}:table/{asked["TableName"]}',
            'KeySchema': [{'AttributeName': key, 'KeyType': 'HASH'}],
            'AttributeDefinitions': [{'AttributeName': key, 'AttributeType': 'S'}]}}

    async def DescribeTimeToLive(self, asked, _):
        self.table(asked['TableName'])
        return {'TimeToLiveDescription': {'TimeToLiveStatus': 'ENABLED', 'AttributeName': 'ttl'}}


class Sns:
    """Topics. `topics`: ARN → list of the entries published, as dictionaries."""

    def __init__(self, region, account):
        self.prefix = f'arn:aws:sns:{region}:{account}:'
        self.topics = {}

    def make(self, name):
        self.topics[self.prefix + name] = []
        return self.prefix + name

    def topic(self, asked):
        if asked.get('TopicArn') not in self.topics:
            raise Refusal('NotFound', 'Topic does not exist', 404)
        return self.topics[asked['TopicArn']]

    @staticmethod
    def entries_of(asked):
        """The members of a list in a form: PublishBatchRequestEntries.member.1.Id=…"""
        entries = {}
        for name, value in asked.items():
            parts = name.split('.', 3)
            if parts[0] == 'PublishBatchRequestEntries' and len(parts) == 4:
                entries.setdefault(int(parts[2]), {})[parts[3]] = value
        return [entries[number] for number in sorted(entries)]

    async def PublishBatch(self, asked, blows):
        topic, entries = self.topic(asked), self.entries_of(asked)
        if not entries or len(entries) > PUBLISH_MAX:
            raise Refusal('TooManyEntriesInBatchRequest' if entries else 'EmptyBatchRequest', f'{len(entries)} entries')
        if len({entry['Id'] for entry in entries}) != len(entries):
            raise Refusal('BatchEntryIdsNotDistinct', 'Two entries have one id.')
        if sum(len(entry['Message'].encode()) for entry in entries) > PUBLISH_BYTES_MAX:
            raise Refusal('BatchRequestTooLong', 'The entries are above 256 KiB.')
        refused = blows.refused(len(entries))
        done = failed = ''
        for index, entry in enumerate(entries):
            subject = entry.get('Subject')
            if index in refused:
                failed += (f'<member><Id>{entry["Id"]}</Id><Code>{refused[index]}</Code><Message>The stub refused this '
                           'entry.</Message><SenderFault>false</SenderFault></member>')
            elif subject is not None and not (1 <= len(subject) <= 100 and subject.isascii() and subject.isprintable()):
                failed += (f'<member><Id>{entry["Id"]}</Id><Code>InvalidParameter</Code><Message>Invalid parameter: Subject'
                           '</Message><SenderFault>true</SenderFault></member>')
            else:
                topic.append(entry)
                done += f'<member><Id>{entry["Id"]}</Id><MessageId>{uuid.uuid4()}</MessageId></member>'
        return f'<Successful>{done}</Successful><Failed>{failed}</Failed>'

    async def GetTopicAttributes(self, asked, _):
        self.topic(asked)
        return f'<Attributes><entry><key>TopicArn</key><value>{asked["TopicArn"]}</value></entry></Attributes>'


class Secrets:
    """Secrets Manager and SSM over the same values. `values`: name → {stage: value}."""

    def __init__(self, region, account):
        self.prefix = f'arn:aws:secretsmanager:{region}:{account}:secret:'
        self.values = {}

    def put(self, name, current, **stages):
        self.values[name] = {'AWSCURRENT': current, **stages}

    async def GetSecretValue(self, asked, _):
        name = asked['SecretId'].removeprefix(self.prefix)
        stage = asked.get('VersionStage', 'AWSCURRENT')
        if stage not in self.values.get(name, {}):
            raise Refusal('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
        return {'ARN': self.prefix + name, 'Name': name, 'SecretString': self.values[name][stage],
                'VersionId': str(uuid.uuid4()), 'VersionStages': [stage], 'CreatedDate': time.time()}

    async def GetParameter(self, asked, _):
        name = asked['Name']
        if name not in self.values:
            raise Refusal('ParameterNotFound', f'{name} was not found')
        return {'Parameter': {'Name': name, 'Type': 'SecureString', 'Value': self.values[name]['AWSCURRENT'], 'Version': 1}}
