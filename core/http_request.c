// SPDX-License-Identifier: Apache-2.0
//
// The handler's view of a request: plain reads of what http_message.c prepared.
#include "core/http_request.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "core/http_connection.h"
#include "core/http_message.h"

static const struct http_request *check(const struct http_request *request)
{
    assert(request->magic == HTTP_REQUEST_MAGIC);
    return request;
}

const char *http_method_text(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
    };
    assert((size_t)method < sizeof(names) / sizeof(names[0]));
    return names[method];
}

enum http_method http_method(const struct http_request *request)
{
    return check(request)->method;
}

const char *http_path(const struct http_request *request)
{
    return check(request)->path;
}

size_t http_segment_count(const struct http_request *request)
{
    return check(request)->segment_count;
}

const char *http_segment(const struct http_request *request, size_t index)
{
    assert(index < check(request)->segment_count && index < HTTP_SEGMENTS_MAX);
    return request->segments[index];
}

size_t http_parameter_count(const struct http_request *request)
{
    return check(request)->parameter_count;
}

struct http_parameter http_parameter(const struct http_request *request, size_t index)
{
    assert(index < check(request)->parameter_count);
    return request->parameters[index];
}

static bool is_named(const struct http_request *request, const struct http_field *field, const char *name,
                     size_t length)
{
    return field->name.length == length && strncasecmp(request->text + field->name.at, name, length) == 0;
}

const char *http_header(const struct http_request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < check(request)->field_count; i++) {
        if (is_named(request, &request->fields[i], name, length)) {
            return request->text + request->fields[i].value.at;
        }
    }
    return NULL;
}

size_t http_header_count(const struct http_request *request, const char *name)
{
    size_t length = strlen(name);
    size_t count = 0;
    for (size_t i = 0; i < check(request)->field_count; i++) {
        count += is_named(request, &request->fields[i], name, length) ? 1 : 0;
    }
    return count;
}

const char *http_body(const struct http_request *request)
{
    return check(request)->body == NULL ? "" : request->body;
}

size_t http_body_length(const struct http_request *request)
{
    return check(request)->body_length;
}

const char *http_client_address(const struct http_request *request)
{
    return check(request)->client_text;
}

void http_client_key(const struct http_request *request, unsigned char key_r[HTTP_CLIENT_KEY_SIZE])
{
    memcpy(key_r, check(request)->client.bytes, HTTP_CLIENT_KEY_SIZE);
    if (!ip_address_is_v4(&request->client)) {
        memset(key_r + 8, 0, HTTP_CLIENT_KEY_SIZE - 8);
    }
}

bool http_is_secure(const struct http_request *request)
{
    return check(request)->secure;
}

const char *http_authority(const struct http_request *request)
{
    return check(request)->authority;
}

const char *http_request_id(const struct http_request *request)
{
    return check(request)->id;
}

const char *http_traceparent(const struct http_request *request)
{
    return check(request)->traceparent;
}

int64_t http_started_ns(const struct http_request *request)
{
    return check(request)->started_ns;
}

void http_set_data(struct http_request *request, void *data)
{
    check(request);
    request->data = data;
}

void *http_data(const struct http_request *request)
{
    return check(request)->data;
}

void http_set_route(struct http_request *request, const char *route)
{
    check(request);
    request->route = route;
}

struct http_loop *http_request_loop(const struct http_request *request)
{
    return check(request)->connection->loop;
}

uint64_t http_request_handle(const struct http_request *request)
{
    return check(request)->handle;
}

void http_on_gone(struct http_request *request, http_gone_callback callback, void *context)
{
    check(request);
    request->gone = callback;
    request->gone_context = context;
}
