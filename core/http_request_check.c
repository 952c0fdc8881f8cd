// SPDX-License-Identifier: Apache-2.0
//
// See core/http_request_check.h.
#include "core/http_request_check.h"
#include "core/http_client.h"
#include "core/http_parse.h"
#include <string.h>
#include <strings.h>

#define METHOD_MAX 16

static const char *check_method(const char *method)
{
    if (method == NULL || method[0] == '\0' || strlen(method) > METHOD_MAX || !http_is_token(method, strlen(method))) {
        return "the method is not a short word";
    }
    return NULL;
}

static const char *check_url(const char *url)
{
    if (url == NULL || (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)) {
        return "the URL is not http or https";
    }
    if (strnlen(url, HTTP_REQUEST_URL_SIZE_MAX + 1) > HTTP_REQUEST_URL_SIZE_MAX) {
        return "the URL is too long";
    }
    for (const unsigned char *at = (const unsigned char *)url; *at != '\0'; at++) {
        if (*at <= ' ' || *at == 0x7f) {
            return "the URL holds a space or a control character";
        }
    }
    return NULL;
}

static const char *check_header(const char *line)
{
    const size_t length = strnlen(line, HTTP_REQUEST_HEADER_SIZE_MAX + 1);
    const char *colon = memchr(line, ':', length);
    if (colon == NULL || !http_is_token(line, (size_t)(colon - line))) {
        return "a header is not of the form \"Name: value\"";
    }
    if (length > HTTP_REQUEST_HEADER_SIZE_MAX) {
        return "a header is too long";
    }
    if (!http_is_value(colon, (size_t)(line + length - colon))) {
        return "a header holds a control character";
    }
    return NULL;
}

bool http_request_header_is(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(line, name, length) == 0 && line[length] == ':';
}

const char *http_request_check(const struct ph_http_request *request)
{
    const char *fault = check_method(request->method);
    fault = fault != NULL ? fault : check_url(request->url);
    if (request->timeout_ms > HTTP_CLIENT_TIMEOUT_MAX_MS) {
        fault = "the time-out is above 120 s";
    }
    if (request->body.length > 0 && request->body.bytes == NULL) {
        fault = "the body is NULL";
    }
    for (size_t i = 0; fault == NULL && request->headers != NULL && request->headers[i] != NULL; i++) {
        fault = i < HTTP_REQUEST_HEADERS_MAX ? check_header(request->headers[i]) : "there are too many headers";
    }
    return fault;
}
