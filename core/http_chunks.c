// SPDX-License-Identifier: Apache-2.0
//
// A state for each place in the grammar, a step for each byte outside of the data. A size over the limit is refused
// when its line is complete, before any of its data.
#include "core/http_chunks.h"

#include <assert.h>
#include <string.h>

enum {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    END
};

// More digits than any size below the limit needs, leading zeros included, and few enough not to overflow.
#define DIGITS_MAX 15

void http_chunks_start(struct http_chunks *chunks, uint64_t limit)
{
    memset(chunks, 0, sizeof(*chunks));
    chunks->limit = limit;
}

static int hex_value(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    if (character >= 'A' && character <= 'F') {
        return character - 'A' + 10;
    }
    return -1;
}

static enum http_fault step_size(struct http_chunks *chunks, char byte)
{
    int value = hex_value(byte);
    if (value >= 0) {
        if (++chunks->digits > DIGITS_MAX) {
            return HTTP_FAULT_CHUNK;
        }
        chunks->left = chunks->left * 16 + (uint64_t)value;
        return HTTP_FAULT_NONE;
    }
    if (chunks->digits == 0 || (byte != ';' && byte != '\r')) {
        return HTTP_FAULT_CHUNK;
    }
    chunks->state = byte == ';' ? EXTENSION : SIZE_LF;
    return HTTP_FAULT_NONE;
}

static enum http_fault step_extension(struct http_chunks *chunks, char byte)
{
    if (byte == '\r') {
        chunks->state = SIZE_LF;
        return HTTP_FAULT_NONE;
    }
    if (!http_is_value(&byte, 1) || ++chunks->extension_bytes > HTTP_CHUNKS_OVERHEAD_MAX) {
        return HTTP_FAULT_CHUNK_EXTENSION;
    }
    return HTTP_FAULT_NONE;
}

static enum http_fault step_size_end(struct http_chunks *chunks, char byte)
{
    if (byte != '\n') {
        return HTTP_FAULT_CHUNK;
    }
    if (chunks->left > chunks->limit - chunks->total) {
        return HTTP_FAULT_BODY_LARGE;
    }
    chunks->total += chunks->left;
    chunks->digits = 0;
    chunks->state = chunks->left > 0 ? DATA : TRAILER_START;
    return HTTP_FAULT_NONE;
}

// Headers that decide how a message is read or where it goes, and would come too late in a trailer.
static bool is_framing(const char *name, size_t length)
{
    static const char *const words[] = {
        "content-length", "transfer-encoding", "connection",       "host",        "trailer", "te", "upgrade",
        "expect",         "keep-alive",        "content-encoding", "content-type"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (http_same_word(name, length, words[i])) {
            return true;
        }
    }
    return false;
}

static enum http_fault step_trailer_name(struct http_chunks *chunks, char byte)
{
    if (http_is_token_character(byte)) {
        if (chunks->name_length < HTTP_CHUNKS_NAME_MAX) {
            chunks->name[chunks->name_length++] = byte;
        }
        chunks->state = TRAILER_NAME;
        return HTTP_FAULT_NONE;
    }
    if (byte != ':' || chunks->name_length == 0) {
        return HTTP_FAULT_TRAILER;
    }
    if (is_framing(chunks->name, chunks->name_length)) {
        return HTTP_FAULT_TRAILER_FRAMING;
    }
    chunks->name_length = 0;
    chunks->state = TRAILER_VALUE;
    return HTTP_FAULT_NONE;
}

static enum http_fault step_trailer_value(struct http_chunks *chunks, char byte)
{
    if (byte == '\r') {
        chunks->state = TRAILER_LF;
        return HTTP_FAULT_NONE;
    }
    return http_is_value(&byte, 1) ? HTTP_FAULT_NONE : HTTP_FAULT_TRAILER;
}

static enum http_fault step_trailer(struct http_chunks *chunks, char byte)
{
    if (++chunks->trailer_bytes > HTTP_CHUNKS_OVERHEAD_MAX) {
        return HTTP_FAULT_TRAILER_LONG;
    }
    switch (chunks->state) {
    case TRAILER_START:
        if (byte == '\r') {
            chunks->state = END_LF;
            return HTTP_FAULT_NONE;
        }
        return step_trailer_name(chunks, byte);
    case TRAILER_NAME:
        return step_trailer_name(chunks, byte);
    case TRAILER_VALUE:
        return step_trailer_value(chunks, byte);
    case TRAILER_LF:
        chunks->state = TRAILER_START;
        return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_TRAILER;
    default:
        chunks->state = END;
        return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_TRAILER;
    }
}

static enum http_fault step(struct http_chunks *chunks, char byte)
{
    switch (chunks->state) {
    case SIZE:
        return step_size(chunks, byte);
    case EXTENSION:
        return step_extension(chunks, byte);
    case SIZE_LF:
        return step_size_end(chunks, byte);
    case DATA_CR:
        chunks->state = DATA_LF;
        return byte == '\r' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK;
    case DATA_LF:
        chunks->state = SIZE;
        return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK;
    default:
        return step_trailer(chunks, byte);
    }
}

static void take_data(struct http_chunks *chunks, size_t available, size_t *data_length_r)
{
    *data_length_r = chunks->left < available ? (size_t)chunks->left : available;
    chunks->left -= *data_length_r;
    if (chunks->left == 0) {
        chunks->state = DATA_CR;
    }
}

enum http_parse_result http_chunks_feed(struct http_chunks *chunks, const char *bytes, size_t length, size_t *used_r,
                                        const char **data_r, size_t *data_length_r)
{
    assert(chunks->state != END && chunks->fault == HTTP_FAULT_NONE);
    for (size_t at = 0; at < length; at++) {
        if (chunks->state == DATA) {
            *data_r = bytes + at;
            take_data(chunks, length - at, data_length_r);
            *used_r = at + *data_length_r;
            return HTTP_PARSE_DATA;
        }
        chunks->fault = step(chunks, bytes[at]);
        if (chunks->fault != HTTP_FAULT_NONE || chunks->state == END) {
            *used_r = at + 1;
            return chunks->fault != HTTP_FAULT_NONE ? HTTP_PARSE_FAULT : HTTP_PARSE_DONE;
        }
    }
    *used_r = length;
    return HTTP_PARSE_MORE;
}
