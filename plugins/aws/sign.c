// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/sign.h.
#include "plugins/aws/sign.h"
#include "core/encode.h"
#include "core/timestamp.h"
#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define CANONICAL_CEILING ((size_t)256 << 10)
// What these texts take without a session token.
#define USUAL ((size_t)500)
#define DATE_LENGTH 8
#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
// Of HMAC with SHA-256.
#define BLOCK_SIZE 64
#define INNER 0x36
#define OUTER 0x5c
#define HEX_SIZE ENCODE_HEX_SIZE(SHA256_DIGEST_LENGTH)

// --- OpenSSL -----------------------------------------------------------------------------------------------

static _Noreturn void give_up(void)
{
    abort(); // OpenSSL without SHA-256, or no memory
}

static void prepare(struct aws_sign_cache *cache)
{
    if (cache->algorithm != NULL) {
        return;
    }
    cache->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    cache->digest = EVP_MD_CTX_new();
    if (cache->algorithm == NULL || cache->digest == NULL) {
        give_up();
    }
}

static void hash(struct aws_sign_cache *cache, const void *bytes, size_t length, uint8_t out[SHA256_DIGEST_LENGTH])
{
    if (EVP_DigestInit_ex2(cache->digest, cache->algorithm, NULL) != 1 ||
        (length > 0 && EVP_DigestUpdate(cache->digest, bytes, length) != 1) ||
        EVP_DigestFinal_ex(cache->digest, out, NULL) != 1) {
        give_up();
    }
}

static void hash_hex(struct aws_sign_cache *cache, const void *bytes, size_t length, char hex_r[HEX_SIZE])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    hash(cache, bytes, length, digest);
    encode_hex(digest, sizeof digest, hex_r);
}

static void hash_two(struct aws_sign_cache *cache, const uint8_t pad[BLOCK_SIZE], const void *bytes, size_t length,
                     uint8_t out[SHA256_DIGEST_LENGTH])
{
    if (EVP_DigestInit_ex2(cache->digest, cache->algorithm, NULL) != 1 ||
        EVP_DigestUpdate(cache->digest, pad, BLOCK_SIZE) != 1 || EVP_DigestUpdate(cache->digest, bytes, length) != 1 ||
        EVP_DigestFinal_ex(cache->digest, out, NULL) != 1) {
        give_up();
    }
}

// RFC 2104, over the context that is kept: OpenSSL's own makes a dozen blocks of memory each time it is given a key.
static void hmac(struct aws_sign_cache *cache, const void *key, size_t key_length, const char *text, size_t length,
                 uint8_t out[AWS_SIGN_KEY_SIZE])
{
    uint8_t pad[BLOCK_SIZE] = {0};
    uint8_t inner[SHA256_DIGEST_LENGTH];
    if (key_length > sizeof pad) {
        hash(cache, key, key_length, pad);
    } else {
        memcpy(pad, key, key_length);
    }
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= INNER;
    }
    hash_two(cache, pad, text, length, inner);
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= INNER ^ OUTER;
    }
    hash_two(cache, pad, inner, sizeof inner, out);
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(inner, sizeof inner);
}

// --- The canonical request ---------------------------------------------------------------------------------

static bool is_bare(unsigned char byte)
{
    return isalnum(byte) || byte == '-' || byte == '_' || byte == '.' || byte == '~';
}

// A path is encoded once more than on the wire, for all services but S3.
static void add_encoded(struct buffer *out, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < 0x80 && is_bare(byte)) {
            buffer_byte(out, (char)byte);
        } else {
            const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
            buffer_append(out, escape, sizeof escape);
        }
    }
}

// Takes the last segment away again: out[start…] is the path so far.
static void drop_segment(struct buffer *out, size_t start)
{
    size_t end = out->length;
    while (end > start && out->data[end - 1] != '/') {
        end--;
    }
    buffer_truncate(out, end > start ? end - 1 : start);
}

// Without dot segments and empty segments.
static void add_path(struct buffer *out, const char *path)
{
    size_t start = out->length;
    size_t whole = strlen(path);
    for (const char *at = path; *at != '\0' && !buffer_failed(out);) {
        size_t length = strcspn(at, "/");
        if (length == 2 && memcmp(at, "..", 2) == 0) {
            drop_segment(out, start);
        } else if (length > 0 && !(length == 1 && at[0] == '.')) {
            buffer_byte(out, '/');
            add_encoded(out, at, length);
        }
        at += length + (at[length] == '/');
    }
    if (out->length == start || (whole > 0 && path[whole - 1] == '/')) {
        buffer_byte(out, '/');
    }
}

struct part {
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
};

static int compare_bytes(const char *left, size_t left_length, const char *right, size_t right_length)
{
    size_t shorter = left_length < right_length ? left_length : right_length;
    int order = shorter > 0 ? memcmp(left, right, shorter) : 0;
    return order != 0 ? order : (left_length > right_length) - (left_length < right_length);
}

static int compare_parts(const void *left_part, const void *right_part)
{
    const struct part *left = left_part;
    const struct part *right = right_part;
    int order = compare_bytes(left->key, left->key_length, right->key, right->key_length);
    return order != 0 ? order : compare_bytes(left->value, left->value_length, right->value, right->value_length);
}

static bool add_query(struct buffer *out, const char *query)
{
    struct part parts[AWS_SIGN_QUERY_MAX];
    size_t count = 0;
    if (query[0] == '\0') {
        return true;
    }
    for (const char *at = query;; at++) {
        if (count == AWS_SIGN_QUERY_MAX) {
            return false;
        }
        size_t length = strcspn(at, "&");
        const char *equals = memchr(at, '=', length);
        size_t key = equals != NULL ? (size_t)(equals - at) : length;
        parts[count++] =
            (struct part){at, key, equals != NULL ? equals + 1 : at + length, equals != NULL ? length - key - 1 : 0};
        at += length;
        if (*at == '\0') {
            break;
        }
    }
    qsort(parts, count, sizeof parts[0], compare_parts);
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i > 0 ? "&" : "");
        buffer_append(out, parts[i].key, parts[i].key_length);
        buffer_byte(out, '=');
        buffer_append(out, parts[i].value, parts[i].value_length);
    }
    return true;
}

// Without white space at the ends, a run of it inside as one space.
static void add_trimmed(struct buffer *out, const char *value)
{
    bool first = true;
    for (const char *at = value + strspn(value, " \t"); *at != '\0'; at += strspn(at, " \t")) {
        size_t length = strcspn(at, " \t");
        buffer_text(out, first ? "" : " ");
        buffer_append(out, at, length);
        first = false;
        at += length;
    }
}

static int compare_names(const char *left, const char *right)
{
    for (;; left++, right++) {
        int order = tolower((unsigned char)*left) - tolower((unsigned char)*right);
        if (order != 0 || *left == '\0') {
            return order;
        }
    }
}

// The headers in the order of their names; those of one name keep theirs. False: they may not be signed.
static bool sort_headers(const struct aws_signing *signing, const struct aws_header *sorted_r[AWS_SIGN_HEADERS_MAX])
{
    if (signing->header_count > AWS_SIGN_HEADERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < signing->header_count; i++) {
        const struct aws_header *header = &signing->headers[i];
        if (header->value[strcspn(header->value, "\r\n")] != '\0' ||
            header->name[strcspn(header->name, "\r\n:")] != '\0') {
            return false;
        }
        size_t at = i;
        for (; at > 0 && compare_names(sorted_r[at - 1]->name, header->name) > 0; at--) {
            sorted_r[at] = sorted_r[at - 1];
        }
        sorted_r[at] = header;
    }
    return true;
}

static void add_name(struct buffer *out, const char *name)
{
    for (; *name != '\0'; name++) {
        buffer_byte(out, (char)tolower((unsigned char)*name));
    }
}

static void add_headers(struct buffer *out, const struct aws_header *const *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_names(sorted[i - 1]->name, sorted[i]->name) == 0) {
            buffer_byte(out, ',');
        } else {
            buffer_text(out, i > 0 ? "\n" : "");
            add_name(out, sorted[i]->name);
            buffer_byte(out, ':');
        }
        add_trimmed(out, sorted[i]->value);
    }
    buffer_byte(out, '\n');
}

static void add_names(struct buffer *out, const struct aws_header *const *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_names(sorted[i - 1]->name, sorted[i]->name) != 0) {
            buffer_text(out, i > 0 ? ";" : "");
            add_name(out, sorted[i]->name);
        }
    }
}

static bool canonical(const struct aws_signing *signing, struct aws_sign_cache *cache,
                      const struct aws_header *const *sorted, struct buffer *out)
{
    char hex[HEX_SIZE];
    buffer_text(out, signing->method);
    buffer_byte(out, '\n');
    add_path(out, signing->path);
    buffer_byte(out, '\n');
    if (!add_query(out, signing->query)) {
        return false;
    }
    buffer_byte(out, '\n');
    add_headers(out, sorted, signing->header_count);
    buffer_byte(out, '\n');
    add_names(out, sorted, signing->header_count);
    buffer_byte(out, '\n');
    hash_hex(cache, signing->body.bytes, signing->body.length, hex);
    return buffer_text(out, hex);
}

bool aws_sign_canonical(const struct aws_signing *signing, struct buffer *out)
{
    const struct aws_header *sorted[AWS_SIGN_HEADERS_MAX];
    struct aws_sign_cache cache = {0};
    prepare(&cache);
    bool good = sort_headers(signing, sorted) && canonical(signing, &cache, sorted, out);
    aws_sign_forget(&cache);
    return good;
}

// --- The key and the signature -----------------------------------------------------------------------------

// `secret` is "AWS4" and the secret.
static void derive(const struct aws_signing *signing, const char *date, struct ph_text secret,
                   struct aws_sign_cache *cache)
{
    uint8_t *key = cache->key;
    uint8_t step[AWS_SIGN_KEY_SIZE];
    hmac(cache, secret.bytes, secret.length, date, DATE_LENGTH, key);
    hmac(cache, key, sizeof step, signing->region, strlen(signing->region), step);
    hmac(cache, step, sizeof step, signing->service, strlen(signing->service), key);
    hmac(cache, key, sizeof step, TERMINATOR, strlen(TERMINATOR), step);
    memcpy(key, step, sizeof step);
    OPENSSL_cleanse(step, sizeof step);
}

// What a key is good for: a day, a region, a service.
static void add_scope(struct buffer *out, const struct aws_signing *signing, const char *date)
{
    buffer_append(out, date, DATE_LENGTH);
    buffer_byte(out, '/');
    buffer_text(out, signing->region);
    buffer_byte(out, '/');
    buffer_text(out, signing->service);
    buffer_text(out, "/" TERMINATOR);
}

static void wipe(struct buffer *buffer)
{
    if (buffer->data != NULL) {
        OPENSSL_cleanse(buffer->data, buffer->length);
    }
    buffer_free(buffer);
}

// The key, derived again only when something that it depends on has changed. NULL: a secret beyond all sizes.
static const uint8_t *cached_key(const struct aws_signing *signing, const char *date, struct aws_sign_cache *cache)
{
    struct buffer basis;
    buffer_init(&basis, CANONICAL_CEILING);
    buffer_reserve(&basis, USUAL);
    buffer_text(&basis, "AWS4");
    buffer_text(&basis, signing->keys->secret);
    buffer_byte(&basis, '\n');
    add_scope(&basis, signing, date);
    if (buffer_failed(&basis)) {
        wipe(&basis);
        return NULL;
    }
    if (basis.length != cache->basis.length || memcmp(basis.data, cache->basis.data, basis.length) != 0) {
        derive(signing, date, (struct ph_text){basis.data, strlen("AWS4") + strlen(signing->keys->secret)}, cache);
        wipe(&cache->basis);
        cache->basis = basis;
    } else {
        wipe(&basis);
    }
    return cache->key;
}

void aws_sign_forget(struct aws_sign_cache *cache)
{
    EVP_MD_free(cache->algorithm);
    EVP_MD_CTX_free(cache->digest);
    wipe(&cache->basis);
    OPENSSL_cleanse(cache, sizeof *cache);
}

void aws_sign_time(int64_t time_ms, char time_r[AWS_SIGN_TIME_SIZE])
{
    char text[TIMESTAMP_SIZE];
    // A time beyond all years is refused by the service.
    timestamp_format(time_ms >= TIMESTAMP_MIN && time_ms <= TIMESTAMP_MAX ? time_ms : 0, text);
    char *out = time_r;
    for (const char *at = text; *at != '.'; at++) {
        if (*at != '-' && *at != ':') {
            *out++ = *at;
        }
    }
    memcpy(out, "Z", 2);
}

// What the signature is over: algorithm, time, scope, hash of the canonical request.
static bool add_string_to_sign(const struct aws_signing *signing, struct aws_sign_cache *cache,
                               const struct aws_header *const *sorted, const char *time, struct buffer *out)
{
    struct buffer request;
    char hex[HEX_SIZE];
    buffer_init(&request, CANONICAL_CEILING);
    buffer_reserve(&request, USUAL);
    bool good = canonical(signing, cache, sorted, &request) && !buffer_failed(&request);
    if (good) {
        hash_hex(cache, request.data, request.length, hex);
        buffer_text(out, ALGORITHM "\n");
        buffer_text(out, time);
        buffer_byte(out, '\n');
        add_scope(out, signing, time);
        buffer_byte(out, '\n');
        good = buffer_text(out, hex);
    }
    buffer_free(&request);
    return good;
}

bool aws_sign(const struct aws_signing *signing, struct aws_sign_cache *cache, struct buffer *authorization)
{
    const struct aws_header *sorted[AWS_SIGN_HEADERS_MAX];
    const struct aws_keys *keys = signing->keys;
    if (keys == NULL || keys->id == NULL || keys->id[0] == '\0' || keys->secret == NULL || keys->secret[0] == '\0' ||
        !sort_headers(signing, sorted)) {
        return false;
    }
    char time[AWS_SIGN_TIME_SIZE];
    prepare(cache);
    aws_sign_time(signing->time_ms, time);
    struct buffer text;
    buffer_init(&text, CANONICAL_CEILING);
    bool good = add_string_to_sign(signing, cache, sorted, time, &text);
    const uint8_t *key = good ? cached_key(signing, time, cache) : NULL;
    if (key != NULL) {
        uint8_t signature[AWS_SIGN_KEY_SIZE];
        char hex[ENCODE_HEX_SIZE(sizeof signature)];
        hmac(cache, key, AWS_SIGN_KEY_SIZE, text.data, text.length, signature);
        encode_hex(signature, sizeof signature, hex);
        buffer_text(authorization, ALGORITHM " Credential=");
        buffer_text(authorization, keys->id);
        buffer_byte(authorization, '/');
        add_scope(authorization, signing, time);
        buffer_text(authorization, ", SignedHeaders=");
        add_names(authorization, sorted, signing->header_count);
        buffer_text(authorization, ", Signature=");
        good = buffer_text(authorization, hex);
    }
    buffer_free(&text);
    return good && key != NULL;
}
