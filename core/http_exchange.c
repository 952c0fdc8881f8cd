// SPDX-License-Identifier: Apache-2.0
//
// See core/http_exchange.h.
#include "core/http_exchange.h"
#include "core/arena.h"
#include "core/http_request_check.h"
#include "core/http_sockets.h"
#include "core/timestamp.h"
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

// The line as curl wants it: for curl a header without a value is one to leave out; a semicolon asks for it to be sent empty.
static const char *line_of(struct ph_http_exchange *exchange, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon[1 + strspn(colon + 1, " \t")] != '\0') {
        return line;
    }
    return arena_printf(exchange->arena, "%.*s;", (int)(colon - line), line);
}

static bool set_headers(struct ph_http_exchange *exchange)
{
    bool has_type = false;
    size_t count = 0;
    struct curl_slist *lines = exchange->lines;
    const char *const *given = exchange->request->headers;
    for (size_t i = 0; given != NULL && given[i] != NULL; i++) {
        has_type = has_type || http_request_header_is(given[i], "content-type");
        if (!http_request_header_is(given[i], "expect")) {
            lines[count++].data = (char *)(uintptr_t)line_of(exchange, given[i]);
        }
    }
    // Neither waits for 100 Continue nor takes curl's word for the type of a body.
    lines[count++].data = (char *)(uintptr_t) "Expect:";
    if (!has_type) {
        lines[count++].data = (char *)(uintptr_t) "Content-Type:";
    }
    for (size_t i = 0; i < count; i++) {
        lines[i].next = i + 1 < count ? &lines[i + 1] : NULL;
        if (lines[i].data == NULL) {
            return false;
        }
    }
    return curl_easy_setopt(exchange->handle->easy, CURLOPT_HTTPHEADER, lines) == CURLE_OK;
}

static bool set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

static bool is_post(const struct ph_http_request *request)
{
    return strcmp(request->method, "POST") == 0;
}

static bool set_method(CURL *easy, const struct ph_http_request *request)
{
    if (strcmp(request->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool set_body(CURL *easy, const struct ph_http_request *request)
{
    bool sends = request->body.length > 0 || is_post(request) || strcmp(request->method, "PUT") == 0 ||
                 strcmp(request->method, "PATCH") == 0;
    if (!sends || strcmp(request->method, "HEAD") == 0) {
        return true;
    }
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.length > 0 ? request->body.bytes : "") == CURLE_OK;
}

static bool set_limits(CURL *easy, const struct ph_http_request *request)
{
    long timeout = request->timeout_ms > 0 ? (long)request->timeout_ms : (long)HTTP_CLIENT_TIMEOUT_MAX_MS;
    long connect = request->connect_timeout_ms > 0 ? (long)request->connect_timeout_ms : (long)HTTP_CLIENT_CONNECT_MS;
    return curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect) == CURLE_OK;
}

static bool set_safety(CURL *easy)
{
    return set_protocols(easy) && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK;
}

static bool same_file(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

// Whether the last request left the handle as this one needs it; only POST is told apart from the rest.
static bool handle_fits(const struct http_handle *handle, const struct ph_http_request *request)
{
    return handle->ready && handle->post && is_post(request) && same_file(handle->ca_file, request->ca_file);
}

static bool handle_set_up(struct http_handle *handle, const struct ph_http_request *request)
{
    curl_easy_reset(handle->easy);
    free(handle->ca_file);
    handle->ca_file = request->ca_file != NULL ? xstrdup(request->ca_file) : NULL;
    handle->post = is_post(request);
    handle->ready =
        set_safety(handle->easy) && http_sockets_use(handle->sockets, handle->easy) &&
        set_method(handle->easy, request) &&
        (handle->ca_file == NULL || curl_easy_setopt(handle->easy, CURLOPT_CAINFO, handle->ca_file) == CURLE_OK);
    return handle->ready;
}

bool http_exchange_prepare(struct ph_http_exchange *exchange)
{
    const struct ph_http_request *request = exchange->request;
    struct http_handle *handle = exchange->handle;
    CURL *easy = handle->easy;
    return (handle_fits(handle, request) || handle_set_up(handle, request)) &&
           curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK && set_limits(easy, request) &&
           set_body(easy, request) && set_headers(exchange) &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange) == CURLE_OK;
}

static size_t count_headers(const struct ph_http_request *request)
{
    size_t count = 0;
    while (request->headers != NULL && count < HTTP_REQUEST_HEADERS_MAX && request->headers[count] != NULL) {
        count++;
    }
    return count;
}

struct ph_http_exchange *http_exchange_new(struct http_client *client, const struct ph_http_request *request,
                                           http_client_done_f *done, void *context)
{
    struct ph_http_exchange *exchange = xcalloc(1, sizeof *exchange);
    // One block for what has a known size: the lines that are sent, with two of ours, and the names and values that come.
    const size_t lines = (count_headers(request) + 2) * sizeof(struct curl_slist);
    char *block = xmalloc(lines + 2 * HTTP_CLIENT_HEADERS_MAX * sizeof(struct ph_text *));
    exchange->magic = HTTP_EXCHANGE_MAGIC;
    exchange->client = client;
    exchange->request = request;
    exchange->done = done;
    exchange->context = context;
    exchange->lines = (struct curl_slist *)(void *)block;
    exchange->names = (const struct ph_text **)(void *)(block + lines);
    exchange->values = exchange->names + HTTP_CLIENT_HEADERS_MAX;
    exchange->arena = arena_new(HEAD_CEILING);
    exchange->body_limit = request->response_limit > 0 ? request->response_limit : HTTP_CLIENT_BODY_DEFAULT;
    buffer_init(&exchange->body, exchange->body_limit + 1); // one for the NUL
    return exchange;
}

// --- The end -----------------------------------------------------------------------------------------------

// "Sun, 06 Nov 1994 08:49:37 GMT", the form in which dates are sent: curl's own reader takes it apart ten times as slowly.
static bool read_usual_date(const struct ph_text *text, int64_t *date_r)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char time[] = "yyyy-mm-ddThh:mm:ssZ";
    const char *bytes = text->bytes;
    unsigned month = 0;
    if (text->length != strlen("Sun, 06 Nov 1994 08:49:37 GMT") || memcmp(bytes + 3, ", ", 2) != 0 || bytes[7] != ' ' ||
        bytes[11] != ' ' || bytes[16] != ' ' || memcmp(bytes + 25, " GMT", 4) != 0) {
        return false;
    }
    while (month < 12 && memcmp(months + 3 * (size_t)month, bytes + 8, 3) != 0) {
        month++;
    }
    memcpy(time, bytes + 12, 4);
    time[5] = (char)('0' + (month + 1) / 10);
    time[6] = (char)('0' + (month + 1) % 10);
    memcpy(time + 8, bytes + 5, 2);
    memcpy(time + 11, bytes + 17, 8);
    return timestamp_parse(time, sizeof time - 1, date_r);
}

static int64_t date_of(const struct ph_http_exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (strcmp(exchange->names[i]->bytes, "date") == 0) {
            int64_t date;
            if (!read_usual_date(exchange->values[i], &date)) {
                date = (int64_t)curl_getdate(exchange->values[i]->bytes, NULL) * 1000;
            }
            return date > 0 ? date : 0;
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

void http_exchange_conclude(struct ph_http_exchange *exchange, CURLcode code, bool begun)
{
    struct ph_http_response *response = &exchange->response;
    *response = (struct ph_http_response){.body = {"", 0}};
    const char *body = buffer_string(&exchange->body);
    if (code != CURLE_OK || exchange->fault != NULL || body == NULL) {
        response->outcome = begun && went_out(exchange->handle->easy) ? PH_UNCERTAIN : PH_TRANSIENT;
        response->error = exchange->fault != NULL      ? exchange->fault
                          : exchange->error[0] != '\0' ? exchange->error
                                                       : curl_easy_strerror(code);
        return;
    }
    long status = 0;
    curl_easy_getinfo(exchange->handle->easy, CURLINFO_RESPONSE_CODE, &status);
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
    buffer_free(&exchange->body);
    arena_free(exchange->arena);
    free(exchange->lines);
    exchange->magic = 0;
    free(exchange);
}
