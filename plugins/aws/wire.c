// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/wire.h.
#include "plugins/aws/wire.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_CEILING ((size_t)64 << 10)
#define VALUE_SIZE 256
// What these texts take without a session token.
#define USUAL ((size_t)600)

// The body of a query service: the action and the version before the caller's parameters.
static bool make_body(struct aws_wire *wire, const struct aws_request *request, struct ph_text *body_r)
{
    if (request->service->protocol != AWS_QUERY) {
        *body_r = request->body;
        return true;
    }
    buffer_init(&wire->form, AWS_BODY_MAX + HEAD_CEILING);
    buffer_printf(&wire->form, "Action=%s&Version=%s", request->operation, request->service->version);
    buffer_append(&wire->form, request->body.bytes, request->body.length);
    *body_r = (struct ph_text){wire->form.data, wire->form.length};
    return !buffer_failed(&wire->form);
}

static const char *content_type_of(enum aws_protocol protocol)
{
    switch (protocol) {
    case AWS_JSON_1_0:
        return "application/x-amz-json-1.0";
    case AWS_JSON_1_1:
        return "application/x-amz-json-1.1";
    case AWS_QUERY:
        break;
    }
    return "application/x-www-form-urlencoded; charset=utf-8";
}

// The headers as lines for the host, whose places in `head` are known once it no longer grows.
static bool make_lines(struct aws_wire *wire, const struct aws_header *headers, size_t count)
{
    size_t places[AWS_WIRE_HEADERS];
    for (size_t i = 0; i < count; i++) {
        places[i] = wire->head.length;
        buffer_text(&wire->head, headers[i].name);
        buffer_text(&wire->head, ": ");
        buffer_text(&wire->head, headers[i].value);
        buffer_byte(&wire->head, '\0');
    }
    if (buffer_failed(&wire->head)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        wire->lines[i] = wire->head.data + places[i];
    }
    wire->lines[count] = NULL;
    return true;
}

static bool sign(const struct aws_wire_plan *plan, const struct aws_header *headers, size_t count, struct ph_text body,
                 int64_t time_ms, struct buffer *authorization)
{
    const struct aws_signing signing = {
        .method = "POST",
        .path = plan->endpoint->path,
        .query = "",
        .headers = headers,
        .header_count = count,
        .body = body,
        .region = plan->region,
        .service = plan->request->service->name,
        .keys = plan->keys,
        .time_ms = time_ms,
    };
    return aws_sign(&signing, plan->cache, authorization) && buffer_string(authorization) != NULL;
}

// All headers that are sent, the signature last.
static bool make_head(struct aws_wire *wire, const struct aws_wire_plan *plan, struct ph_text body)
{
    const struct aws_service *service = plan->request->service;
    char time[AWS_SIGN_TIME_SIZE];
    char target[VALUE_SIZE];
    struct aws_header headers[AWS_WIRE_HEADERS];
    size_t count = 0;
    int64_t time_ms = plan->now_ms + plan->skew_ms;
    headers[count++] = (struct aws_header){"Host", plan->endpoint->host};
    headers[count++] = (struct aws_header){"Content-Type", content_type_of(service->protocol)};
    if (service->protocol != AWS_QUERY) {
        snprintf(target, sizeof target, "%s.%s", service->version, plan->request->operation);
        headers[count++] = (struct aws_header){"X-Amz-Target", target};
    }
    buffer_init(&wire->head, HEAD_CEILING);
    buffer_reserve(&wire->head, USUAL);
    if (plan->keys == NULL) {
        return make_lines(wire, headers, count);
    }
    aws_sign_time(time_ms, time);
    headers[count++] = (struct aws_header){"X-Amz-Date", time};
    if (plan->keys->token != NULL && plan->keys->token[0] != '\0') {
        headers[count++] = (struct aws_header){"X-Amz-Security-Token", plan->keys->token};
    }
    struct buffer authorization;
    buffer_init(&authorization, HEAD_CEILING);
    buffer_reserve(&authorization, USUAL);
    bool good = sign(plan, headers, count, body, time_ms, &authorization);
    if (good) {
        headers[count++] = (struct aws_header){"Authorization", buffer_string(&authorization)};
        good = make_lines(wire, headers, count);
    }
    buffer_free(&authorization);
    return good;
}

bool aws_wire_make(struct aws_wire *wire, const struct aws_wire_plan *plan)
{
    struct ph_text body;
    memset(wire, 0, sizeof *wire);
    if (!make_body(wire, plan->request, &body) || !make_head(wire, plan, body)) {
        aws_wire_clear(wire);
        return false;
    }
    wire->skew_ms = plan->skew_ms;
    wire->key_id = plan->keys != NULL ? strdup(plan->keys->id) : NULL;
    wire->http = (struct ph_http_request){
        .method = "POST",
        .url = plan->endpoint->url,
        .headers = wire->lines,
        .body = body,
        .timeout_ms = plan->timeout_ms,
        .connect_timeout_ms = plan->connect_timeout_ms,
        .response_limit = plan->request->response_limit,
        .ca_file = plan->ca_file,
    };
    return true;
}

static void wipe(struct buffer *buffer)
{
    if (buffer->data != NULL) {
        OPENSSL_cleanse(buffer->data, buffer->length);
    }
    buffer_free(buffer);
}

void aws_wire_clear(struct aws_wire *wire)
{
    wipe(&wire->head);
    wipe(&wire->form);
    free(wire->key_id);
    memset(wire, 0, sizeof *wire);
}
