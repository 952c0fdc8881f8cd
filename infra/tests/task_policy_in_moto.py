#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# Loads the task policy of Terraform into moto with IAM enforcement on, and does with it what the daemon's plugins do; then
# takes each action away in turn and wants exactly that operation denied. The daemon itself runs under its own
# policy, which task_policy.py holds against this one, in tests/e2e/test_policy.py.
#
#   task_policy_in_moto.py RESOURCES
#
# tests/cloud/moto_policy.py puts the policy into moto's words, as for the daemon's own tests.
import json
import logging
import pathlib
import sys
import urllib.request

import boto3
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "cloud"))
from moto_policy import as_list, translated, without  # noqa: E402
from task_policy import from_terraform  # noqa: E402

REGION, ACCOUNT = "eu-west-1", "123456789012"


class Stack:
    """The resources in moto, and a user who has the policy."""

    def __init__(self, url):
        self.url = url
        admin = self.session("admin", "admin")
        self.iam = admin("iam")
        admin("dynamodb").create_table(
            TableName="posthouse-messages", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
        self.queue = admin("sqs").create_queue(QueueName="posthouse-jobs")["QueueUrl"]
        self.other = admin("sqs").create_queue(QueueName="somebody-elses")["QueueUrl"]
        self.topic = admin("sns").create_topic(Name="posthouse-alerts")["TopicArn"]
        self.secret = admin("secretsmanager").create_secret(Name="posthouse/db", SecretString='{"password": "x"}')["ARN"]
        self.iam.create_user(UserName="daemon")
        key = self.iam.create_access_key(UserName="daemon")["AccessKey"]
        self.client = self.session(key["AccessKeyId"], key["SecretAccessKey"])
        self.verify(True)

    def verify(self, on):
        """Turns moto's verification of signatures and policies on or off."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=b"0" if on else b"inf",
                                         headers={"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(request).read()

    def session(self, key, secret):
        def client(service):
            return boto3.client(service, region_name=REGION, endpoint_url=self.url,
                                aws_access_key_id=key, aws_secret_access_key=secret)
        return client

    def give(self, policy):
        """Gives the user this policy; verification is off meanwhile."""
        self.verify(False)
        self.iam.put_user_policy(UserName="daemon", PolicyName="task", PolicyDocument=json.dumps(policy))
        self.verify(True)

    def operations(self):
        """By action, what the plugins do with it."""
        dynamodb, sqs, sns, secrets = (self.client(s) for s in ("dynamodb", "sqs", "sns", "secretsmanager"))
        table, queue = "posthouse-messages", self.queue
        return {
            "dynamodb:BatchWriteItem": lambda: dynamodb.batch_write_item(
                RequestItems={table: [{"PutRequest": {"Item": {"id": {"S": "1"}, "ttl": {"N": "1"}}}}]}),
            "dynamodb:BatchGetItem": lambda: dynamodb.batch_get_item(RequestItems={table: {"Keys": [{"id": {"S": "1"}}]}}),
            "dynamodb:DescribeTable": lambda: dynamodb.describe_table(TableName=table),
            "sqs:SendMessage": lambda: sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "x"}]),
            "sqs:ReceiveMessage": lambda: sqs.receive_message(QueueUrl=queue),
            "sqs:GetQueueAttributes": lambda: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"]),
            "sqs:ChangeMessageVisibility": lambda: sqs.change_message_visibility_batch(
                QueueUrl=queue, Entries=[{"Id": "1", "ReceiptHandle": "none", "VisibilityTimeout": 1}]),
            "sqs:DeleteMessage": lambda: sqs.delete_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "ReceiptHandle": "none"}]),
            "sns:Publish": lambda: sns.publish_batch(
                TopicArn=self.topic, PublishBatchRequestEntries=[{"Id": "1", "Message": "x"}]),
            "sns:GetTopicAttributes": lambda: sns.get_topic_attributes(TopicArn=self.topic),
            "secretsmanager:GetSecretValue": lambda: secrets.get_secret_value(SecretId=self.secret),
        }


def denied(operation):
    """True if IAM refused; other errors are the operation's own business."""
    try:
        operation()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return code in ("AccessDenied", "AccessDeniedException") or "not authorized" in str(error)
    return False


def main():
    statements = from_terraform(sys.argv[1])
    policy = {"Statement": statements}
    queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:posthouse-jobs"
    if queue_arn not in [r for s in statements for r in as_list(s["Resource"])]:
        sys.exit(f"{pathlib.Path(sys.argv[1]).name}: the task policy does not name {queue_arn}")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    wrong = 0
    try:
        stack = Stack(f"http://{host}:{port}")
        actions = stack.operations()
        stack.give(translated(policy))
        for action, operation in actions.items():
            if denied(operation):
                print(f"denied under the task policy: {action}")
                wrong += 1
        sqs = stack.client("sqs")
        if not denied(lambda: sqs.send_message(QueueUrl=stack.other, MessageBody="x")):
            print("the task policy reaches another queue")
            wrong += 1
        for missing in actions:
            stack.give(translated(without(policy, missing)))
            found = {action for action, operation in actions.items() if denied(operation)}
            if found != {missing}:
                print(f"without {missing}, these were denied: {sorted(found)}")
                wrong += 1
        print(f"{len(actions)} actions tried with the policy, and each taken away in turn")
    finally:
        server.stop()
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
