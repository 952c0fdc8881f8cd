// SPDX-License-Identifier: Apache-2.0
//
// MD5 in hexadecimal, as SQS tells it of every body. OpenSSL's algorithm and context are kept: to look them up costs more
// than the digest of a job.
#ifndef PLUGINS_QUEUE_SQS_MD5_H
#define PLUGINS_QUEUE_SQS_MD5_H

#include <stdbool.h>
#include <stddef.h>

/// Hexadecimal digits of an MD5 and their NUL.
#define SQS_MD5_SIZE 33

/// Zeroed at first. End it with md5_clear(). One thread at a time.
struct md5 {
    bool looked; ///< for the algorithm
    struct evp_md_st *algorithm;
    struct evp_md_ctx_st *context;
};

/// The MD5 of bytes; "" where this machine's OpenSSL offers none (FIPS).
void md5_hex(struct md5 *md5, const char *bytes, size_t length, char hex_r[SQS_MD5_SIZE]);

/// Frees what it holds; it is zeroed then.
void md5_clear(struct md5 *md5);

#endif
