// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/client.h. An exchange waits for credentials, is with the host's HTTP client, or is about to end; what
// it sends is made in plugins/aws/wire.h, what comes back is judged in plugins/aws/verdict.h.
#include "plugins/aws/client.h"
#include "core/list.h"
#include "plugins/aws/chain.h"
#include "plugins/aws/meter.h"
#include "plugins/aws/settings.h"
#include "plugins/aws/verdict.h"
#include "plugins/aws/wire.h"
#include <assert.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_MAGIC 0x61777363u
#define EXCHANGE_MAGIC 0x61777378u
#define TEXT_SIZE 768
#define SERVICES_MAX 4
/// Clocks that differ by less are not the reason for a refusal.
#define SKEW_MIN_MS 240000
#define HTTP_TIMEOUT_MAX_MS 120000

// What is known of a service once it was used.
struct known_service {
    const struct aws_service *service;
    struct aws_endpoint endpoint;
    struct aws_sign_cache sign;
};

struct aws_client {
    uint32_t magic;
    const struct ph_host *host;
    struct aws_settings settings;
    struct aws_meter meter;
    struct aws_chain *chain;
    struct known_service services[SERVICES_MAX];
    size_t service_count;
    int64_t skew_ms; ///< what the services' clocks are ahead of this one
    struct event *later;
    TAILQ_HEAD(exchanges, aws_exchange) waiting; ///< for credentials
    TAILQ_HEAD(, aws_exchange) ending;           ///< their verdict is made
    LIST_HEAD(, aws_exchange) sent;
    void (*closed)(void *context);
    void *closed_context;
    bool closing;
    unsigned telling; ///< functions of the client that use it after a done function, which may close it
};

enum exchange_state { WAITING, SENT, ENDING };

struct aws_exchange {
    uint32_t magic;
    enum exchange_state state;
    struct aws_client *client;
    struct aws_request request;
    aws_done_f *done;
    void *context;
    bool prepare_only;
    bool refreshed; ///< it was sent again with other credentials
    bool shifted;   ///< or with another time
    bool cancelled;
    struct aws_wire wire; ///< of the attempt under way
    struct ph_http_exchange *http;
    struct aws_answer answer; ///< of one that ends without an attempt
    char text[TEXT_SIZE];
    TAILQ_ENTRY(aws_exchange) queue;
    LIST_ENTRY(aws_exchange) entry;
};

// --- Ends --------------------------------------------------------------------------------------------------

static void client_free(struct aws_client *client);

static void exchange_free(struct aws_exchange *exchange)
{
    aws_wire_clear(&exchange->wire);
    exchange->magic = 0;
    free(exchange);
}

// Ends an exchange that is in no list: tells, and frees it.
static void exchange_end(struct aws_exchange *exchange, const struct aws_answer *answer)
{
    exchange->done(exchange->context, answer);
    exchange_free(exchange);
}

static bool client_is_idle(const struct aws_client *client)
{
    return TAILQ_EMPTY(&client->waiting) && TAILQ_EMPTY(&client->ending) && LIST_EMPTY(&client->sent);
}

// Before done functions are called, and after the last use of the client.
static void client_hold(struct aws_client *client)
{
    client->telling++;
}

static void client_release(struct aws_client *client)
{
    client->telling--;
    if (client->closing && client->telling == 0 && client_is_idle(client)) {
        client_free(client);
    }
}

// Ends what waits for that, in the order in which it came. A done function may send and cancel.
static void on_later(evutil_socket_t descriptor, short events, void *context)
{
    struct aws_client *client = context;
    struct aws_exchange *exchange;
    (void)descriptor;
    (void)events;
    assert(client->magic == CLIENT_MAGIC);
    client_hold(client);
    while ((exchange = TAILQ_FIRST(&client->ending)) != NULL) {
        TAILQ_REMOVE(&client->ending, exchange, queue);
        exchange_end(exchange, &exchange->answer);
    }
    client_release(client);
}

__attribute__((format(printf, 3, 4))) static void end_later(struct aws_exchange *exchange, enum ph_outcome outcome,
                                                            const char *format, ...)
{
    const struct aws_request *request = &exchange->request;
    int length = snprintf(exchange->text, sizeof exchange->text, "%s %s: ", request->service->name,
                          request->operation != NULL ? request->operation : "credentials");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(exchange->text + length, sizeof exchange->text - (size_t)length, format, arguments);
    va_end(arguments);
    exchange->answer = (struct aws_answer){.outcome = outcome, .code = "", .message = ""};
    exchange->answer.text = outcome != PH_OK ? exchange->text : NULL;
    exchange->state = ENDING;
    TAILQ_INSERT_TAIL(&exchange->client->ending, exchange, queue);
    event_active(exchange->client->later, EV_TIMEOUT, 0);
}

// --- Sending -----------------------------------------------------------------------------------------------

static void exchange_go(struct aws_exchange *exchange);

static struct known_service *service_find(struct aws_client *client, const struct aws_service *service, char *error_r,
                                          size_t error_size)
{
    for (size_t i = 0; i < client->service_count; i++) {
        if (client->services[i].service == service) {
            return &client->services[i];
        }
    }
    if (client->service_count == SERVICES_MAX) {
        snprintf(error_r, error_size, "more services than one client can hold");
        return NULL;
    }
    struct known_service *known = &client->services[client->service_count];
    if (!aws_settings_endpoint(&client->settings, service, false, &known->endpoint, error_r, error_size)) {
        return NULL;
    }
    known->service = service;
    client->service_count++;
    return known;
}

// Whether the refusal goes away by itself if it is sent again at once: once for each reason.
static bool settle_again(struct aws_exchange *exchange, const struct ph_http_response *response,
                         const struct aws_failure *failure)
{
    struct aws_client *client = exchange->client;
    if (exchange->cancelled || client->closing) {
        return false;
    }
    if (failure->expired && !exchange->refreshed) {
        exchange->refreshed = true;
        aws_chain_refuse(client->chain, exchange->wire.key_id);
        return true;
    }
    int64_t skew = response->date - client->host->now(client->host);
    int64_t change = skew - exchange->wire.skew_ms;
    if (failure->skewed && response->date > 0 && !exchange->shifted &&
        (change > SKEW_MIN_MS || change < -SKEW_MIN_MS)) {
        exchange->shifted = true;
        client->skew_ms = skew;
        client->host->log(client->host, PH_LOG_WARN, NULL,
                          "the clock of %s is %" PRId64 " s from this one's; its requests are signed with its time",
                          exchange->request.service->name, skew / 1000);
        return true;
    }
    return false;
}

static void on_answer(void *context, const struct ph_http_response *response)
{
    struct aws_exchange *exchange = context;
    struct aws_client *client = exchange->client;
    assert(exchange->magic == EXCHANGE_MAGIC && exchange->state == SENT);
    LIST_REMOVE(exchange, entry);
    exchange->http = NULL;
    struct aws_verdict verdict;
    aws_verdict_make(&verdict, exchange->request.service, exchange->request.operation, response,
                     exchange->request.unread);
    if (verdict.answer.outcome != PH_OK && settle_again(exchange, response, &verdict.failure)) {
        aws_verdict_clear(&verdict);
        aws_wire_clear(&exchange->wire);
        exchange_go(exchange);
        return;
    }
    client_hold(client);
    exchange_end(exchange, &verdict.answer);
    aws_verdict_clear(&verdict);
    client_release(client);
}

static uint32_t timeout_of(const struct aws_exchange *exchange)
{
    uint32_t wait = exchange->request.wait_ms < AWS_WAIT_MAX_MS ? exchange->request.wait_ms : AWS_WAIT_MAX_MS;
    int64_t timeout = exchange->client->settings.options->timeout + wait;
    return timeout < HTTP_TIMEOUT_MAX_MS ? (uint32_t)timeout : HTTP_TIMEOUT_MAX_MS;
}

static void exchange_send(struct aws_exchange *exchange, struct known_service *known, const struct aws_keys *keys)
{
    struct aws_client *client = exchange->client;
    const struct aws_options *options = client->settings.options;
    struct aws_wire_plan plan = {
        .request = &exchange->request,
        .endpoint = &known->endpoint,
        .region = aws_settings_region(&client->settings),
        .keys = keys,
        .cache = &known->sign,
        .now_ms = client->host->now(client->host),
        .skew_ms = client->skew_ms,
        .timeout_ms = timeout_of(exchange),
        .connect_timeout_ms = (uint32_t)options->connect_timeout,
        .ca_file = aws_settings_ca_file(&client->settings),
    };
    if (!aws_wire_make(&exchange->wire, &plan)) {
        end_later(exchange, PH_INTERNAL, "the request could not be signed");
        return;
    }
    exchange->http = client->host->http(client->host, &exchange->wire.http, on_answer, exchange);
    if (exchange->http == NULL) {
        end_later(exchange, PH_UNAVAILABLE, "too many HTTP requests are under way");
        return;
    }
    aws_meter_count(&client->meter, exchange->request.service->name, exchange->request.operation);
    exchange->state = SENT;
    LIST_INSERT_HEAD(&client->sent, exchange, entry);
}

// Sends an exchange that is in no list, or has it wait or end.
static void exchange_go(struct aws_exchange *exchange)
{
    struct aws_client *client = exchange->client;
    struct aws_keys keys;
    char error[256];
    const char *text;
    enum ph_outcome outcome;
    switch (aws_chain_keys(client->chain, &keys)) {
    case AWS_CHAIN_WAIT:
        exchange->state = WAITING;
        TAILQ_INSERT_TAIL(&client->waiting, exchange, queue);
        return;
    case AWS_CHAIN_FAILED:
        outcome = aws_chain_error(client->chain, &text);
        end_later(exchange, outcome, "%s", text);
        return;
    case AWS_CHAIN_READY:
        break;
    }
    struct known_service *known = service_find(client, exchange->request.service, error, sizeof error);
    if (known == NULL) {
        end_later(exchange, PH_INVALID, "%s", error);
    } else if (exchange->prepare_only) {
        end_later(exchange, PH_OK, "ready");
    } else {
        exchange_send(exchange, known, &keys);
    }
}

// Credentials are there, or will not come: whoever waits goes on.
static void on_keys(void *context)
{
    struct aws_client *client = context;
    struct exchanges ready = TAILQ_HEAD_INITIALIZER(ready);
    struct aws_exchange *exchange;
    assert(client->magic == CLIENT_MAGIC);
    TAILQ_CONCAT(&ready, &client->waiting, queue);
    while ((exchange = TAILQ_FIRST(&ready)) != NULL) {
        TAILQ_REMOVE(&ready, exchange, queue);
        exchange_go(exchange);
    }
}

static struct aws_exchange *exchange_new(struct aws_client *client, const struct aws_request *request,
                                         bool prepare_only, aws_done_f *done, void *context)
{
    assert(client->magic == CLIENT_MAGIC && !client->closing);
    struct aws_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    exchange->magic = EXCHANGE_MAGIC;
    exchange->client = client;
    exchange->request = *request;
    exchange->prepare_only = prepare_only;
    exchange->done = done;
    exchange->context = context;
    return exchange;
}

struct aws_exchange *aws_send(struct aws_client *client, const struct aws_request *request, aws_done_f *done,
                              void *context)
{
    struct aws_exchange *exchange = exchange_new(client, request, false, done, context);
    if (request->body.length > AWS_BODY_MAX) {
        end_later(exchange, PH_INVALID, "the body is larger than any service takes");
    } else {
        exchange_go(exchange);
    }
    return exchange;
}

struct aws_exchange *aws_prepare(struct aws_client *client, const struct aws_service *service, aws_done_f *done,
                                 void *context)
{
    const struct aws_request request = {.service = service};
    struct aws_exchange *exchange = exchange_new(client, &request, true, done, context);
    exchange_go(exchange);
    return exchange;
}

void aws_cancel(struct aws_exchange *exchange)
{
    assert(exchange->magic == EXCHANGE_MAGIC);
    exchange->cancelled = true;
    if (exchange->state == SENT) {
        exchange->client->host->http_cancel(exchange->http);
    } else if (exchange->state == WAITING) {
        TAILQ_REMOVE(&exchange->client->waiting, exchange, queue);
        end_later(exchange, PH_TRANSIENT, "cancelled while it waited for credentials");
    }
}

// --- The client --------------------------------------------------------------------------------------------

static void client_free_parts(struct aws_client *client)
{
    for (size_t i = 0; i < client->service_count; i++) {
        aws_sign_forget(&client->services[i].sign);
    }
    if (client->later != NULL) {
        event_free(client->later);
    }
    aws_profile_clear(&client->settings.profile);
    client->magic = 0;
    free(client);
}

static void on_chain_closed(void *context)
{
    struct aws_client *client = context;
    void (*closed)(void *closed_context) = client->closed;
    void *closed_context = client->closed_context;
    client_free_parts(client);
    closed(closed_context);
}

static void client_free(struct aws_client *client)
{
    struct aws_chain *chain = client->chain;
    client->chain = NULL;
    if (chain != NULL) {
        aws_chain_close(chain, on_chain_closed, client);
    } else {
        on_chain_closed(client);
    }
}

static void no_matter(void *context)
{
    (void)context;
}

struct aws_client *aws_client_new(const struct ph_host *host, const struct aws_options *options, const char *region)
{
    struct aws_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    client->magic = CLIENT_MAGIC;
    client->host = host;
    client->settings.options = options;
    snprintf(client->settings.hint, sizeof client->settings.hint, "%s", region != NULL ? region : "");
    client->meter.host = host;
    TAILQ_INIT(&client->waiting);
    TAILQ_INIT(&client->ending);
    LIST_INIT(&client->sent);
    client->later = event_new(host->base, -1, 0, on_later, client);
    client->chain = aws_chain_new(host, &client->settings, &client->meter, on_keys, client);
    if (client->later == NULL || client->chain == NULL) {
        client->closed = no_matter;
        client_free(client);
        return NULL;
    }
    return client;
}

void aws_client_close(struct aws_client *client, void (*closed)(void *context), void *context)
{
    struct aws_exchange *exchange;
    assert(client->magic == CLIENT_MAGIC && !client->closing);
    client->closing = true;
    client->closed = closed;
    client->closed_context = context;
    while ((exchange = TAILQ_FIRST(&client->waiting)) != NULL) {
        aws_cancel(exchange);
    }
    LIST_FOREACH(exchange, &client->sent, entry)
    {
        aws_cancel(exchange);
    }
    // Never here: a done function may be what asks, and its caller still looks at the client.
    event_active(client->later, EV_TIMEOUT, 0);
}

const char *aws_client_health(const struct aws_client *client, struct ph_call *call)
{
    char line[TEXT_SIZE];
    aws_chain_health(client->chain, line, sizeof line);
    size_t size = strlen(line) + 1;
    char *copy = call->host->alloc(call, size);
    if (copy != NULL) {
        memcpy(copy, line, size);
    }
    return copy;
}

struct ph_text aws_answer_header(const struct aws_answer *answer, const char *name)
{
    return aws_header_find(answer->answer, name);
}
