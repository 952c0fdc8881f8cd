// SPDX-License-Identifier: Apache-2.0
//
// Credentials of an instance's role, from its metadata service in version 2: a token, the role's name, its keys.
// Version 1, which needs no token, is not asked: what a confused program can be made to fetch must not hold keys.
#include "plugins/aws/fetch.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST "http://169.254.169.254"
#define HOST_IPV6 "http://[fd00:ec2::254]"
#define ROLES "/latest/meta-data/iam/security-credentials/"
#define WHO "the instance's metadata"
#define TRIES 3
#define CONNECT_MS 1000
#define NAME_MAX_LENGTH 128

// Puts the address of that path into fetch->url.
static bool make_url(struct aws_fetch *fetch, const char *path, struct ph_text name)
{
    const char *given = aws_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = aws_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    const char *host = given != NULL ? given : mode != NULL && strcasecmp(mode, "IPv6") == 0 ? HOST_IPV6 : HOST;
    size_t length = strlen(host);
    while (length > 0 && host[length - 1] == '/') {
        length--;
    }
    int written =
        snprintf(fetch->url, sizeof fetch->url, "%.*s%s%.*s", (int)length, host, path, (int)name.length, name.bytes);
    return written > 0 && (size_t)written < sizeof fetch->url;
}

static bool is_good(const struct ph_http_response *response)
{
    return response != NULL && response->outcome == PH_OK && response->status == 200;
}

static void on_keys(void *context, const struct ph_http_response *response)
{
    aws_fetch_end_json(context, WHO, response);
}

// The first line of the answer is the role's name.
static void on_role(void *context, const struct ph_http_response *response)
{
    struct aws_fetch *fetch = context;
    if (response != NULL && response->outcome == PH_OK && response->status == 404) {
        aws_fetch_end(fetch, PH_DENIED, "no credentials: this instance has no role, and nothing else is set up");
        return;
    }
    if (!is_good(response)) {
        aws_fetch_end_response(fetch, WHO, response);
        return;
    }
    struct ph_text name = {response->body.bytes, strcspn(response->body.bytes, "\r\n")};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+=,.@_-";
    if (name.length == 0 || name.length > NAME_MAX_LENGTH || strspn(name.bytes, letters) < name.length ||
        !make_url(fetch, ROLES, name)) {
        aws_fetch_end(fetch, PH_UNAVAILABLE, WHO " names no role");
        return;
    }
    aws_errand_http(&fetch->errand, &fetch->request, TRIES, on_keys, fetch);
}

static void on_token(void *context, const struct ph_http_response *response)
{
    struct aws_fetch *fetch = context;
    if (!is_good(response)) {
        aws_fetch_end_response(fetch, WHO, response);
        return;
    }
    struct ph_text token = response->body;
    buffer_text(&fetch->header, "X-aws-ec2-metadata-token: ");
    buffer_append(&fetch->header, token.bytes, token.length);
    const char *line = buffer_string(&fetch->header);
    if (line == NULL || token.length == 0 || strpbrk(line, "\r\n") != NULL || strlen(line) != fetch->header.length ||
        !make_url(fetch, ROLES, (struct ph_text){"", 0})) {
        aws_fetch_end(fetch, PH_UNAVAILABLE, WHO " gave no token");
        return;
    }
    aws_fetch_request(fetch, "GET", line, CONNECT_MS);
    aws_errand_http(&fetch->errand, &fetch->request, TRIES, on_role, fetch);
}

void aws_fetch_instance(struct aws_fetch *fetch)
{
    if (!make_url(fetch, "/latest/api/token", (struct ph_text){"", 0})) {
        aws_fetch_end(fetch, PH_DENIED, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
        return;
    }
    aws_fetch_request(fetch, "PUT", "X-aws-ec2-metadata-token-ttl-seconds: 21600", CONNECT_MS);
    aws_errand_http(&fetch->errand, &fetch->request, TRIES, on_token, fetch);
}
