// SPDX-License-Identifier: Apache-2.0
//
// The chunked body, read strictly and incrementally: the decoder keeps some 50 bytes of state, allocates nothing and
// points into the caller's bytes. The verdict and the data depend on the bytes alone, never on how they were cut.
#ifndef CORE_HTTP_CHUNKS_H
#define CORE_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "core/http_parse.h"

/// Extensions and trailers are read over and thrown away; this many bytes of each at most in one body.
#define HTTP_CHUNKS_OVERHEAD_MAX 8192
/// The longest name among the trailers that are refused, and one more.
#define HTTP_CHUNKS_NAME_MAX 24

/// Only the decoder writes it.
struct http_chunks {
    int state;
    int digits;     ///< of the size line
    uint64_t left;  ///< of the current chunk's data
    uint64_t total; ///< announced by the chunks so far
    uint64_t limit; ///< of the whole body
    uint32_t extension_bytes;
    uint32_t trailer_bytes;
    uint32_t name_length;
    char name[HTTP_CHUNKS_NAME_MAX];
    enum http_fault fault; ///< after FAULT
};

/// Begins a body of at most `limit` bytes.
void http_chunks_start(struct http_chunks *chunks, uint64_t limit);

/// Reads from `bytes` until data was found (DATA: `data_r` and `data_length_r` say where, never empty), all were read
/// (MORE), the body ended (DONE) or something was wrong (FAULT: see chunks->fault). `used_r` receives the bytes read;
/// feed the rest next. Not after DONE or FAULT.
enum http_parse_result http_chunks_feed(struct http_chunks *chunks, const char *bytes, size_t length, size_t *used_r,
                                        const char **data_r, size_t *data_length_r);

#endif
