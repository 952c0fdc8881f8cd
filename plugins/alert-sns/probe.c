// SPDX-License-Identifier: Apache-2.0
//
// See plugins/alert-sns/probe.h. Publishing is tried by an alert that is wrong twice: its subject is longer than the 100
// characters that SNS takes, and it is said to be JSON with a text for each protocol, but lacks the text that must be there
// (`default`). PublishBatch refuses it by itself, in an answer with status 200, or refuses the request; that is then
// sent elsewhere too, see plugins/aws/probe.h. Looking at the topic is what health does.
#include "plugins/alert-sns/probe.h"
#include "plugins/aws/form.h"
#include <string.h>

#define ENTRY "PublishBatchRequestEntries.member.1."
#define SUBJECT_LENGTH 200
#define TOPIC_MAX 4096

static void add(struct buffer *form, const char *name, const char *value)
{
    aws_form_add(form, name, value, strlen(value));
}

static void write_publish(struct buffer *form, const void *config, bool elsewhere)
{
    const char *topic = ((const struct sns_config *)config)->topic_arn;
    char subject[SUBJECT_LENGTH];
    memset(subject, 'x', sizeof subject);
    struct buffer other;
    buffer_init(&other, TOPIC_MAX);
    aws_elsewhere(&other, topic, ':');
    aws_form_add(form, "TopicArn", elsewhere ? other.data : topic, elsewhere ? other.length : strlen(topic));
    buffer_free(&other);
    add(form, ENTRY "Id", "0");
    aws_form_add(form, ENTRY "Subject", subject, sizeof subject);
    add(form, ENTRY "MessageStructure", "json");
    add(form, ENTRY "Message", "{}");
    if (sns_topic_is_fifo(topic)) { // without these the request is refused before its entries are looked at
        add(form, ENTRY "MessageGroupId", "0");
        add(form, ENTRY "MessageDeduplicationId", "0");
    }
}

static const struct aws_trial trials[] = {{"sns:Publish", &sns_service, "PublishBatch", write_publish}};

void sns_probe_start(struct sns *sns, struct ph_call *call)
{
    aws_probe(&sns->probes, sns->client, trials, sizeof trials / sizeof trials[0], sns->config, call);
}
