// SPDX-License-Identifier: Apache-2.0
//
// Credentials for a token of another identity provider, such as EKS writes to a file: AssumeRoleWithWebIdentity at STS,
// which needs no signature. The file is read again each time.
#include "plugins/aws/fetch.h"
#include "plugins/aws/form.h"
#include "plugins/aws/meter.h"
#include "plugins/aws/verdict.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TRIES 3
#define TOKEN_MAX 20000
#define FORM_CEILING ((size_t)128 << 10)
#define OPERATION "AssumeRoleWithWebIdentity"

static const struct aws_service sts = {.name = "sts", .id = "STS", .protocol = AWS_QUERY, .version = "2011-06-15"};

static const char *first_of(const struct aws_fetch *fetch, const char *variable, const char *of_profile)
{
    const char *value = fetch->settings->options->profile == NULL ? aws_environment(variable) : NULL;
    return value != NULL ? value : of_profile;
}

static void on_answer(void *context, const struct ph_http_response *response)
{
    struct aws_fetch *fetch = context;
    struct aws_verdict verdict;
    char error[128];
    char text[AWS_FETCH_TEXT_SIZE];
    if (response == NULL) {
        aws_fetch_end_response(fetch, "sts", response);
        return;
    }
    aws_verdict_make(&verdict, &sts, OPERATION, response, false);
    enum ph_outcome outcome = verdict.answer.outcome;
    snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, verdict.text);
    if (outcome == PH_OK && !aws_keyset_from_xml(&fetch->keys, verdict.xml, error, sizeof error)) {
        outcome = PH_UNAVAILABLE;
        snprintf(text, sizeof text, "sts " OPERATION ": %s", error);
    }
    aws_verdict_clear(&verdict);
    bool final = outcome == PH_DENIED || outcome == PH_INVALID || outcome == PH_NOT_FOUND;
    aws_fetch_end(fetch, outcome == PH_OK ? PH_OK : final ? PH_DENIED : PH_UNAVAILABLE, "%s", text);
}

static bool make_request(struct aws_fetch *fetch, const struct ph_text *token, const char *role, const char *session)
{
    struct buffer form;
    buffer_init(&form, FORM_CEILING);
    aws_form_add(&form, "RoleArn", role, strlen(role));
    aws_form_add(&form, "RoleSessionName", session, strlen(session));
    aws_form_add(&form, "WebIdentityToken", token->bytes, token->length);
    const struct aws_request request = {.service = &sts,
                                        .operation = OPERATION,
                                        .body = {form.data, form.length},
                                        .response_limit = AWS_ERRAND_ANSWER_MAX};
    const struct aws_wire_plan plan = {
        .request = &request,
        .endpoint = &fetch->endpoint,
        .timeout_ms = (uint32_t)fetch->settings->options->timeout,
        .connect_timeout_ms = (uint32_t)fetch->settings->options->connect_timeout,
        .ca_file = aws_settings_ca_file(fetch->settings),
    };
    bool made = !buffer_failed(&form) && aws_wire_make(&fetch->wire, &plan);
    buffer_free(&form);
    return made;
}

static void on_token(void *context, struct ph_text token, int error)
{
    struct aws_fetch *fetch = context;
    const struct aws_profile *profile = &fetch->settings->profile;
    const char *role = first_of(fetch, "AWS_ROLE_ARN", profile->role_arn);
    const char *session = first_of(fetch, "AWS_ROLE_SESSION_NAME", profile->role_session_name);
    char made[64];
    char text[256];
    if (error != 0) {
        const char *path = first_of(fetch, "AWS_WEB_IDENTITY_TOKEN_FILE", profile->web_identity_token_file);
        aws_fetch_end_file(fetch, "the web identity token", path != NULL ? path : "", error);
        return;
    }
    if (role == NULL) {
        aws_fetch_end(fetch, PH_DENIED, "web identity: AWS_ROLE_ARN is not set");
        return;
    }
    if (session == NULL) {
        snprintf(made, sizeof made, "posthouse-%" PRId64, fetch->host->now(fetch->host));
        session = made;
    }
    while (token.length > 0 && strchr(" \r\n", token.bytes[token.length - 1]) != NULL) {
        token.length--;
    }
    if (!aws_settings_endpoint(fetch->settings, &sts, true, &fetch->endpoint, text, sizeof text)) {
        aws_fetch_end(fetch, PH_DENIED, "web identity: %s", text);
    } else if (!make_request(fetch, &token, role, session)) {
        aws_fetch_end(fetch, PH_DENIED, "web identity: the token is too long");
    } else {
        aws_meter_count(fetch->meter, sts.name, OPERATION);
        aws_errand_http(&fetch->errand, &fetch->wire.http, TRIES, on_answer, fetch);
    }
}

void aws_fetch_web_identity(struct aws_fetch *fetch, const char *token_file)
{
    if (token_file == NULL) {
        aws_fetch_end(fetch, PH_DENIED, "web identity: there is no file with a token any more");
        return;
    }
    aws_errand_file(&fetch->errand, token_file, TOKEN_MAX, on_token, fetch);
}
