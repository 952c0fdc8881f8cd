// SPDX-License-Identifier: Apache-2.0
//
// See core/expand.h. A value is read as a row of pieces: plain text, a variable, a secret.
#include "core/expand.h"

#include "core/buffer.h"
#include "core/json_read.h"
#include "core/log.h"
#include "core/xalloc.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum piece_kind { PIECE_END, PIECE_TEXT, PIECE_VARIABLE, PIECE_SECRET, PIECE_BAD };

struct piece {
    enum piece_kind kind;
    const char *text; ///< the plain text, the variable's or the secret's name
    size_t length;
    const char *key; ///< of a secret; NULL: none
    size_t key_length;
};

static const char SECRET[] = "secret:";

static bool is_variable_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return length > 0;
}

static bool read_secret(const char *text, size_t length, struct piece *piece, struct buffer *error)
{
    const char *hash = memchr(text, '#', length);
    piece->kind = PIECE_SECRET;
    piece->text = text;
    piece->length = hash == NULL ? length : (size_t)(hash - text);
    piece->key = hash == NULL ? NULL : hash + 1;
    piece->key_length = hash == NULL ? 0 : length - piece->length - 1;
    if (piece->length == 0) {
        return buffer_text(error, "${secret:…} names no secret; write ${secret:NAME} or ${secret:NAME#key}"), false;
    }
    if (hash != NULL && piece->key_length == 0) {
        return buffer_text(error, "${secret:…#} names no key after the \"#\""), false;
    }
    if (piece->length > EXPAND_NAME_MAX || piece->key_length > EXPAND_KEY_MAX) {
        return buffer_printf(error, "${secret:…}: a name has at most %d bytes, a key %d", EXPAND_NAME_MAX,
                             EXPAND_KEY_MAX),
               false;
    }
    return true;
}

static bool read_braces(const char *inside, const char *end, struct piece *piece, struct buffer *error)
{
    size_t length = (size_t)(end - inside);
    size_t prefix = sizeof SECRET - 1;
    if (length >= prefix && memcmp(inside, SECRET, prefix) == 0) {
        return read_secret(inside + prefix, length - prefix, piece, error);
    }
    if (!is_variable_name(inside, length)) {
        buffer_printf(error,
                      "${%.*s} is neither ${VARIABLE} nor ${secret:NAME#key}; write $${ for a \"${\" that is meant",
                      length > 60 ? 60 : (int)length, inside);
        return false;
    }
    *piece = (struct piece){.kind = PIECE_VARIABLE, .text = inside, .length = length};
    return true;
}

// The piece at *at, which moves on. PIECE_BAD: `error` says why.
static struct piece next_piece(const char **at, struct buffer *error)
{
    const char *text = *at;
    struct piece piece = {.kind = PIECE_END};
    if (text[0] == '\0') {
        return piece;
    }
    if (strncmp(text, "$${", 3) == 0) {
        *at = text + 3;
        return (struct piece){.kind = PIECE_TEXT, .text = text + 1, .length = 2};
    }
    if (strncmp(text, "${", 2) != 0) {
        const char *end = text + 1;
        while (*end != '\0' && *end != '$') {
            end++;
        }
        *at = end;
        return (struct piece){.kind = PIECE_TEXT, .text = text, .length = (size_t)(end - text)};
    }
    const char *end = strchr(text, '}');
    if (end == NULL) {
        buffer_text(error, "\"}\" is missing after \"${\"; write $${ for a \"${\" that is meant");
        piece.kind = PIECE_BAD;
        return piece;
    }
    if (!read_braces(text + 2, end, &piece, error)) {
        piece.kind = PIECE_BAD;
    }
    *at = end + 1;
    return piece;
}

bool expand_needed(const char *value)
{
    return strstr(value, "${") != NULL;
}

int expand_secrets(const char *value, void (*found)(void *context, const char *name), void *context,
                   struct buffer *error)
{
    int count = 0;
    for (;;) {
        struct piece piece = next_piece(&value, error);
        if (piece.kind == PIECE_END) {
            return count;
        }
        if (piece.kind == PIECE_BAD) {
            return -1;
        }
        if (piece.kind == PIECE_SECRET) {
            count++;
            if (found != NULL) {
                char *name = xstrndup(piece.text, piece.length);
                found(context, name);
                free(name);
            }
        }
    }
}

const char *expand_variable(const char *const *environment, const char *name, size_t length)
{
    const char *const *entries = environment != NULL ? environment : (const char *const *)environ;
    for (; entries != NULL && *entries != NULL; entries++) {
        if (strncmp(*entries, name, length) == 0 && (*entries)[length] == '=') {
            return *entries + length + 1;
        }
    }
    return NULL;
}

static bool put_variable(const struct piece *piece, const struct expand_settings *settings, struct buffer *out,
                         struct buffer *error)
{
    const char *value = expand_variable(settings->environment, piece->text, piece->length);
    if (value == NULL) {
        buffer_printf(error, "the environment variable %.*s is not set", (int)piece->length, piece->text);
        return false;
    }
    buffer_text(out, value);
    return true;
}

static bool put_scalar(const json_t *member, struct buffer *out)
{
    if (json_is_string(member)) {
        const char *text = json_string_value(member);
        buffer_text(out, text);
        log_redact(text, strlen(text));
        return true;
    }
    if (json_is_integer(member)) {
        return buffer_signed(out, json_integer_value(member)), true;
    }
    if (json_is_boolean(member)) {
        return buffer_text(out, json_is_true(member) ? "true" : "false"), true;
    }
    return false;
}

// Takes the member `key` out of the JSON object `value`.
static bool put_member(const struct piece *piece, const char *name, struct ph_text value, struct buffer *out,
                       struct buffer *error)
{
    char *key = xstrndup(piece->key, piece->key_length);
    json_t *object = json_read(value.bytes, value.length, 0, NULL);
    const json_t *member = json_object_get(object, key);
    bool good = false;
    if (!json_is_object(object)) {
        buffer_printf(error, "secret %s is no JSON object, so \"#%s\" cannot be taken from it", name, key);
    } else if (member == NULL) {
        buffer_printf(error, "secret %s has no key \"%s\"", name, key);
    } else if (!put_scalar(member, out)) {
        buffer_printf(error, "key \"%s\" of secret %s is no text", key, name);
    } else {
        good = true;
    }
    json_decref(object);
    free(key);
    return good;
}

static bool put_whole(const char *name, struct ph_text value, struct buffer *out, struct buffer *error)
{
    while (value.length > 0 && (value.bytes[value.length - 1] == '\n' || value.bytes[value.length - 1] == '\r')) {
        value.length--;
    }
    if (value.length > 0 && memchr(value.bytes, '\0', value.length) != NULL) {
        buffer_printf(error, "secret %s holds a NUL byte", name);
        return false;
    }
    buffer_append(out, value.bytes, value.length);
    log_redact(value.bytes, value.length);
    return true;
}

static bool put_secret(const struct piece *piece, const struct expand_settings *settings, struct buffer *out,
                       struct buffer *error)
{
    char *name = xstrndup(piece->text, piece->length);
    struct ph_text value = {"", 0};
    const char *why = NULL;
    bool good = settings->answer != NULL && settings->answer(settings->context, name, &value, &why);
    if (!good) {
        buffer_printf(error, "secret %s cannot be read%s%s", name, why == NULL ? "" : ": ", why == NULL ? "" : why);
    } else if (piece->key == NULL) {
        good = put_whole(name, value, out, error);
    } else {
        good = put_member(piece, name, value, out, error);
    }
    free(name);
    return good;
}

static bool put_piece(const struct piece *piece, const struct expand_settings *settings, struct buffer *out,
                      struct buffer *error)
{
    switch (piece->kind) {
    case PIECE_TEXT:
        buffer_append(out, piece->text, piece->length);
        return true;
    case PIECE_VARIABLE:
        return put_variable(piece, settings, out, error);
    case PIECE_SECRET:
        return put_secret(piece, settings, out, error);
    default:
        return false;
    }
}

char *expand_value(const char *value, const struct expand_settings *settings, bool *secret_r, struct buffer *error)
{
    struct buffer out;
    bool good = true;
    *secret_r = false;
    buffer_init(&out, EXPAND_VALUE_MAX);
    // All room at once: a growing buffer would leave pieces of a secret in memory that is given back.
    buffer_reserve(&out, EXPAND_VALUE_MAX);
    while (good) {
        struct piece piece = next_piece(&value, error);
        if (piece.kind == PIECE_END) {
            break;
        }
        *secret_r = *secret_r || piece.kind == PIECE_SECRET;
        good = put_piece(&piece, settings, &out, error);
    }
    if (good && buffer_failed(&out)) {
        buffer_printf(error, "the value has more than %d bytes when expanded", EXPAND_VALUE_MAX);
        good = false;
    }
    char *result = good ? xstrndup(buffer_string(&out), out.length) : NULL;
    if (out.data != NULL) {
        explicit_bzero(out.data, out.length);
    }
    buffer_free(&out);
    return result;
}

void expand_free(char *value)
{
    if (value != NULL) {
        explicit_bzero(value, strlen(value));
        free(value);
    }
}
