// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/verdict.h.
#include "plugins/aws/verdict.h"
#include "core/json_read.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GOOD(status) ((status) >= 200 && (status) < 300)

__attribute__((format(printf, 4, 5))) static void say(struct aws_verdict *verdict, const struct aws_service *service,
                                                      const char *operation, const char *format, ...)
{
    int length = snprintf(verdict->text, sizeof verdict->text, "%s %s: ", service->name, operation);
    if (length < 0 || (size_t)length >= sizeof verdict->text) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->text + length, sizeof verdict->text - (size_t)length, format, arguments);
    va_end(arguments);
}

// A body is looked at in the form that it has, whatever the service's own is: errors come from others too.
static void read_body(struct aws_verdict *verdict, struct ph_text body)
{
    struct json_read_error error;
    size_t at = strspn(body.bytes, " \t\r\n");
    if (at < body.length && body.bytes[at] == '{') {
        verdict->answer.json = json_read(body.bytes, body.length, JSON_READ_ALLOW_NUL, &error);
    } else if (at < body.length && body.bytes[at] == '<') {
        verdict->xml = aws_xml_read(body.bytes, body.length);
        verdict->answer.xml = verdict->xml;
    }
}

// What an operator must do. A batch is authorised as the single action.
static void advise(const struct aws_service *service, const char *operation, const struct aws_failure *failure,
                   char *advice_r, size_t size)
{
    static const char batch[] = "Batch";
    size_t length = strlen(operation);
    bool simple = strcmp(service->name, "sqs") == 0 || strcmp(service->name, "sns") == 0;
    if (simple && length >= sizeof batch && strcmp(operation + length - (sizeof batch - 1), batch) == 0) {
        length -= sizeof batch - 1;
    }
    advice_r[0] = '\0';
    if (failure->outcome != PH_DENIED) {
        return;
    }
    if (strncmp(failure->code, "AccessDenied", 12) == 0 || strncmp(failure->code, "Authorization", 13) == 0) {
        snprintf(advice_r, size, "; give these credentials the right %s:%.*s", service->name, (int)length, operation);
    } else {
        snprintf(advice_r, size, "; check the credentials and this machine's clock");
    }
}

static void judge_failure(struct aws_verdict *verdict, const struct aws_service *service, const char *operation,
                          const struct ph_http_response *response)
{
    struct aws_failure *failure = &verdict->failure;
    struct aws_answer *answer = &verdict->answer;
    aws_failure_read(response, answer->json, verdict->xml, failure);
    answer->outcome = failure->outcome;
    answer->delay_ms = failure->delay_ms;
    answer->code = failure->code;
    answer->message = failure->message;
    answer->xml = NULL;
    char advice[128];
    advise(service, operation, failure, advice, sizeof advice);
    if (failure->code[0] != '\0') {
        say(verdict, service, operation, "%s (%d): %s%s", failure->code, response->status, failure->message, advice);
    } else if (response->status >= 500 || failure->outcome == PH_THROTTLED) {
        say(verdict, service, operation, "answered %d", response->status);
    } else {
        say(verdict, service, operation, "answered %d without an error of the service; is the endpoint right?",
            response->status);
    }
}

static void judge_success(struct aws_verdict *verdict, const struct aws_service *service, const char *operation,
                          struct ph_text body)
{
    struct aws_answer *answer = &verdict->answer;
    bool query = service->protocol == AWS_QUERY;
    if (!query && body.length == 0) {
        answer->json = json_object(); // an operation without output
    }
    if (query ? answer->xml != NULL : answer->json != NULL) {
        answer->outcome = PH_OK;
        answer->text = NULL;
        return;
    }
    // The service has done what it was asked, or somebody else answered: nobody can tell.
    answer->outcome = PH_UNCERTAIN;
    say(verdict, service, operation, "answered %d with %zu bytes that are no %s", answer->status, body.length,
        query ? "XML" : "JSON object");
}

void aws_verdict_make(struct aws_verdict *verdict, const struct aws_service *service, const char *operation,
                      const struct ph_http_response *response, bool unread)
{
    memset(verdict, 0, sizeof *verdict);
    struct aws_answer *answer = &verdict->answer;
    answer->code = "";
    answer->message = "";
    answer->text = verdict->text;
    if (response->outcome != PH_OK) {
        // What did not go out found nobody there.
        answer->outcome = response->outcome == PH_TRANSIENT ? PH_UNAVAILABLE : (enum ph_outcome)response->outcome;
        say(verdict, service, operation, "%s", response->error != NULL ? response->error : "no answer");
        return;
    }
    answer->answer = response;
    answer->status = response->status;
    if (unread && GOOD(response->status)) {
        answer->outcome = PH_OK;
        answer->text = NULL;
        return;
    }
    read_body(verdict, response->body);
    if (GOOD(response->status)) {
        judge_success(verdict, service, operation, response->body);
    } else {
        judge_failure(verdict, service, operation, response);
    }
}

void aws_verdict_clear(struct aws_verdict *verdict)
{
    json_decref(verdict->answer.json);
    aws_xml_free(verdict->xml);
    verdict->answer.json = NULL;
    verdict->xml = NULL;
}
