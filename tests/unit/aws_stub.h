// SPDX-License-Identifier: Apache-2.0
//
// An HTTP service in the place of AWS, for unit tests over fake_host: it keeps what is sent until the test answers.
#ifndef TESTS_UNIT_AWS_STUB_H
#define TESTS_UNIT_AWS_STUB_H

#include <jansson.h>

#include "tests/unit/fake_host.h"

#define STUB_REQUESTS 512
#define STUB_HEADERS 8

struct stub_request {
    char method[16];
    char url[512];
    char head[32768]; ///< its header lines, each with a newline
    char *body;
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    char ca_file[256];
    bool open; ///< not answered yet
    bool cancelled;
};

struct stub {
    struct fake_host *fake;
    size_t count; ///< requests so far
    struct stub_request requests[STUB_REQUESTS];
    bool refuses;                              ///< too many requests are under way
    const char *headers[2 * STUB_HEADERS + 1]; ///< of the next answers: name and value, NULL at the end
    int64_t date;                              ///< of the next answers
    void *own[STUB_REQUESTS];                  ///< its exchanges
};

/// Puts itself into the host. The environment has no variable of AWS then, and HOME is a folder that is not there.
struct stub *stub_new(struct fake_host *fake);
/// Puts keys into the environment, so that requests can be signed.
void stub_give_keys(void);
/// Every request must have been answered.
void stub_free(struct stub *stub);

/// Turns the host until there are `count` requests in all.
const struct stub_request *stub_wait(struct stub *stub, size_t count);

/// The same for the last of them, which must be of that operation of a service that takes JSON ("AmazonSQS"). Gives its body,
/// to be dropped with json_decref().
json_t *stub_wait_json(struct stub *stub, size_t count, const char *service, const char *operation);

/// Answers request `index` (from 0) with a status and a body.
void stub_answer(struct stub *stub, size_t index, int status, const char *body);
/// Ends request `index` without an answer: PH_TRANSIENT (it did not go out) or PH_UNCERTAIN.
void stub_fail(struct stub *stub, size_t index, enum ph_outcome outcome, const char *error);

/// The value of a header line of a request, "" without it. Valid until the next call.
const char *stub_header(const struct stub_request *request, const char *name);

#endif
