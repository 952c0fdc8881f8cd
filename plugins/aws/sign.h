// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4: the Authorization header of a request.
//
// Own code on OpenSSL, not libcurl's: that of Debian 12 adds a second X-Amz-Date, so that a clock that is off cannot be
// corrected, signs headers that it then removes, and sends without a signature when a key is missing.
// Source of the format: "Signature Version 4 signing process" in the IAM user guide; checked against botocore.
#ifndef PLUGINS_AWS_SIGN_H
#define PLUGINS_AWS_SIGN_H

#include "core/buffer.h"
#include "posthouse/plugin.h"

/// A request has at most so many headers and parts of its query.
#define AWS_SIGN_HEADERS_MAX 32
#define AWS_SIGN_QUERY_MAX 256
/// "20261129T230322Z" and a NUL.
#define AWS_SIGN_TIME_SIZE 17
#define AWS_SIGN_KEY_SIZE 32

/// Key id, secret and token of one moment. They belong together.
struct aws_keys {
    const char *id;
    const char *secret;
    const char *token; ///< NULL or "": none
};

struct aws_header {
    const char *name; ///< in letters of any size
    const char *value;
};

/// What is signed. All headers are: leave out what may change on its way. Host, X-Amz-Date and, with a token,
/// X-Amz-Security-Token must be among them.
struct aws_signing {
    const char *method;
    const char *path;  ///< as on the wire, "" for "/"
    const char *query; ///< as on the wire, without "?"; "" for none
    const struct aws_header *headers;
    size_t header_count;
    struct ph_text body;
    const char *region;
    const char *service;
    const struct aws_keys *keys;
    int64_t time_ms; ///< as X-Amz-Date says
};

/// The derived key of the last signature, and OpenSSL's context: to look an algorithm up by its name costs more than a short
/// hash. Zeroed at first; one for each service. End it with aws_sign_forget().
struct aws_sign_cache {
    struct buffer basis; ///< all that the key depends on; empty: there is none yet
    uint8_t key[AWS_SIGN_KEY_SIZE];
    struct evp_md_st *algorithm; ///< NULL: neither is made yet
    struct evp_md_ctx_st *digest;
};

/// Formats a time as X-Amz-Date wants it.
void aws_sign_time(int64_t time_ms, char time_r[AWS_SIGN_TIME_SIZE]);

/// Appends the value of the Authorization header. False: there are no keys, too many headers or parts, a header
/// holds CR, LF or NUL, or the buffer is full; nothing may be sent then.
bool aws_sign(const struct aws_signing *signing, struct aws_sign_cache *cache, struct buffer *authorization);

/// Appends the canonical request, which the signature covers. As above. For tests.
bool aws_sign_canonical(const struct aws_signing *signing, struct buffer *out);

/// Wipes and frees what it holds; it is zeroed then.
void aws_sign_forget(struct aws_sign_cache *cache);

#endif
