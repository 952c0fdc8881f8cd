// SPDX-License-Identifier: Apache-2.0
//
// See core/http_exchange.h.
#include "core/http_exchange.h"
#include "core/arena.h"
#include "core/http_request_check.h"
#include "core/xalloc.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/// Room for the copies of the headers and the structs that describe them.
#define HEAD_CEILING (HTTP_CLIENT_HEAD_MAX * 2 + HTTP_CLIENT_HEADERS_MAX * 64)

// --- What comes back ---------------------------------------------------------------------------------------

// Stops the transfer; curl reports a write error, `fault` says why.
static size_t stop(struct ph_http_exchange *exchange, const char *fault)
{
    exchange->fault = fault;
    return 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct ph_http_exchange *exchange = context;
    size_t length = size * count;
    if (exchange->body.length + length > exchange->body_limit || !buffer_append(&exchange->body, data, length)) {
        stop(exchange, "the answer's body is larger than allowed");
        return length + 1;
    }
    return length;
}

static struct ph_text *keep_text(struct arena *arena, const char *bytes, size_t length)
{
    struct ph_text *text = arena_alloc(arena, sizeof *text);
    char *copy = arena_text(arena, bytes, length);
    if (text == NULL || copy == NULL) {
        return NULL;
    }
    *text = (struct ph_text){copy, length};
    return text;
}

// Adds a header line without its line end; false when it is not sound or there are too many.
static bool keep_header(struct ph_http_exchange *exchange, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    if (colon == NULL || colon == line || exchange->header_count == HTTP_CLIENT_HEADERS_MAX) {
        return false;
    }
    const char *value = colon + 1;
    const char *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    struct ph_text *name_text = keep_text(exchange->arena, line, (size_t)(colon - line));
    struct ph_text *value_text = keep_text(exchange->arena, value, (size_t)(end - value));
    if (name_text == NULL || value_text == NULL) {
        return false;
    }
    for (char *at = (char *)(uintptr_t)name_text->bytes; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    exchange->names[exchange->header_count] = name_text;
    exchange->values[exchange->header_count] = value_text;
    exchange->header_count++;
    return true;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    struct ph_http_exchange *exchange = context;
    size_t length = size * count;
    size_t line = length;
    while (line > 0 && (data[line - 1] == '\r' || data[line - 1] == '\n')) {
        line--;
    }
    if (line >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        exchange->header_count = 0; // a new head: what came before was a 1xx
    } else if (line > 0 && !keep_header(exchange, data, line)) {
        return stop(exchange, "the answer's headers are malformed or too many");
    }
    return length;
}

// --- What goes out -----------------------------------------------------------------------------------------

static bool add_line(struct ph_http_exchange *exchange, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exchange->headers, line);
    if (longer == NULL) {
        return false;
    }
    exchange->headers = longer;
    return true;
}

// For curl a header without a value is one to leave out; a semicolon asks for it to be sent empty.
static bool add_header(struct ph_http_exchange *exchange, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon[1 + strspn(colon + 1, " \t")] != '\0') {
        return add_line(exchange, line);
    }
    char *empty = xasprintf("%.*s;", (int)(colon - line), line);
    bool added = add_line(exchange, empty);
    free(empty);
    return added;
}

static bool add_headers(struct ph_http_exchange *exchange)
{
    bool has_type = false;
    bool good = true;
    const char *const *lines = exchange->request->headers;
    for (size_t i = 0; good && lines != NULL && lines[i] != NULL; i++) {
        has_type = has_type || http_request_header_is(lines[i], "content-type");
        if (!http_request_header_is(lines[i], "expect")) {
            good = add_header(exchange, lines[i]);
        }
    }
    // Neither waits for 100 Continue nor takes curl's word for the type of a body.
    good = good && add_line(exchange, "Expect:") && (has_type || add_line(exchange, "Content-Type:"));
    return good && curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers) == CURLE_OK;
}

static bool set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

static bool set_method(CURL *easy, const struct ph_http_request *request)
{
    bool good = true;
    if (strcmp(request->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    bool sends = request->body.length > 0 || strcmp(request->method, "POST") == 0 ||
                 strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
    if (sends) {
        good = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.length > 0 ? request->body.bytes : "") ==
                   CURLE_OK;
    }
    return good && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool set_limits(CURL *easy, const struct ph_http_request *request)
{
    long timeout = request->timeout_ms > 0 ? (long)request->timeout_ms : (long)HTTP_CLIENT_TIMEOUT_MAX_MS;
    long connect = request->connect_timeout_ms > 0 ? (long)request->connect_timeout_ms : (long)HTTP_CLIENT_CONNECT_MS;
    return curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
}

static bool set_safety(CURL *easy, const struct ph_http_request *request)
{
    bool good = set_protocols(easy) && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    if (good && request->ca_file != NULL) {
        good = curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file) == CURLE_OK;
    }
    return good;
}

bool http_exchange_prepare(struct ph_http_exchange *exchange, CURL *easy)
{
    const struct ph_http_request *request = exchange->request;
    exchange->easy = easy;
    exchange->body_limit = request->response_limit > 0 ? request->response_limit : HTTP_CLIENT_BODY_DEFAULT;
    buffer_init(&exchange->body, exchange->body_limit + 1); // one for the NUL
    exchange->arena = arena_new(HEAD_CEILING);
    exchange->names = xcalloc(HTTP_CLIENT_HEADERS_MAX, sizeof(*exchange->names));
    exchange->values = xcalloc(HTTP_CLIENT_HEADERS_MAX, sizeof(*exchange->values));
    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK && set_safety(easy, request) &&
           set_limits(easy, request) && set_method(easy, request) && add_headers(exchange) &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange) == CURLE_OK;
}

// --- The end -----------------------------------------------------------------------------------------------

static int64_t date_of(const struct ph_http_exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (strcmp(exchange->names[i]->bytes, "date") == 0) {
            time_t date = curl_getdate(exchange->values[i]->bytes, NULL);
            return date > 0 ? (int64_t)date * 1000 : 0;
        }
    }
    return 0;
}

static bool went_out(CURL *easy)
{
    long head = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &head);
    return head > 0;
}

void http_exchange_conclude(struct ph_http_exchange *exchange, CURLcode code)
{
    struct ph_http_response *response = &exchange->response;
    *response = (struct ph_http_response){.body = {"", 0}};
    const char *body = buffer_string(&exchange->body);
    if (code != CURLE_OK || exchange->fault != NULL || body == NULL) {
        response->outcome = went_out(exchange->easy) ? PH_UNCERTAIN : PH_TRANSIENT;
        response->error = exchange->fault != NULL      ? exchange->fault
                          : exchange->error[0] != '\0' ? exchange->error
                                                       : curl_easy_strerror(code);
        return;
    }
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    response->outcome = PH_OK;
    response->status = (int)status;
    response->body = (struct ph_text){body, exchange->body.length};
    response->header_count = exchange->header_count;
    response->header_names = exchange->names;
    response->header_values = exchange->values;
    response->date = date_of(exchange);
}

void http_exchange_free(struct ph_http_exchange *exchange)
{
    curl_slist_free_all(exchange->headers);
    buffer_free(&exchange->body);
    arena_free(exchange->arena);
    free(exchange->names);
    free(exchange->values);
    exchange->magic = 0;
    free(exchange);
}
