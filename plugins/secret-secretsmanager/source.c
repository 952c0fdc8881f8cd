// SPDX-License-Identifier: Apache-2.0
//
// See plugins/secret-secretsmanager/source.h. Sources: GetSecretValue in the Secrets Manager API reference, GetParameter in
// that of Systems Manager.
#include "plugins/secret-secretsmanager/source.h"
#include "core/utf8.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const struct aws_service secrets_manager = {
    .name = "secretsmanager", .id = "SECRETS_MANAGER", .protocol = AWS_JSON_1_1, .version = "secretsmanager"};
static const struct aws_service parameter_store = {
    .name = "ssm", .id = "SSM", .protocol = AWS_JSON_1_1, .version = "AmazonSSM"};

// --- Names -------------------------------------------------------------------------------------------------

static bool take_prefix(const char **name, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(*name, prefix, length) != 0) {
        return false;
    }
    *name += length;
    return true;
}

bool secret_ask_read(struct ph_text name, struct secret_ask *ask_r)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_+=.@-:!";
    const char *rest = name.bytes;
    *ask_r = (struct secret_ask){.stage = SECRET_CURRENT};
    if (take_prefix(&rest, "ssm:")) {
        ask_r->parameter = true;
    } else if (take_prefix(&rest, "pending:")) {
        ask_r->stage = SECRET_PENDING;
    } else if (take_prefix(&rest, "previous:")) {
        ask_r->stage = SECRET_PREVIOUS;
    } else {
        ask_r->any_stage = true;
    }
    ask_r->name = rest;
    size_t length = name.length - (size_t)(rest - name.bytes);
    return length > 0 && length <= SECRET_NAME_MAX && strspn(rest, letters) == length;
}

// --- Requests ----------------------------------------------------------------------------------------------

struct aws_request secret_request(const struct secret_ask *ask, enum secret_stage stage, struct buffer *body)
{
    static const char *const stages[] = {"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"};
    buffer_text(body, ask->parameter ? "{\"Name\":" : "{\"SecretId\":");
    buffer_json_string(body, ask->name, strlen(ask->name));
    if (ask->parameter) {
        buffer_text(body, ",\"WithDecryption\":true}");
    } else {
        buffer_printf(body, ",\"VersionStage\":\"%s\"}", stages[stage]);
    }
    return (struct aws_request){
        .service = ask->parameter ? &parameter_store : &secrets_manager,
        .operation = ask->parameter ? "GetParameter" : "GetSecretValue",
        .body = {body->data, body->length},
        .response_limit = 8 * SECRET_VALUE_MAX, // each byte may be written as an escape
    };
}

// --- Values ------------------------------------------------------------------------------------------------

// A string's bytes, copied; the tree's own are wiped.
static char *take_string(json_t *string, size_t *length_r)
{
    size_t length = json_string_length(string);
    char *copy = malloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, json_string_value(string), length);
        copy[length] = '\0';
        *length_r = length;
    }
    OPENSSL_cleanse((void *)(uintptr_t)json_string_value(string), length);
    return copy;
}

// Decodes in place; false: it is no base64.
static bool decode_base64(char *text, size_t *length)
{
    size_t padding = 0;
    while (padding < 2 && padding < *length && text[*length - 1 - padding] == '=') {
        padding++;
    }
    unsigned char *decoded = malloc(*length + 1);
    int written = decoded != NULL ? EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)*length) : -1;
    bool good = written >= 0 && (size_t)written >= padding && *length % 4 == 0;
    if (good) {
        OPENSSL_cleanse(text, *length);
        *length = (size_t)written - padding;
        memcpy(text, decoded, *length);
        text[*length] = '\0';
        OPENSSL_cleanse(decoded, (size_t)written);
    }
    free(decoded);
    return good;
}

static const char *fault_of(const char *value, size_t length)
{
    if (length > SECRET_VALUE_MAX) {
        return "is larger than 64 KiB";
    }
    if (memchr(value, '\0', length) != NULL) {
        return "holds a NUL byte";
    }
    return utf8_valid(value, length) ? NULL : "is no text in UTF-8";
}

char *secret_value_read(const struct secret_ask *ask, const json_t *answer, size_t *length_r, const char **fault_r)
{
    const json_t *holder = ask->parameter ? json_object_get(answer, "Parameter") : answer;
    json_t *text = json_object_get(holder, ask->parameter ? "Value" : "SecretString");
    json_t *binary = ask->parameter ? NULL : json_object_get(answer, "SecretBinary");
    char *value = NULL;
    *length_r = 0;
    *fault_r = "has no value in the answer";
    if (json_is_string(text)) {
        value = take_string(text, length_r);
    } else if (json_is_string(binary) && json_string_length(binary) <= 2 * SECRET_VALUE_MAX) {
        value = take_string(binary, length_r);
        *fault_r = "is no base64 in the answer";
        if (value != NULL && !decode_base64(value, length_r)) {
            OPENSSL_cleanse(value, *length_r);
            free(value);
            value = NULL;
        }
    }
    const char *fault = value != NULL ? fault_of(value, *length_r) : NULL;
    if (fault != NULL) {
        *fault_r = fault;
        OPENSSL_cleanse(value, *length_r);
        free(value);
        value = NULL;
    }
    return value;
}
