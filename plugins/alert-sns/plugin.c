// SPDX-License-Identifier: Apache-2.0
//
// alert-sns: publishes alerts to a topic of Amazon SNS.
//
// The open, and health while nothing was published lately, ask for the topic's attributes: that proves endpoint,
// credentials and topic.
#include "plugins/alert-sns/message.h"
#include "plugins/alert-sns/probe.h"
#include "plugins/alert-sns/publish.h"
#include "plugins/alert-sns/setup.h"
#include "plugins/aws/form.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SNS_MAGIC 0x736e7321u
/// A publish that went well so lately is proof enough for health, in ns.
#define PROOF_NS (INT64_C(60) * 1000000000)

static const struct ph_option options[] = {
    AWS_OPTIONS(struct sns_config),
    PH_TEXT(struct sns_config, topic_arn, PH_OPTION_REQUIRED, NULL, "The topic's name in full, arn:aws:sns:…"),
    PH_SIZE(struct sns_config, body_limit, 0, "8KiB", 0, 65536, "How much of a body is published, in bytes."),
};

static const struct ph_right rights[] = {
    {.action = "sns:Publish",
     .operation = PH_ALERT_PUBLISH,
     .resource = "{topic_arn}",
     .purpose = "Publishes alerts, in batches."},
    {.action = "sns:GetTopicAttributes",
     .operation = PH_OPEN,
     .resource = "{topic_arn}",
     .purpose = "Finds out at the start whether the topic is there."},
    {.action = "sns:GetTopicAttributes",
     .operation = PH_HEALTH,
     .resource = "{topic_arn}",
     .purpose = "Finds out whether the topic can be reached."},
    {.action = "kms:GenerateDataKey",
     .operation = PH_ALERT_PUBLISH,
     .resource = "{key}",
     .via = "sns",
     .purpose = "Encrypts alerts, where the topic has a key of its own."},
    {.action = "kms:Decrypt",
     .operation = PH_ALERT_PUBLISH,
     .resource = "{key}",
     .via = "sns",
     .purpose = "Encrypts alerts, where the topic has a key of its own."},
    {.action = "sns:CreateTopic",
     .operation = PH_SETUP,
     .resource = "{topic_arn}",
     .purpose = "Makes the topic for local use."},
};

static struct sns *sns_from(void *instance)
{
    struct sns *sns = instance;
    assert(sns != NULL && sns->magic == SNS_MAGIC);
    return sns;
}

static struct ph_call *finished(struct ph_call *call, enum ph_outcome outcome)
{
    for (size_t i = 0; i < call->count; i++) {
        call->results[i]->outcome = outcome;
    }
    return call;
}

// --- Asking for the topic ----------------------------------------------------------------------------------

static struct aws_exchange *ask_topic(struct sns *sns, aws_done_f *done, struct ph_call *call)
{
    const char *topic = sns->config->topic_arn;
    struct buffer form;
    char *body = NULL;
    size_t length = 0;
    buffer_init(&form, 8192);
    aws_form_add(&form, "TopicArn", topic, strlen(topic));
    if (!buffer_failed(&form) && (body = call->host->alloc(call, form.length + 1)) != NULL) {
        length = form.length;
        memcpy(body, form.data, length);
    }
    buffer_free(&form);
    const struct aws_request request = {.service = &sns_service,
                                        .operation = "GetTopicAttributes",
                                        .body = {body != NULL ? body : "", length},
                                        .response_limit = (size_t)1 << 20};
    return aws_send(sns->client, &request, done, call);
}

static void set_failure(struct sns *sns, struct ph_call *call, const struct aws_answer *answer)
{
    if (answer->outcome == PH_NOT_FOUND) {
        call->host->set(call, 0, PH_UNAVAILABLE, 0,
                        "the topic %s does not exist; make it with Terraform, or with posthouse setup for local use",
                        sns->config->topic_arn);
    } else {
        call->host->set(call, 0, answer->outcome, answer->delay_ms, "%s", answer->text);
    }
}

// --- Open and close ----------------------------------------------------------------------------------------

static void sns_free(struct sns *sns)
{
    sns->magic = 0;
    free(sns);
}

static void open_failed(void *context)
{
    struct ph_call *call = context;
    sns_free(sns_from(call->data));
    call->host->complete(call);
}

static void on_opened(void *context, const struct aws_answer *answer)
{
    struct ph_call *call = context;
    struct sns *sns = sns_from(call->data);
    if (answer->outcome != PH_OK) {
        set_failure(sns, call, answer);
        aws_client_close(sns->client, open_failed, call);
        return;
    }
    ((struct ph_opened *)call->outputs[0])->instance = sns;
    call->host->complete(finished(call, PH_OK));
}

static bool topic_is_sound(const char *arn)
{
    return strncmp(arn, "arn:", 4) == 0 && strstr(arn, ":sns:") != NULL && strlen(arn) <= 1024;
}

static void sns_open(void *instance, struct ph_call *call)
{
    (void)instance;
    if (call->count == 0) {
        call->host->complete(call);
        return;
    }
    const struct sns_config *config = ((const struct ph_open *)call->entries[0])->config;
    char region[64];
    if (!topic_is_sound(config->topic_arn)) {
        call->host->set(call, 0, PH_INVALID, 0, "topic_arn is not of the form arn:aws:sns:REGION:ACCOUNT:NAME: %.200s",
                        config->topic_arn);
        call->host->complete(call);
        return;
    }
    struct sns *sns = calloc(1, sizeof *sns);
    bool known = aws_region_of(config->topic_arn, region, sizeof region);
    struct aws_client *client = aws_client_new(call->host, &config->aws, known ? region : NULL);
    if (sns == NULL || client == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    *sns = (struct sns){.magic = SNS_MAGIC, .host = call->host, .config = config, .client = client};
    LIST_INIT(&sns->publishes);
    LIST_INIT(&sns->probes);
    call->data = sns;
    ask_topic(sns, on_opened, call);
}

static void on_closed(void *context)
{
    struct ph_call *call = context;
    sns_free(sns_from(call->data));
    call->host->complete(finished(call, PH_OK));
}

static void sns_close(void *instance, struct ph_call *call)
{
    struct sns *sns = sns_from(instance);
    call->data = sns;
    aws_client_close(sns->client, on_closed, call);
}

// --- The other operations ----------------------------------------------------------------------------------

static void set_healthy(struct sns *sns, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        ((struct ph_health *)call->outputs[i])->detail = aws_client_health(sns->client, call);
    }
    call->host->complete(finished(call, PH_OK));
}

static void on_health(void *context, const struct aws_answer *answer)
{
    struct ph_call *call = context;
    struct sns *sns = sns_from(call->data);
    if (answer->outcome == PH_OK) {
        set_healthy(sns, call);
    } else {
        ((struct ph_health *)call->outputs[0])->detail = aws_client_health(sns->client, call);
        set_failure(sns, call, answer);
        call->host->complete(call);
    }
}

static void sns_health(void *instance, struct ph_call *call)
{
    struct sns *sns = sns_from(instance);
    int64_t now = call->host->monotonic(call->host);
    if (call->count == 0 || (sns->published_at != 0 && now - sns->published_at < PROOF_NS)) {
        set_healthy(sns, call);
        return;
    }
    call->data = sns;
    ask_topic(sns, on_health, call);
}

static void sns_publish(void *instance, struct ph_call *call)
{
    sns_publish_start(sns_from(instance), call);
}

static void sns_cancel(void *instance, struct ph_call *call)
{
    struct sns *sns = sns_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_cancel *entry = call->entries[i];
        const bool found = sns_publish_cancel(sns, entry->call) || aws_probe_cancel(&sns->probes, entry->call);
        call->results[i]->outcome = found ? PH_OK : PH_NOT_FOUND;
    }
    call->host->complete(call);
}

static void sns_probe(void *instance, struct ph_call *call)
{
    sns_probe_start(sns_from(instance), call);
}

static const struct ph_common_operations common = {
    .open = sns_open,
    .close = sns_close,
    .health = sns_health,
    .cancel = sns_cancel,
    .setup = sns_setup,
    .probe = sns_probe,
};

static const struct ph_alert_operations operations = {.publish = sns_publish};

PH_PLUGIN(struct ph_alert_operations, .kind = PH_KIND_ALERT, .name = "sns", .version = "1.0.0",
          .summary = "Publishes alerts to a topic of Amazon SNS.", .config_size = sizeof(struct sns_config),
          PH_OPTIONS(options), PH_RIGHTS(rights), .batch_limit = SNS_BATCH_MAX, .concurrency = 4, .common = &common,
          .operations = &operations);
