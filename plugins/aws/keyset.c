// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/keyset.h.
#include "plugins/aws/keyset.h"
#include "core/json_read.h"
#include "core/timestamp.h"
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wipe(char **text)
{
    if (*text != NULL) {
        OPENSSL_cleanse(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

void aws_keyset_clear(struct aws_keyset *keys)
{
    wipe(&keys->id);
    wipe(&keys->secret);
    wipe(&keys->token);
    keys->expires_ms = 0;
}

static bool is_sound(const char *text, size_t most)
{
    size_t length = text != NULL ? strnlen(text, most + 1) : 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return length > 0 && length <= most;
}

bool aws_keyset_take(struct aws_keyset *keys, const char *id, const char *secret, const char *token, int64_t expires_ms,
                     char *error_r, size_t error_size)
{
    const char *fault = NULL;
    aws_keyset_clear(keys);
    bool has_token = token != NULL && token[0] != '\0';
    // A slash in an id would move the parts of the signature's scope.
    if (!is_sound(id, AWS_KEY_MAX) || strpbrk(id, "/,=") != NULL) {
        fault = "the access key's id";
    } else if (!is_sound(secret, AWS_KEY_MAX)) {
        fault = "the secret access key";
    } else if (has_token && !is_sound(token, AWS_TOKEN_MAX)) {
        fault = "the session token";
    }
    if (fault != NULL) {
        snprintf(error_r, error_size, "%s is missing or malformed", fault);
        return false;
    }
    keys->id = strdup(id);
    keys->secret = strdup(secret);
    keys->token = has_token ? strdup(token) : NULL;
    keys->expires_ms = expires_ms;
    if (keys->id == NULL || keys->secret == NULL || (has_token && keys->token == NULL)) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    return true;
}

// Keys that say when they end, in a form that is not understood, are not used: they would fail one day unseen.
static bool read_expiration(const char *text, int64_t *expires_ms_r, char *error_r, size_t error_size)
{
    *expires_ms_r = 0;
    if (text == NULL || text[0] == '\0') {
        return true;
    }
    if (timestamp_parse(text, strlen(text), expires_ms_r) && *expires_ms_r > 0) {
        return true;
    }
    snprintf(error_r, error_size, "the time of the credentials' end is malformed");
    return false;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

bool aws_keyset_from_json(struct aws_keyset *keys, const char *bytes, size_t length, char *error_r, size_t error_size)
{
    struct json_read_error error;
    int64_t expires_ms;
    aws_keyset_clear(keys);
    json_t *answer = json_read(bytes, length, 0, &error);
    const char *code = member(answer, "Code");
    bool good = false;
    if (!json_is_object(answer)) {
        snprintf(error_r, error_size, "the answer is no JSON object");
    } else if (code != NULL && strcmp(code, "Success") != 0) {
        snprintf(error_r, error_size, "the answer's code is not Success");
    } else if (read_expiration(member(answer, "Expiration"), &expires_ms, error_r, error_size)) {
        good = aws_keyset_take(keys, member(answer, "AccessKeyId"), member(answer, "SecretAccessKey"),
                               member(answer, "Token"), expires_ms, error_r, error_size);
    }
    json_decref(answer);
    return good;
}

bool aws_keyset_from_xml(struct aws_keyset *keys, const struct aws_xml *root, char *error_r, size_t error_size)
{
    int64_t expires_ms;
    const struct aws_xml *result = aws_xml_child(root, "AssumeRoleWithWebIdentityResult");
    const struct aws_xml *credentials = aws_xml_child(result, "Credentials");
    aws_keyset_clear(keys);
    if (credentials == NULL) {
        snprintf(error_r, error_size, "the answer has no credentials");
        return false;
    }
    return read_expiration(aws_xml_text(credentials, "Expiration"), &expires_ms, error_r, error_size) &&
           aws_keyset_take(keys, aws_xml_text(credentials, "AccessKeyId"), aws_xml_text(credentials, "SecretAccessKey"),
                           aws_xml_text(credentials, "SessionToken"), expires_ms, error_r, error_size);
}
