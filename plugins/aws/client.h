// SPDX-License-Identifier: Apache-2.0
//
// Requests to AWS services: the one way from a plugin to AWS.
//
// A client belongs to one instance of a plugin. It finds region, endpoints and credentials by itself, signs
// every attempt anew, sends it through the host's HTTP client and says how it ended in the classes of the
// plugin boundary. It does not retry what failed: that is the host's work. Two things it does settle by
// sending a request again, once each, because the service has said that it did nothing: credentials that
// have expired meanwhile, and a clock that is off.
//
// A plugin:
//
//     struct config { struct aws_options aws; const char *table; };             // options: AWS_OPTIONS(struct config)
//     static const struct aws_service DYNAMODB = {.name = "dynamodb", .id = "DYNAMODB", .protocol = AWS_JSON_1_0,
//                                                 .version = "DynamoDB_20120810"};
//     open:   client = aws_client_new(host, &config->aws, NULL);
//             aws_send(client, &request, opened, instance);                     // a cheap request proves it works
//     a call: struct aws_request request = {.service = &DYNAMODB, .operation = "PutItem", .body = {…}};
//             exchange = aws_send(client, &request, done, call);                // the body from the call's arena
//     health: health->detail = aws_client_health(client, call);
//     close:  aws_client_close(client, closed, call);                           // complete the call in `closed`
//
// All functions run on the exchange loop. Nothing here blocks.
#ifndef PLUGINS_AWS_CLIENT_H
#define PLUGINS_AWS_CLIENT_H

#include "plugins/aws/options.h"
#include "plugins/aws/xml.h"
#include "posthouse/plugin.h"
#include <jansson.h>

struct aws_client;
struct aws_exchange;

/// A request's body is at most so long: the largest that a service here takes is 16 MB.
#define AWS_BODY_MAX ((size_t)16 << 20)
/// The service itself may wait at most so long before it answers.
#define AWS_WAIT_MAX_MS 20000u

/// How a service is spoken to.
enum aws_protocol {
    AWS_JSON_1_0, ///< POST / with X-Amz-Target; JSON both ways
    AWS_JSON_1_1,
    AWS_QUERY ///< POST / with a form; the answer is XML
};

/// A service, constant for the life of the program.
struct aws_service {
    const char *name; ///< in hosts, signatures and metrics: "sqs"
    const char *id;   ///< as in AWS_ENDPOINT_URL_<id>: "SECRETS_MANAGER"
    enum aws_protocol protocol;
    const char *version; ///< of JSON the target's first half, "AmazonSQS"; of forms the version, "2010-03-31"
};

/// What is asked. The struct is copied; the service, the operation and the bytes of the body must stay until `done`.
struct aws_request {
    const struct aws_service *service;
    const char *operation; ///< "SendMessageBatch"; a constant
    struct ph_text body;   ///< JSON, or a form without Action and Version, such as "&TopicArn=…" (plugins/aws/form.h)
    uint32_t wait_ms;      ///< how long the service itself may wait (a long poll); the deadline is that much later
    size_t response_limit; ///< bytes of an answer; 0: 16 MiB
    bool unread;           ///< of a JSON service: what answers a 2xx is read by the caller, from `answer->body`
};

/// How a request ended. Valid only inside the done function; a parsed body may be kept with json_incref().
struct aws_answer {
    enum ph_outcome
        outcome;       ///< PH_OK: a 2xx whose body could be read, or is `unread`. Never PH_PENDING, DUPLICATE, CONFLICT
    uint32_t delay_ms; ///< of PH_THROTTLED: when to come again, 0 for "not said"
    int status;        ///< of HTTP; 0 when no answer came
    const char *code;  ///< the service's own error code, "ResourceNotFoundException"; "" without one
    const char *text;  ///< for the log unless PH_OK: service, operation, code, what it said, what to do
    const char *message; ///< what the service said, alone; "" without. May hold names of resources
    json_t *json;        ///< of a JSON service's answer, PH_OK and not `unread`: an object. Else NULL, or the error
    const struct aws_xml *xml;             ///< of a query service's answer, PH_OK: the root element. Else NULL
    const struct ph_http_response *answer; ///< as it came, with its headers; NULL when none came
};

typedef void aws_done_f(void *context, const struct aws_answer *answer);

/// A client for one instance. `options` and `host` must outlive it. `region` is the one that the resource's
/// own name (a queue's URL, a topic's ARN) tells, or NULL; it is copied.
///
/// Region: options, `region`, AWS_REGION, AWS_DEFAULT_REGION, the profile. The environment is read here, files
/// and credentials at the first request. NULL: no memory.
struct aws_client *aws_client_new(const struct ph_host *host, const struct aws_options *options, const char *region);

/// Ends everything under way (requests end with PH_UNCERTAIN or PH_TRANSIENT), frees the client and calls
/// `closed` once, later. May be called inside a done function.
void aws_client_close(struct aws_client *client, void (*closed)(void *context), void *context);

/// Sends a request; `done` runs once, later, never inside this call. The exchange is valid until `done` begins. Never
/// NULL.
///
/// Outcomes besides PH_OK: PH_THROTTLED; PH_UNAVAILABLE (it did not go out; no credentials could be fetched
/// now); PH_UNCERTAIN (it went out and no whole answer came); PH_TRANSIENT (500 and such); PH_DENIED (rights,
/// credentials); PH_NOT_FOUND and PH_INVALID (the code says what; a plugin may know better); PH_INTERNAL.
struct aws_exchange *aws_send(struct aws_client *client, const struct aws_request *request, aws_done_f *done,
                              void *context);

/// Asks that a request end soon; `done` still runs, once, later.
void aws_cancel(struct aws_exchange *exchange);

/// Finds out region and credentials as for a request, without sending one; `done` gets the outcome.
struct aws_exchange *aws_prepare(struct aws_client *client, const struct aws_service *service, aws_done_f *done,
                                 void *context);

/// One line for an operator, from the call's arena: which source the credentials came from, until when they
/// are good, why the last refresh failed. NULL only when the arena is full.
const char *aws_client_health(const struct aws_client *client, struct ph_call *call);

/// A header of the answer by its name in small letters; an empty text without one.
struct ph_text aws_answer_header(const struct aws_answer *answer, const char *name);

/// The region that an endpoint's host or a URL tells ("https://sqs.eu-west-1.amazonaws.com/1/q"), or an ARN.
/// False: none.
bool aws_region_of(const char *text, char *region_r, size_t size);

/// What a batch's own error code means for its entry: as for a whole request, for "SenderFault" true or false.
enum ph_outcome aws_outcome_of(const char *code, bool sender_fault);

/// True when a policy denied the request: the credentials are good, the right is missing.
bool aws_lacks_right(const struct aws_answer *answer);

#endif
