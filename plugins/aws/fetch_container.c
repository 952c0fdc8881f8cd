// SPDX-License-Identifier: Apache-2.0
//
// Credentials of a container's role: ECS tells a path at 169.254.170.2, EKS Pod Identity a whole URL and a file with a
// token, which is read again each time.
#include "plugins/aws/fetch.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST "http://169.254.170.2"
#define WHO "the container endpoint"
#define TRIES 3
#define CONNECT_MS 1000
#define TOKEN_MAX 16000

bool aws_container_url_is_allowed(const char *url)
{
    static const char *const hosts[] = {"localhost",     "127.0.0.1",      "[::1]",
                                        "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    struct aws_endpoint endpoint;
    if (!aws_endpoint_read(url, &endpoint)) {
        return false;
    }
    if (strncasecmp(url, "https://", 8) == 0) {
        return true;
    }
    size_t length = endpoint.host[0] == '[' ? strcspn(endpoint.host, "]") + 1 : strcspn(endpoint.host, ":");
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strlen(hosts[i]) == length && strncasecmp(endpoint.host, hosts[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static void on_answer(void *context, const struct ph_http_response *response)
{
    aws_fetch_end_json(context, WHO, response);
}

static void send(struct aws_fetch *fetch, struct ph_text token)
{
    while (token.length > 0 && strchr("\r\n", token.bytes[token.length - 1]) != NULL) {
        token.length--;
    }
    if (memchr(token.bytes, '\r', token.length) != NULL || memchr(token.bytes, '\n', token.length) != NULL ||
        memchr(token.bytes, '\0', token.length) != NULL) {
        aws_fetch_end(fetch, PH_DENIED, "the token for " WHO " holds a line end");
        return;
    }
    buffer_printf(&fetch->header, "Authorization: %.*s", (int)token.length, token.bytes);
    const char *line = token.length > 0 ? buffer_string(&fetch->header) : NULL;
    aws_fetch_request(fetch, "GET", line, CONNECT_MS);
    aws_errand_http(&fetch->errand, &fetch->request, TRIES, on_answer, fetch);
}

static void on_token(void *context, struct ph_text content, int error)
{
    struct aws_fetch *fetch = context;
    const char *path = aws_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (error != 0) {
        aws_fetch_end_file(fetch, "the token for " WHO, path != NULL ? path : "", error);
    } else {
        send(fetch, content);
    }
}

void aws_fetch_container(struct aws_fetch *fetch)
{
    const char *relative = aws_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = aws_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    int length = relative != NULL ? snprintf(fetch->url, sizeof fetch->url, HOST "%s", relative)
                                  : snprintf(fetch->url, sizeof fetch->url, "%s", full != NULL ? full : "");
    bool fits = length > 0 && (size_t)length < sizeof fetch->url && (relative == NULL || relative[0] == '/');
    if (!fits || !aws_container_url_is_allowed(fetch->url)) {
        aws_fetch_end(fetch, PH_DENIED,
                      "the address of " WHO " in the environment is refused: only https, or http to this machine or to "
                      "the addresses of ECS and EKS");
        return;
    }
    const char *file = aws_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = aws_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file != NULL) {
        aws_errand_file(&fetch->errand, file, TOKEN_MAX, on_token, fetch);
    } else {
        send(fetch, (struct ph_text){token != NULL ? token : "", token != NULL ? strlen(token) : 0});
    }
}
