// SPDX-License-Identifier: Apache-2.0
//
// secret-secretsmanager: secrets from AWS Secrets Manager, and with `ssm:` from the Parameter Store of Systems Manager.
//
// The open finds region and credentials; which secrets there are, only a fetch tells.
#include "plugins/secret-secretsmanager/cache.h"
#include "plugins/secret-secretsmanager/source.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRETS_MAGIC 0x736d6772u

struct secrets_config {
    struct aws_options aws;
    int64_t refresh; // ms; 0: never
};

struct secrets {
    uint32_t magic;
    const struct secrets_config *config;
    struct aws_client *client;
    struct secret_cache *cache;
};

static const struct ph_option options[] = {
    AWS_OPTIONS(struct secrets_config),
    PH_DURATION(struct secrets_config, refresh, 0, "15m", 0, INT64_C(604800000),
                "How often secrets that are held are asked for again; 0 for never."),
};

static const struct ph_right rights[] = {
    {.action = "secretsmanager:GetSecretValue",
     .operation = PH_SECRET_FETCH,
     .resource = "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret}-??????",
     .purpose = "Reads the secrets that the configuration names."},
    {.action = "secretsmanager:GetSecretValue",
     .operation = PH_SECRET_FETCH,
     .resource = "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret:pending:}-??????",
     .purpose = "Reads secrets that are being rotated."},
    {.action = "secretsmanager:GetSecretValue",
     .operation = PH_SECRET_FETCH,
     .resource = "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret:previous:}-??????",
     .purpose = "Reads what secrets were before their rotation."},
    {.action = "ssm:GetParameter",
     .operation = PH_SECRET_FETCH,
     .resource = "arn:{partition}:ssm:{region}:{account}:parameter/{secret:ssm:}",
     .purpose = "Reads the parameters that the configuration names."},
    {.action = "kms:Decrypt",
     .operation = PH_SECRET_FETCH,
     .resource = "{key}",
     .via = "secretsmanager",
     .purpose = "Decrypts secrets that have a key of their own."},
    {.action = "kms:Decrypt",
     .operation = PH_SECRET_FETCH,
     .resource = "{key}",
     .via = "ssm",
     .purpose = "Decrypts parameters that have a key of their own."},
};

static const struct aws_service service = {
    .name = "secretsmanager", .id = "SECRETS_MANAGER", .protocol = AWS_JSON_1_1, .version = "secretsmanager"};

static struct secrets *secrets_from(void *instance)
{
    struct secrets *secrets = instance;
    assert(secrets != NULL && secrets->magic == SECRETS_MAGIC);
    return secrets;
}

static void complete_ok(struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        call->results[i]->outcome = PH_OK;
    }
    call->host->complete(call);
}

static void secrets_free(struct secrets *secrets)
{
    secret_cache_free(secrets->cache);
    secrets->magic = 0;
    free(secrets);
}

// --- Open and close ----------------------------------------------------------------------------------------

static void open_failed(void *context)
{
    struct ph_call *call = context;
    secrets_free(secrets_from(call->data));
    call->host->complete(call);
}

static void on_opened(void *context, const struct aws_answer *answer)
{
    struct ph_call *call = context;
    struct secrets *secrets = secrets_from(call->data);
    if (answer->outcome != PH_OK) {
        call->host->set(call, 0, answer->outcome, answer->delay_ms, "%s", answer->text);
        aws_client_close(secrets->client, open_failed, call);
        return;
    }
    ((struct ph_opened *)call->outputs[0])->instance = secrets;
    complete_ok(call);
}

static void secrets_open(void *instance, struct ph_call *call)
{
    (void)instance;
    if (call->count == 0) {
        call->host->complete(call);
        return;
    }
    const struct secrets_config *config = ((const struct ph_open *)call->entries[0])->config;
    struct secrets *secrets = calloc(1, sizeof *secrets);
    struct aws_client *client = aws_client_new(call->host, &config->aws, NULL);
    struct secret_cache *cache = client != NULL ? secret_cache_new(call->host, client, config->refresh) : NULL;
    if (secrets == NULL || cache == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    *secrets = (struct secrets){.magic = SECRETS_MAGIC, .config = config, .client = client, .cache = cache};
    call->data = secrets;
    aws_prepare(client, &service, on_opened, call);
}

static void on_closed(void *context)
{
    struct ph_call *call = context;
    secrets_free(secrets_from(call->data));
    complete_ok(call);
}

static void secrets_close(void *instance, struct ph_call *call)
{
    struct secrets *secrets = secrets_from(instance);
    call->data = secrets;
    secret_cache_stop(secrets->cache);
    aws_client_close(secrets->client, on_closed, call);
}

// --- The other operations ----------------------------------------------------------------------------------

static const char *describe(struct secrets *secrets, struct ph_call *call, size_t held)
{
    const char *credentials = aws_client_health(secrets->client, call);
    size_t size = (credentials != NULL ? strlen(credentials) : 0) + 64;
    char *line = call->host->alloc(call, size);
    if (line != NULL) {
        snprintf(line, size, "%zu secret%s held; %s", held, held == 1 ? "" : "s",
                 credentials != NULL ? credentials : "");
    }
    return line;
}

static void on_health(void *context, const struct aws_answer *answer)
{
    struct ph_call *call = context;
    struct secrets *secrets = secrets_from(call->data);
    size_t held;
    const char *error;
    enum ph_outcome outcome = secret_cache_health(secrets->cache, &held, &error);
    ((struct ph_health *)call->outputs[0])->detail = describe(secrets, call, held);
    if (answer->outcome != PH_OK) {
        outcome = answer->outcome;
        error = answer->text;
    }
    if (outcome != PH_OK) {
        call->host->set(call, 0, outcome, 0, "%s", error);
    } else {
        call->results[0]->outcome = PH_OK;
    }
    call->host->complete(call);
}

static void secrets_health(void *instance, struct ph_call *call)
{
    struct secrets *secrets = secrets_from(instance);
    if (call->count == 0) {
        call->host->complete(call);
        return;
    }
    call->data = secrets;
    aws_prepare(secrets->client, &service, on_health, call);
}

static void secrets_fetch(void *instance, struct ph_call *call)
{
    secret_cache_fetch(secrets_from(instance)->cache, call);
}

static void secrets_cancel(void *instance, struct ph_call *call)
{
    struct secrets *secrets = secrets_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_cancel *entry = call->entries[i];
        call->results[i]->outcome = secret_cache_cancel(secrets->cache, entry->call) ? PH_OK : PH_NOT_FOUND;
    }
    call->host->complete(call);
}

static const struct ph_common_operations common = {
    .open = secrets_open, .close = secrets_close, .health = secrets_health, .cancel = secrets_cancel};

static const struct ph_secret_operations operations = {.fetch = secrets_fetch};

PH_PLUGIN(struct ph_secret_operations, .kind = PH_KIND_SECRET, .name = "secretsmanager", .version = "1.0.0",
          .summary = "Secrets from AWS Secrets Manager and from the Parameter Store.",
          .config_size = sizeof(struct secrets_config), PH_OPTIONS(options), PH_RIGHTS(rights), .common = &common,
          .operations = &operations);
