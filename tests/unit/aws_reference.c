// SPDX-License-Identifier: Apache-2.0
//
// What plugins/aws computes, for tests that compare it with botocore: reads a JSON object a line, writes one a line.
//   {"sign": {method, path, query, headers: [[name, value]…], body (hexadecimal), region, service, id, secret, token,
//             time_ms}}   →   {"authorization": …, "canonical": …}
//   {"endpoint": {service, region, fips, dual_stack}}   →   {"url": … or null}
#include "core/encode.h"
#include "plugins/aws/endpoint.h"
#include "plugins/aws/sign.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static size_t headers_of(const json_t *object, struct aws_header headers_r[AWS_SIGN_HEADERS_MAX])
{
    const json_t *list = json_object_get(object, "headers");
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < AWS_SIGN_HEADERS_MAX; i++) {
        const json_t *pair = json_array_get(list, i);
        headers_r[i] =
            (struct aws_header){json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1))};
    }
    return count;
}

static json_t *sign(const json_t *asked, struct aws_sign_cache *cache)
{
    const char *hex = text_of(asked, "body");
    size_t length = strlen(hex) / 2;
    char *body = malloc(length + 1);
    if (body == NULL || !decode_hex(hex, length * 2, body, length)) {
        abort();
    }
    struct aws_header headers[AWS_SIGN_HEADERS_MAX];
    const struct aws_keys keys = {text_of(asked, "id"), text_of(asked, "secret"), text_of(asked, "token")};
    const struct aws_signing signing = {.method = text_of(asked, "method"),
                                        .path = text_of(asked, "path"),
                                        .query = text_of(asked, "query"),
                                        .headers = headers,
                                        .header_count = headers_of(asked, headers),
                                        .body = {body, length},
                                        .region = text_of(asked, "region"),
                                        .service = text_of(asked, "service"),
                                        .keys = &keys,
                                        .time_ms = json_integer_value(json_object_get(asked, "time_ms"))};
    struct buffer authorization;
    struct buffer canonical;
    buffer_init(&authorization, 1 << 20);
    buffer_init(&canonical, 1 << 20);
    json_t *answer = NULL;
    if (aws_sign(&signing, cache, &authorization) && aws_sign_canonical(&signing, &canonical)) {
        answer = json_pack("{s:s, s:s}", "authorization", buffer_string(&authorization), "canonical",
                           buffer_string(&canonical));
    }
    buffer_free(&authorization);
    buffer_free(&canonical);
    free(body);
    return answer != NULL ? answer : json_pack("{s:n}", "authorization");
}

static json_t *endpoint(const json_t *asked)
{
    char url[AWS_URL_SIZE];
    bool known = aws_endpoint_url(text_of(asked, "service"), text_of(asked, "region"),
                                  json_is_true(json_object_get(asked, "fips")),
                                  json_is_true(json_object_get(asked, "dual_stack")), url);
    return json_pack("{s:s?}", "url", known ? url : NULL);
}

int main(void)
{
    struct aws_sign_cache cache = {0};
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_t *asked = json_loads(line, 0, NULL);
        const json_t *signing = json_object_get(asked, "sign");
        json_t *answer = signing != NULL ? sign(signing, &cache) : endpoint(json_object_get(asked, "endpoint"));
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(answer);
        json_decref(asked);
    }
    free(line);
    aws_sign_forget(&cache);
    return 0;
}
