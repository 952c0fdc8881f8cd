// SPDX-License-Identifier: Apache-2.0
//
// A request is one allocation (and one for its body): the struct, the arrays, a copy of the head in which separators
// become NULs, and behind it what had to be decoded.
#include "core/http_message.h"

#include <stdlib.h>
#include <string.h>

#include "core/encode.h"
#include "core/http_target.h"
#include "core/random.h"
#include "core/traceparent.h"
#include "core/xalloc.h"

#define RANDOM_ID_BYTES 16

// Sizes and places of the parts of the block; everything is bounded by the head's limit.
struct layout {
    struct http_target target;
    size_t parameters;
    size_t decoded; // bytes for the decoded path, query and authority
};

static enum http_fault plan(const struct http_head *head, const char *bytes, struct layout *layout_r)
{
    struct http_target *target = &layout_r->target;
    enum http_fault fault = http_target_split(bytes + head->target.at, head->target.length, head->method, target);
    if (fault != HTTP_FAULT_NONE) {
        return fault;
    }
    layout_r->parameters = http_query_count(target->query);
    if (layout_r->parameters > HTTP_PARAMETERS_MAX) {
        return HTTP_FAULT_PARAMETERS;
    }
    layout_r->decoded = target->path.length + 1 + target->query.length + 1 + layout_r->parameters +
                        target->authority.length + 1;
    return HTTP_FAULT_NONE;
}

static struct http_request *allocate(const struct http_head *head, const char *bytes, const struct layout *layout,
                                     char **decoded_r)
{
    size_t parameters = layout->parameters * sizeof(struct http_parameter);
    size_t fields = head->field_count * sizeof(struct http_field);
    size_t size = sizeof(struct http_request) + parameters + fields + head->offset + layout->decoded;
    struct http_request *request = xmalloc(size);
    memset(request, 0, sizeof(*request));
    request->magic = HTTP_REQUEST_MAGIC;
    request->parameters = (struct http_parameter *)(request + 1);
    request->fields = (struct http_field *)((char *)(request + 1) + parameters);
    request->text = (char *)(request + 1) + parameters + fields;
    memcpy(request->fields, head->fields, fields);
    memcpy(request->text, bytes, head->offset);
    request->field_count = head->field_count;
    *decoded_r = request->text + head->offset;
    return request;
}

static void end_span(struct http_request *request, struct http_span span)
{
    request->text[span.at + span.length] = '\0';
}

static enum http_fault decode_target(struct http_request *request, const struct http_target *target, char *out)
{
    enum http_fault fault =
        http_path_decode(target->path, request->segments, HTTP_SEGMENTS_MAX, out, &request->segment_count);
    if (fault != HTTP_FAULT_NONE) {
        return fault;
    }
    out += target->path.length + 1;
    return http_query_decode(target->query, request->parameters, HTTP_PARAMETERS_MAX, out, &request->parameter_count);
}

// The pieces of `target` lie in the connection's bytes: the same places in the request's copy get their NULs.
static void place_target(struct http_request *request, const struct http_head *head, const char *bytes,
                         const struct http_target *target, char *authority)
{
    request->path = "/";
    uintptr_t at = (uintptr_t)target->path.text - (uintptr_t)bytes;
    if (at < head->offset) { // else it is the constant of an absolute target without a path
        request->path = request->text + at;
        request->text[at + target->path.length] = '\0';
    }
    request->authority = "";
    if (target->authority.text != NULL) {
        memcpy(authority, target->authority.text, target->authority.length);
        authority[target->authority.length] = '\0';
        request->authority = authority;
    } else if (head->has_host) {
        request->authority = request->text + head->host.at;
    }
}

static bool is_request_id(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '_' || c == '-';
        if (!good) {
            return false;
        }
    }
    return length >= 1 && length <= HTTP_REQUEST_ID_MAX;
}

void http_message_random_id(char id_r[HTTP_REQUEST_ID_MAX + 1])
{
    unsigned char bytes[RANDOM_ID_BYTES];
    random_bytes(bytes, sizeof(bytes));
    encode_hex(bytes, sizeof(bytes), id_r);
}

static bool is_traceparent(const char *text, size_t length)
{
    struct traceparent parent;
    return traceparent_parse(text, length, &parent);
}

// The headers that say who and what this request is, found in one pass.
struct identity {
    const struct http_field *id, *trace, *proto;
    unsigned ids, traces, protos;
    unsigned forwarded;
};

static void find_identity(const struct http_request *request, struct identity *found_r)
{
    memset(found_r, 0, sizeof(*found_r));
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];
        const char *name = request->text + field->name.at;
        size_t length = field->name.length;
        if (length == 12 && http_same_word(name, length, "x-request-id")) {
            found_r->id = field;
            found_r->ids++;
        } else if (length == 11 && http_same_word(name, length, "traceparent")) {
            found_r->trace = field;
            found_r->traces++;
        } else if (length == 17 && http_same_word(name, length, "x-forwarded-proto")) {
            found_r->proto = field;
            found_r->protos++;
        } else if (length == 15 && http_same_word(name, length, "x-forwarded-for")) {
            found_r->forwarded++;
        }
    }
}

// From the last line to the first, as long as every address was a proxy's.
static void find_client(struct http_request *request, const struct http_trusted *trusted)
{
    for (size_t i = request->field_count; i > 0; i--) {
        const struct http_field *field = &request->fields[i - 1];
        const char *name = request->text + field->name.at;
        if (http_same_word(name, field->name.length, "x-forwarded-for") &&
            !http_forwarded_step(trusted, request->text + field->value.at, field->value.length, &request->client)) {
            break;
        }
    }
    ip_address_text(&request->client, request->client_buffer);
    request->client_text = request->client_buffer;
}

static void identify(struct http_request *request, const struct http_peer *peer, const struct http_trusted *trusted)
{
    struct identity found;
    find_identity(request, &found);
    if (found.ids == 1 && is_request_id(request->text + found.id->value.at, found.id->value.length)) {
        memcpy(request->id, request->text + found.id->value.at, found.id->value.length);
        request->id[found.id->value.length] = '\0';
    } else {
        http_message_random_id(request->id);
    }
    if (found.traces == 1 && is_traceparent(request->text + found.trace->value.at, found.trace->value.length)) {
        request->traceparent = request->text + found.trace->value.at;
    }
    request->client = peer->address;
    request->client_text = peer->text;
    if (trusted->count > 0 && http_is_trusted(trusted, &peer->address)) {
        request->secure = found.protos == 1 &&
                          http_same_word(request->text + found.proto->value.at, found.proto->value.length, "https");
        if (found.forwarded > 0) {
            find_client(request, trusted);
        }
    }
}

enum http_fault http_message_create(const struct http_head *head, const char *bytes, const struct http_peer *peer,
                                    const struct http_trusted *trusted, struct http_request **request_r)
{
    struct layout layout;
    enum http_fault fault = plan(head, bytes, &layout);
    if (fault != HTTP_FAULT_NONE) {
        return fault;
    }
    char *decoded;
    struct http_request *request = allocate(head, bytes, &layout, &decoded);
    fault = decode_target(request, &layout.target, decoded);
    if (fault != HTTP_FAULT_NONE) {
        http_message_free(request);
        return fault;
    }
    request->method = head->method;
    request->version_1_1 = head->version_1_1;
    request->keep_alive = http_head_keeps_alive(head);
    request->expects_continue = head->expects_continue;
    request->chunked = head->chunked;
    request->body_expected = head->length;
    place_target(request, head, bytes, &layout.target, decoded + layout.decoded - layout.target.authority.length - 1);
    for (size_t i = 0; i < request->field_count; i++) {
        end_span(request, request->fields[i].name);
        end_span(request, request->fields[i].value);
    }
    identify(request, peer, trusted);
    *request_r = request;
    return HTTP_FAULT_NONE;
}

void http_message_free(struct http_request *request)
{
    free(request->body);
    request->magic = 0;
    free(request);
}
