// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/profile.h.
#include "plugins/aws/profile.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t\r\v\f"

struct key {
    const char *name;
    size_t offset; // of the char * in the profile
};

#define KEY(name, member)                          \
    {                                              \
        name, offsetof(struct aws_profile, member) \
    }

static const struct key keys[] = {
    KEY("aws_access_key_id", id),
    KEY("aws_secret_access_key", secret),
    KEY("aws_session_token", token),
    KEY("region", region),
    KEY("role_arn", role_arn),
    KEY("role_session_name", role_session_name),
    KEY("web_identity_token_file", web_identity_token_file),
    KEY("endpoint_url", endpoint_url),
    KEY("ca_bundle", ca_bundle),
    KEY("source_profile", source_profile),
    KEY("credential_source", credential_source),
    KEY("credential_process", credential_process),
    KEY("sso_session", sso),
    KEY("sso_start_url", sso),
};

static char **slot_of(struct aws_profile *profile, size_t offset)
{
    return (char **)(void *)((char *)profile + offset);
}

struct span {
    const char *bytes;
    size_t length;
};

static bool is_blank(char byte)
{
    return byte != '\0' && strchr(BLANK, byte) != NULL;
}

static struct span trim(struct span span)
{
    while (span.length > 0 && is_blank(span.bytes[0])) {
        span.bytes++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.bytes[span.length - 1])) {
        span.length--;
    }
    return span;
}

static bool span_is(struct span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.bytes, text, span.length) == 0;
}

// A comment in a value begins with a blank and # or ;.
static struct span without_comment(struct span span)
{
    for (size_t i = 1; i < span.length; i++) {
        if ((span.bytes[i] == '#' || span.bytes[i] == ';') && is_blank(span.bytes[i - 1])) {
            span.length = i;
            break;
        }
    }
    return trim(span);
}

// Whether a line "[…]" begins the profile's section. In the config file the keyword "profile" must be there, but for
// "default", where it may.
static bool section_is(struct span line, enum aws_profile_file file, const char *name)
{
    const char *end = memchr(line.bytes, ']', line.length);
    if (end == NULL) {
        return false;
    }
    struct span inside = trim((struct span){line.bytes + 1, (size_t)(end - line.bytes) - 1});
    static const char word[] = "profile";
    size_t word_length = sizeof word - 1;
    if (file == AWS_PROFILE_CONFIG && inside.length > word_length && memcmp(inside.bytes, word, word_length) == 0 &&
        is_blank(inside.bytes[word_length])) {
        inside = trim((struct span){inside.bytes + word_length, inside.length - word_length});
        return span_is(inside, name);
    }
    return span_is(inside, name) && (file == AWS_PROFILE_CREDENTIALS || strcmp(name, "default") == 0);
}

// A copy with a NUL behind it; NULL without memory. Not strndup: the bytes have no end of their own, which checkers ask of it.
static char *copy_of(struct span span)
{
    char *copy = malloc(span.length + 1);
    if (copy != NULL) {
        memcpy(copy, span.bytes, span.length);
        copy[span.length] = '\0';
    }
    return copy;
}

static void take_line(struct aws_profile *profile, struct span line)
{
    const char *equals = memchr(line.bytes, '=', line.length);
    if (equals == NULL) {
        return;
    }
    struct span name = trim((struct span){line.bytes, (size_t)(equals - line.bytes)});
    struct span value = trim((struct span){equals + 1, line.length - (size_t)(equals + 1 - line.bytes)});
    value = without_comment(value);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char **slot = slot_of(profile, keys[i].offset);
        if (*slot == NULL && value.length > 0 && name.length == strlen(keys[i].name) &&
            strncasecmp(name.bytes, keys[i].name, name.length) == 0 &&
            memchr(value.bytes, '\0', value.length) == NULL) {
            *slot = copy_of(value);
        }
    }
}

void aws_profile_read(struct aws_profile *profile, enum aws_profile_file file, const char *name, const char *bytes,
                      size_t length)
{
    bool inside = false;
    for (size_t at = 0; at < length;) {
        const char *end = memchr(bytes + at, '\n', length - at);
        size_t line_length = end != NULL ? (size_t)(end - bytes) - at : length - at;
        struct span line = {bytes + at, line_length};
        at += line_length + 1;
        bool nested = line.length > 0 && is_blank(line.bytes[0]);
        line = trim(line);
        if (line.length == 0 || line.bytes[0] == '#' || line.bytes[0] == ';') {
            continue;
        }
        if (line.bytes[0] == '[' && !nested) {
            inside = section_is(line, file, name);
            profile->found = profile->found || inside;
        } else if (inside && !nested) {
            take_line(profile, line); // an indented line belongs to a key that holds more than one
        }
    }
}

void aws_profile_clear(struct aws_profile *profile)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char **slot = slot_of(profile, keys[i].offset);
        if (*slot != NULL) {
            OPENSSL_cleanse(*slot, strlen(*slot));
            free(*slot);
            *slot = NULL;
        }
    }
    profile->found = false;
}
