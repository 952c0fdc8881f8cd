// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes what reads JSON answers of AWS: the verdict on an answer, credentials, values of secrets. The first byte picks the
// status. Whatever comes, there is an outcome, and its text is one printable line.
#include "plugins/aws/keyset.h"
#include "plugins/aws/verdict.h"
#include "plugins/secret-secretsmanager/source.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct aws_service service = {
    .name = "dynamodb", .id = "DYNAMODB", .protocol = AWS_JSON_1_0, .version = "DynamoDB_20120810"};

static void check_line(const char *text)
{
    for (; *text != '\0'; text++) {
        assert((unsigned char)*text >= ' ' && *text != 0x7f);
    }
}

static void check_verdict(const struct aws_answer *answer, int status)
{
    bool good = status >= 200 && status < 300;
    assert(answer->outcome > PH_CONFLICT || answer->outcome == PH_OK);
    assert(answer->outcome != PH_OK || (good && json_is_object(answer->json) && answer->text == NULL));
    assert(answer->outcome == PH_OK || !good || answer->outcome == PH_UNCERTAIN);
    if (answer->text != NULL) {
        check_line(answer->text);
    }
    check_line(answer->code);
    check_line(answer->message);
}

static void check_value(const json_t *answer, const char *name)
{
    struct secret_ask ask;
    size_t length;
    const char *fault = NULL;
    assert(secret_ask_read((struct ph_text){name, strlen(name)}, &ask));
    char *value = secret_value_read(&ask, answer, &length, &fault);
    assert(value != NULL ? strlen(value) == length && length <= SECRET_VALUE_MAX : fault != NULL);
    free(value);
}

static void check_keys(const char *bytes, size_t length)
{
    struct aws_keyset keys = {0};
    char error[128] = "";
    bool good = aws_keyset_from_json(&keys, bytes, length, error, sizeof error);
    assert(good ? keys.id != NULL && keys.secret != NULL && keys.expires_ms >= 0 : keys.id == NULL && error[0] != '\0');
    aws_keyset_clear(&keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 400, 403, 500, 204, 429, 302, 404};
    if (size == 0) {
        return 0;
    }
    // As the host does: a NUL byte behind the body.
    char *body = malloc(size);
    assert(body != NULL);
    memcpy(body, data + 1, size - 1);
    body[size - 1] = '\0';
    const struct ph_http_response response = {
        .outcome = PH_OK, .status = statuses[data[0] % 8], .body = {body, size - 1}};
    struct aws_verdict verdict;
    aws_verdict_make(&verdict, &service, "GetItem", &response, false);
    check_verdict(&verdict.answer, response.status);
    if (verdict.answer.json != NULL) {
        check_value(verdict.answer.json, "a");
        check_value(verdict.answer.json, "ssm:a");
    }
    aws_verdict_clear(&verdict);
    check_keys(body, size - 1);
    free(body);
    return 0;
}
