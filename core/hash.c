// SPDX-License-Identifier: Apache-2.0
//
// See core/hash.h.
//
// OpenSSL 3 looks an algorithm up by name for every digest unless it was fetched; that look-up costs more than a short
// hash. So the algorithm is fetched once, and each thread keeps a context, freed when it ends.
#include "core/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_once_t hash_once = PTHREAD_ONCE_INIT;
static pthread_key_t hash_key;
static EVP_MD *hash_algorithm;
static _Thread_local EVP_MD_CTX *hash_context;

static _Noreturn void hash_failed(void)
{
    fputs("posthouse: OpenSSL cannot compute SHA-256; ending\n", stderr);
    abort();
}

static void hash_free_context(void *context)
{
    hash_context = NULL;
    EVP_MD_CTX_free(context);
}

static void hash_start(void)
{
    hash_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (hash_algorithm == NULL || pthread_key_create(&hash_key, hash_free_context) != 0) {
        hash_failed();
    }
}

static EVP_MD_CTX *hash_new_context(void)
{
    pthread_once(&hash_once, hash_start);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || pthread_setspecific(hash_key, context) != 0) {
        hash_failed();
    }
    hash_context = context;
    return context;
}

void hash_sha256_parts(const struct hash_part *parts, size_t count, uint8_t out[HASH_SHA256_SIZE])
{
    EVP_MD_CTX *context = hash_context != NULL ? hash_context : hash_new_context();
    bool good = EVP_DigestInit_ex2(context, hash_algorithm, NULL) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = parts[i].length == 0 || EVP_DigestUpdate(context, parts[i].data, parts[i].length) == 1;
    }
    if (!good || EVP_DigestFinal_ex(context, out, NULL) != 1) {
        hash_failed();
    }
}

void hash_sha256(const void *data, size_t length, uint8_t out[HASH_SHA256_SIZE])
{
    struct hash_part part = {.data = data, .length = length};
    hash_sha256_parts(&part, 1, out);
}

bool hash_equal(const void *left, const void *right, size_t length)
{
    return CRYPTO_memcmp(left, right, length) == 0;
}
