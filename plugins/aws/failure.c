// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/failure.h. The classes are those of the SDKs' retry modes, and the services' own lists of errors.
#include "plugins/aws/failure.h"
#include "core/utf8.h"
#include "plugins/aws/client.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_MAX_MS 900000

enum { EXPIRED = 1, SKEWED = 2 };

struct code {
    const char *name; // a star at the end stands for anything
    enum ph_outcome outcome;
    unsigned flags;
};

// The first that fits counts. What is not here goes by the status.
static const struct code codes[] = {
    {"Throttling", PH_THROTTLED, 0},
    {"ThrottlingException", PH_THROTTLED, 0},
    {"ThrottledException", PH_THROTTLED, 0},
    {"Throttled", PH_THROTTLED, 0},
    {"RequestThrottled", PH_THROTTLED, 0},
    {"RequestThrottledException", PH_THROTTLED, 0},
    {"TooManyRequestsException", PH_THROTTLED, 0},
    {"ProvisionedThroughputExceeded", PH_THROTTLED, 0},
    {"ProvisionedThroughputExceededException", PH_THROTTLED, 0},
    {"TransactionInProgressException", PH_THROTTLED, 0},
    {"RequestLimitExceeded", PH_THROTTLED, 0},
    {"BandwidthLimitExceeded", PH_THROTTLED, 0},
    {"LimitExceededException", PH_THROTTLED, 0},
    {"OverLimit", PH_THROTTLED, 0},
    {"SlowDown", PH_THROTTLED, 0},
    {"EC2ThrottledException", PH_THROTTLED, 0},
    {"KMSThrottling", PH_THROTTLED, 0},
    {"KmsThrottled", PH_THROTTLED, 0},
    {"KMS.ThrottlingException", PH_THROTTLED, 0},
    {"RequestTimeout", PH_TRANSIENT, 0},
    {"RequestTimeoutException", PH_TRANSIENT, 0},
    {"PriorRequestNotComplete", PH_TRANSIENT, 0},
    {"InternalError", PH_TRANSIENT, 0},
    {"InternalErrorException", PH_TRANSIENT, 0},
    {"InternalFailure", PH_TRANSIENT, 0},
    {"InternalServerError", PH_TRANSIENT, 0},
    {"InternalServiceError", PH_TRANSIENT, 0},
    {"InternalServiceErrorException", PH_TRANSIENT, 0},
    {"ServiceUnavailable", PH_TRANSIENT, 0},
    {"ServiceUnavailableException", PH_TRANSIENT, 0},
    {"IDPCommunicationError", PH_TRANSIENT, 0},
    {"ReplicatedWriteConflictException", PH_TRANSIENT, 0},
    {"ExpiredToken", PH_DENIED, EXPIRED},
    {"ExpiredTokenException", PH_DENIED, EXPIRED},
    {"RequestTimeTooSkewed", PH_DENIED, SKEWED},
    {"RequestExpired", PH_DENIED, SKEWED},
    {"RequestInTheFuture", PH_DENIED, SKEWED},
    {"InvalidSignatureException", PH_DENIED, SKEWED},
    {"SignatureDoesNotMatch", PH_DENIED, SKEWED},
    {"AuthFailure", PH_DENIED, SKEWED},
    {"AccessDenied", PH_DENIED, 0},
    {"AccessDeniedException", PH_DENIED, 0},
    {"AuthorizationError", PH_DENIED, 0},
    {"AuthorizationErrorException", PH_DENIED, 0},
    {"DecryptionFailure", PH_DENIED, 0},
    {"EndpointDisabled", PH_DENIED, 0},
    {"IncompleteSignature", PH_DENIED, 0},
    {"IncompleteSignatureException", PH_DENIED, 0},
    {"InvalidAccessKeyId", PH_DENIED, 0},
    {"InvalidClientTokenId", PH_DENIED, 0},
    {"InvalidIdentityToken", PH_DENIED, 0},
    {"IDPRejectedClaim", PH_DENIED, 0},
    {"InvalidSecurity", PH_DENIED, 0},
    {"KMS.*", PH_DENIED, 0},
    {"KMS*", PH_DENIED, 0},
    {"Kms*", PH_DENIED, 0},
    {"MissingAuthenticationToken", PH_DENIED, 0},
    {"MissingAuthenticationTokenException", PH_DENIED, 0},
    {"NotAuthorized", PH_DENIED, 0},
    {"OptInRequired", PH_DENIED, 0},
    {"SubscriptionRequiredException", PH_DENIED, 0},
    {"UnauthorizedAccess", PH_DENIED, 0},
    {"UnauthorizedOperation", PH_DENIED, 0},
    {"UnrecognizedClientException", PH_DENIED, 0},
    {"AWS.SimpleQueueService.NonExistentQueue", PH_NOT_FOUND, 0},
    {"NotFound", PH_NOT_FOUND, 0},
    {"NotFoundException", PH_NOT_FOUND, 0},
    {"ParameterNotFound", PH_NOT_FOUND, 0},
    {"ParameterVersionNotFound", PH_NOT_FOUND, 0},
    {"QueueDoesNotExist", PH_NOT_FOUND, 0},
    {"ResourceNotFoundException", PH_NOT_FOUND, 0},
    {"TableNotFoundException", PH_NOT_FOUND, 0},
    {"TopicNotFound", PH_NOT_FOUND, 0},
};

static const struct code *find_code(const char *name)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        size_t length = strlen(codes[i].name);
        bool open = codes[i].name[length - 1] == '*';
        if (open ? strncmp(name, codes[i].name, length - 1) == 0 : strcmp(name, codes[i].name) == 0) {
            return &codes[i];
        }
    }
    return NULL;
}

enum ph_outcome aws_outcome_of(const char *code, bool sender_fault)
{
    const struct code *known = find_code(code);
    if (known != NULL) {
        return known->outcome;
    }
    return sender_fault ? PH_INVALID : PH_TRANSIENT;
}

bool aws_lacks_right(const struct aws_answer *answer)
{
    static const char *const policy[] = {"AccessDenied", "AccessDeniedException", "AuthorizationError",
                                         "AuthorizationErrorException"};
    for (size_t i = 0; answer->outcome == PH_DENIED && i < sizeof policy / sizeof policy[0]; i++) {
        if (strcmp(answer->code, policy[i]) == 0) {
            return true;
        }
    }
    return false;
}

struct ph_text aws_header_find(const struct ph_http_response *response, const char *name)
{
    for (size_t i = 0; response != NULL && i < response->header_count; i++) {
        if (strcmp(response->header_names[i]->bytes, name) == 0) {
            return *response->header_values[i];
        }
    }
    return (struct ph_text){"", 0};
}

// --- What the service said ---------------------------------------------------------------------------------

// "com.amazonaws.dynamodb.v20120810#Code:http://…" is Code.
static void take_code(struct aws_failure *failure, const char *code, size_t length)
{
    const char *hash = memchr(code, '#', length);
    if (hash != NULL) {
        length -= (size_t)(hash + 1 - code);
        code = hash + 1;
    }
    size_t end = 0;
    while (end < length && (isalnum((unsigned char)code[end]) || strchr("._-", code[end]) != NULL)) {
        end++;
    }
    snprintf(failure->code, sizeof failure->code, "%.*s", (int)(end < sizeof failure->code ? end : 0), code);
}

static void take_message(struct aws_failure *failure, const char *message, size_t length)
{
    utf8_clean(failure->message, sizeof failure->message, message, length);
}

static void read_json(struct aws_failure *failure, const json_t *json)
{
    static const char *const code_names[] = {"__type", "code", "Code"};
    static const char *const message_names[] = {"message", "Message", "errorMessage"};
    for (size_t i = 0; i < 3 && failure->code[0] == '\0'; i++) {
        const json_t *code = json_object_get(json, code_names[i]);
        if (json_is_string(code)) {
            take_code(failure, json_string_value(code), json_string_length(code));
        }
    }
    for (size_t i = 0; i < 3 && failure->message[0] == '\0'; i++) {
        const json_t *message = json_object_get(json, message_names[i]);
        if (json_is_string(message)) {
            take_message(failure, json_string_value(message), json_string_length(message));
        }
    }
}

// <ErrorResponse><Error>, <Response><Errors><Error>, or <Error> alone.
static void read_xml(struct aws_failure *failure, const struct aws_xml *root)
{
    const struct aws_xml *error = aws_xml_child(root, "Error");
    error = error != NULL ? error : aws_xml_child(aws_xml_child(root, "Errors"), "Error");
    if (error == NULL && strcmp(root->name, "Error") == 0) {
        error = root;
    }
    const struct aws_xml *code = aws_xml_child(error, "Code");
    const struct aws_xml *message = aws_xml_child(error, "Message");
    if (code != NULL) {
        take_code(failure, code->text.bytes, code->text.length);
    }
    if (message != NULL) {
        take_message(failure, message->text.bytes, message->text.length);
    }
}

// Retry-After in seconds; a date is left out: it is for caches.
static uint32_t delay_of(const struct ph_http_response *response)
{
    struct ph_text header = aws_header_find(response, "retry-after");
    char *end;
    if (header.length == 0 || !isdigit((unsigned char)header.bytes[0])) {
        return 0;
    }
    unsigned long long seconds = strtoull(header.bytes, &end, 10);
    if (*end != '\0') {
        return 0;
    }
    return seconds < DELAY_MAX_MS / 1000 ? (uint32_t)(seconds * 1000) : DELAY_MAX_MS;
}

// When the service named no code that is known.
static enum ph_outcome outcome_of_status(int status, bool has_code)
{
    if (status == 429) {
        return PH_THROTTLED;
    }
    if (status >= 500 || status == 408) {
        return PH_TRANSIENT;
    }
    if (status == 401 || status == 403) {
        return PH_DENIED;
    }
    if (status == 413) {
        return PH_INVALID;
    }
    // Without a code it was not the service that spoke: a wrong endpoint, a proxy. Nothing was done there.
    return status >= 400 && has_code ? PH_INVALID : PH_UNAVAILABLE;
}

void aws_failure_read(const struct ph_http_response *response, const json_t *json, const struct aws_xml *xml,
                      struct aws_failure *failure_r)
{
    memset(failure_r, 0, sizeof *failure_r);
    if (json != NULL) {
        read_json(failure_r, json);
    }
    if (xml != NULL) {
        read_xml(failure_r, xml);
    }
    struct ph_text type = aws_header_find(response, "x-amzn-errortype");
    if (failure_r->code[0] == '\0' && type.length > 0) {
        take_code(failure_r, type.bytes, type.length);
    }
    const struct code *known = find_code(failure_r->code);
    // The older code of SQS, for errors whose new name is not known here.
    struct ph_text older = aws_header_find(response, "x-amzn-query-error");
    if (known == NULL && older.length > 0) {
        char name[AWS_CODE_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(older.bytes, ";"), older.bytes);
        known = find_code(name);
    }
    failure_r->outcome = known != NULL ? known->outcome
                                       : outcome_of_status(response->status, failure_r->code[0] != '\0');
    // A server's fault is no verdict on the request, whatever code it carries.
    if (response->status >= 500 && failure_r->outcome != PH_THROTTLED && failure_r->outcome != PH_UNAVAILABLE) {
        failure_r->outcome = PH_TRANSIENT;
    }
    failure_r->expired = known != NULL && (known->flags & EXPIRED) != 0;
    failure_r->skewed = known != NULL && (known->flags & SKEWED) != 0;
    failure_r->delay_ms = failure_r->outcome == PH_THROTTLED ? delay_of(response) : 0;
}
