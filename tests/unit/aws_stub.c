// SPDX-License-Identifier: Apache-2.0
//
// The stub of aws_stub.h.
#include "tests/unit/unit.h"

#include "tests/unit/aws_stub.h"
#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ph_http_exchange {
    struct stub *stub;
    size_t index;
    struct event *later;
    void (*done)(void *context, const struct ph_http_response *response);
    void *context;
};

// fake_host knows only itself; the tests of one program have one stub at a time.
static struct stub *the_stub;

static void exchange_free(struct ph_http_exchange *exchange)
{
    exchange->stub->own[exchange->index] = NULL;
    exchange->stub->requests[exchange->index].open = false;
    event_free(exchange->later);
    free(exchange);
}

static void on_cancelled(evutil_socket_t descriptor, short events, void *context)
{
    struct ph_http_exchange *exchange = context;
    const struct ph_http_response response = {.outcome = PH_UNCERTAIN, .body = {"", 0}, .error = "cancelled"};
    (void)descriptor;
    (void)events;
    exchange->done(exchange->context, &response);
    exchange_free(exchange);
}

static void keep_request(struct stub_request *kept, const struct ph_http_request *request)
{
    snprintf(kept->method, sizeof kept->method, "%s", request->method);
    snprintf(kept->url, sizeof kept->url, "%s", request->url);
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        size_t length = strlen(kept->head);
        snprintf(kept->head + length, sizeof kept->head - length, "%s\n", request->headers[i]);
    }
    kept->body = calloc(1, request->body.length + 1);
    assert(kept->body != NULL);
    memcpy(kept->body, request->body.length > 0 ? request->body.bytes : "", request->body.length);
    kept->timeout_ms = request->timeout_ms;
    kept->connect_timeout_ms = request->connect_timeout_ms;
    snprintf(kept->ca_file, sizeof kept->ca_file, "%s", request->ca_file != NULL ? request->ca_file : "");
    kept->open = true;
}

static struct ph_http_exchange *stub_http(const struct ph_host *host, const struct ph_http_request *request,
                                          void (*done)(void *context, const struct ph_http_response *response),
                                          void *context)
{
    struct stub *stub = the_stub;
    if (stub->refuses) {
        return NULL;
    }
    assert(stub->count < STUB_REQUESTS);
    struct ph_http_exchange *exchange = calloc(1, sizeof *exchange);
    assert(exchange != NULL);
    *exchange = (struct ph_http_exchange){.stub = stub, .index = stub->count, .done = done, .context = context};
    exchange->later = event_new(host->base, -1, 0, on_cancelled, exchange);
    keep_request(&stub->requests[stub->count], request);
    stub->own[stub->count++] = exchange;
    return exchange;
}

static void stub_cancel(struct ph_http_exchange *exchange)
{
    exchange->stub->requests[exchange->index].cancelled = true;
    event_active(exchange->later, EV_TIMEOUT, 0);
}

static void clear_environment(void)
{
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_PROFILE",
                                        "AWS_DEFAULT_PROFILE",
                                        "AWS_CONFIG_FILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "AWS_ENDPOINT_URL",
                                        "AWS_ENDPOINT_URL_SQS",
                                        "AWS_ENDPOINT_URL_SNS",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_CA_BUNDLE",
                                        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                                        "AWS_ENDPOINT_URL_SSM",
                                        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                        "AWS_USE_FIPS_ENDPOINT",
                                        "AWS_USE_DUALSTACK_ENDPOINT",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_DISABLED",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    setenv("HOME", "/nowhere", 1);
}

void stub_give_keys(void)
{
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
}

struct stub *stub_new(struct fake_host *fake)
{
    struct stub *stub = calloc(1, sizeof *stub);
    assert(stub != NULL);
    stub->fake = fake;
    the_stub = stub;
    fake->host.http = stub_http;
    fake->host.http_cancel = stub_cancel;
    clear_environment();
    return stub;
}

void stub_free(struct stub *stub)
{
    for (size_t i = 0; i < stub->count; i++) {
        assert(!stub->requests[i].open);
        free(stub->requests[i].body);
    }
    the_stub = NULL;
    free(stub);
}

const struct stub_request *stub_wait(struct stub *stub, size_t count)
{
    while (stub->count < count) {
        fake_turn(stub->fake);
    }
    return &stub->requests[count - 1];
}

json_t *stub_wait_json(struct stub *stub, size_t count, const char *service, const char *operation)
{
    char target[128];
    const struct stub_request *request = stub_wait(stub, count);
    snprintf(target, sizeof target, "%s.%s", service, operation);
    assert_string_equal(stub_header(request, "X-Amz-Target"), target);
    json_t *body = json_loads(request->body, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(body);
    return body;
}

static void respond(struct stub *stub, size_t index, struct ph_http_response *response)
{
    struct ph_http_exchange *exchange = stub->own[index];
    struct ph_text texts[2 * STUB_HEADERS];
    const struct ph_text *names[STUB_HEADERS];
    const struct ph_text *values[STUB_HEADERS];
    assert(exchange != NULL);
    for (size_t i = 0; stub->headers[2 * i] != NULL; i++) {
        texts[2 * i] = text_of(stub->headers[2 * i]);
        texts[2 * i + 1] = text_of(stub->headers[2 * i + 1]);
        names[i] = &texts[2 * i];
        values[i] = &texts[2 * i + 1];
        response->header_count = i + 1;
    }
    response->header_names = names;
    response->header_values = values;
    response->date = stub->date;
    exchange->done(exchange->context, response);
    exchange_free(exchange);
}

void stub_answer(struct stub *stub, size_t index, int status, const char *body)
{
    // A copy of just the right size, so that the address sanitizer sees who reads beyond.
    char *copy = strdup(body);
    assert(copy != NULL);
    struct ph_http_response response = {.outcome = PH_OK, .status = status, .body = {copy, strlen(copy)}};
    respond(stub, index, &response);
    free(copy);
}

void stub_fail(struct stub *stub, size_t index, enum ph_outcome outcome, const char *error)
{
    struct ph_http_response response = {.outcome = outcome, .body = {"", 0}, .error = error};
    respond(stub, index, &response);
}

const char *stub_header(const struct stub_request *request, const char *name)
{
    static char value[16384];
    size_t length = strlen(name);
    for (const char *line = request->head; *line != '\0'; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, name, length) == 0 && strncmp(line + length, ": ", 2) == 0) {
            const char *begin = line + length + 2;
            snprintf(value, sizeof value, "%.*s", (int)strcspn(begin, "\n"), begin);
            return value;
        }
    }
    return "";
}
