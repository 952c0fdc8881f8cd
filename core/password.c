// SPDX-License-Identifier: Apache-2.0
//
// See core/password.h.
#include "core/password.h"

#include "core/encode.h"
#include "core/hash.h"
#include "core/quantity.h"
#include "core/random.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#define SALT_SIZE 16
#define KEY_SIZE 32
#define MEMORY_MAX (UINT64_C(128) << 20)
/// What OpenSSL needs beside the big table.
#define MEMORY_EXTRA (UINT64_C(4) << 20)

const struct password_cost password_cost_default = {.log2_n = 15, .r = 8, .p = 1};

struct stored {
    struct password_cost cost;
    uint8_t salt[SALT_SIZE];
    uint8_t key[KEY_SIZE];
};

static bool cost_allowed(const struct password_cost *cost)
{
    return cost->log2_n >= 1 && cost->log2_n <= 18 && cost->r >= 1 && cost->r <= 16 && cost->p >= 1 && cost->p <= 8 &&
           (UINT64_C(128) << cost->log2_n) * cost->r <= MEMORY_MAX;
}

/// OpenSSL reads a password through a pointer that is not const, and refuses NULL.
static void *password_bytes(const char *password, size_t length)
{
    union {
        const char *constant;
        void *plain;
    } bytes = {.constant = length > 0 ? password : ""};
    return bytes.plain;
}

static bool derive(const char *password, size_t length, const struct password_cost *cost, uint8_t salt[SALT_SIZE],
                   uint8_t key_r[KEY_SIZE])
{
    uint64_t n = UINT64_C(1) << cost->log2_n;
    uint32_t r = cost->r;
    uint32_t p = cost->p;
    uint64_t memory = MEMORY_MAX + MEMORY_EXTRA;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, password_bytes(password, length), length),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, SALT_SIZE),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
        OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
        OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *algorithm = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
    EVP_KDF_CTX *context = algorithm != NULL ? EVP_KDF_CTX_new(algorithm) : NULL;
    bool good = context != NULL && EVP_KDF_derive(context, key_r, KEY_SIZE, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(algorithm);
    return good;
}

static void write_stored(const struct stored *stored, char out[PASSWORD_STORED_SIZE])
{
    char salt[ENCODE_BASE64URL_SIZE(SALT_SIZE)];
    char key[ENCODE_BASE64URL_SIZE(KEY_SIZE)];
    encode_base64url(stored->salt, SALT_SIZE, salt);
    encode_base64url(stored->key, KEY_SIZE, key);
    snprintf(out, PASSWORD_STORED_SIZE, "$scrypt$ln=%u,r=%u,p=%u$%s$%s", stored->cost.log2_n, stored->cost.r,
             stored->cost.p, salt, key);
    OPENSSL_cleanse(key, sizeof key);
}

/// Reads `prefix`, then what stands before `end` (or the end of the text, for '\0').
static bool take_part(const char **at, const char *prefix, char end, const char **part_r, size_t *length_r)
{
    size_t prefix_length = strlen(prefix);
    if (strncmp(*at, prefix, prefix_length) != 0) {
        return false;
    }
    *part_r = *at + prefix_length;
    const char *stop = strchr(*part_r, end);
    if (stop == NULL) {
        return false;
    }
    *length_r = (size_t)(stop - *part_r);
    *at = stop + (end != '\0' ? 1 : 0);
    return true;
}

static bool take_number(const char **at, const char *prefix, char end, unsigned *number_r)
{
    const char *part;
    size_t length;
    uint64_t number;
    if (!take_part(at, prefix, end, &part, &length) || !quantity_parse_unsigned(part, length, &number) ||
        number > 1000) {
        return false;
    }
    *number_r = (unsigned)number;
    return true;
}

static bool take_bytes(const char **at, char end, uint8_t *out, size_t size)
{
    const char *part;
    size_t length;
    size_t got;
    return take_part(at, "", end, &part, &length) && decode_base64url(part, length, out, size, &got) && got == size;
}

static bool read_stored(const char *text, struct stored *stored_r)
{
    return take_number(&text, "$scrypt$ln=", ',', &stored_r->cost.log2_n) &&
           take_number(&text, "r=", ',', &stored_r->cost.r) && take_number(&text, "p=", '$', &stored_r->cost.p) &&
           cost_allowed(&stored_r->cost) && take_bytes(&text, '$', stored_r->salt, SALT_SIZE) &&
           take_bytes(&text, '\0', stored_r->key, KEY_SIZE);
}

bool password_make(const char *password, size_t length, const struct password_cost *cost,
                   char stored_r[PASSWORD_STORED_SIZE])
{
    struct stored stored = {.cost = *cost};
    if (!cost_allowed(cost)) {
        return false;
    }
    random_bytes(stored.salt, SALT_SIZE);
    bool good = derive(password, length, cost, stored.salt, stored.key);
    if (good) {
        write_stored(&stored, stored_r);
    }
    OPENSSL_cleanse(&stored, sizeof stored);
    return good;
}

enum password_outcome password_verify(const char *password, size_t length, const char *stored_text)
{
    struct stored stored;
    uint8_t key[KEY_SIZE];
    enum password_outcome outcome = PASSWORD_UNREADABLE;
    if (read_stored(stored_text, &stored)) {
        outcome = PASSWORD_FAILED;
        if (derive(password, length, &stored.cost, stored.salt, key)) {
            outcome = hash_equal(key, stored.key, KEY_SIZE) ? PASSWORD_RIGHT : PASSWORD_WRONG;
        }
    }
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(&stored, sizeof stored);
    return outcome;
}

void password_dummy(const struct password_cost *cost, char stored_r[PASSWORD_STORED_SIZE])
{
    struct stored stored = {.cost = *cost};
    random_bytes(stored.salt, SALT_SIZE);
    random_bytes(stored.key, KEY_SIZE);
    write_stored(&stored, stored_r);
}

bool password_outdated(const char *stored_text, const struct password_cost *cost)
{
    struct stored stored;
    bool same = read_stored(stored_text, &stored) && stored.cost.log2_n == cost->log2_n && stored.cost.r == cost->r &&
                stored.cost.p == cost->p;
    OPENSSL_cleanse(&stored, sizeof stored);
    return !same;
}
