// SPDX-License-Identifier: Apache-2.0
//
// See md5.h.
#include "plugins/queue-sqs/md5.h"

#include "core/encode.h"
#include <openssl/evp.h>

static bool prepare(struct md5 *md5)
{
    if (!md5->looked) {
        md5->looked = true;
        md5->algorithm = EVP_MD_fetch(NULL, "MD5", NULL);
        md5->context = md5->algorithm != NULL ? EVP_MD_CTX_new() : NULL;
    }
    return md5->context != NULL;
}

void md5_hex(struct md5 *md5, const char *bytes, size_t length, char hex_r[SQS_MD5_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    hex_r[0] = '\0';
    if (prepare(md5) && EVP_DigestInit_ex2(md5->context, md5->algorithm, NULL) == 1 &&
        (length == 0 || EVP_DigestUpdate(md5->context, bytes, length) == 1) &&
        EVP_DigestFinal_ex(md5->context, digest, &size) == 1 && size == (SQS_MD5_SIZE - 1) / 2) {
        encode_hex(digest, size, hex_r);
    }
}

void md5_clear(struct md5 *md5)
{
    EVP_MD_CTX_free(md5->context);
    EVP_MD_free(md5->algorithm);
    *md5 = (struct md5){0};
}
