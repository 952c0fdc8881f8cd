// SPDX-License-Identifier: Apache-2.0
//
// Reads its input as a request, head and chunked body, three times: whole, cut at two places that the input's first bytes
// choose, and byte by byte. All three must come to the same verdict at the same byte with the same data. A head that is good
// becomes a request, whose every part is then read.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/http_chunks.h"
#include "core/http_message.h"

#define HEAD_MAX 1024
#define TARGET_MAX 200
#define BODY_MAX 4096

static const struct http_parse_limits limits = {HEAD_MAX, TARGET_MAX};

// How to cut: into pieces of `step` bytes after one of `first`.
struct cut {
    size_t first, step;
};

struct reading {
    enum http_parse_result head_result, body_result;
    struct http_head head;
    enum http_fault body_fault;
    size_t body_used, body_length;
    char body[BODY_MAX];
};

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static size_t next_end(struct cut cut, size_t at, size_t length)
{
    size_t end = at == 0 ? cut.first : at + cut.step;
    return end > at && end < length ? end : length;
}

// Memory of exactly the size, so that the address sanitizer sees a read beyond it.
static char *copy_of(const char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, length);
    return copy;
}

static void read_head(struct reading *reading, const char *bytes, size_t length, struct cut cut)
{
    http_head_start(&reading->head);
    reading->head_result = HTTP_PARSE_MORE;
    for (size_t end = 0; end < length && reading->head_result == HTTP_PARSE_MORE;) {
        end = next_end(cut, end, length);
        char *copy = copy_of(bytes, end);
        reading->head_result = http_head_feed(&reading->head, &limits, copy, end);
        free(copy);
    }
}

// Feeds one piece of a body to its end.
static void feed_piece(struct reading *reading, struct http_chunks *chunks, const char *bytes, size_t length)
{
    char *copy = copy_of(bytes, length);
    size_t at = 0;
    do {
        size_t used, data_length;
        const char *data;
        reading->body_result = http_chunks_feed(chunks, copy + at, length - at, &used, &data, &data_length);
        if (reading->body_result == HTTP_PARSE_DATA) {
            require(data_length > 0 && reading->body_length + data_length <= BODY_MAX);
            memcpy(reading->body + reading->body_length, data, data_length);
            reading->body_length += data_length;
        }
        at += used;
    } while (reading->body_result == HTTP_PARSE_DATA);
    reading->body_used += at;
    free(copy);
}

static void read_body(struct reading *reading, const char *bytes, size_t length, struct cut cut)
{
    struct http_chunks chunks;
    http_chunks_start(&chunks, BODY_MAX);
    reading->body_result = HTTP_PARSE_MORE;
    reading->body_used = reading->body_length = 0;
    for (size_t at = 0; at < length && reading->body_result == HTTP_PARSE_MORE;) {
        size_t end = next_end(cut, at, length);
        feed_piece(reading, &chunks, bytes + at, end - at);
        at = end;
    }
    reading->body_fault = chunks.fault;
}

static void read_all(struct reading *reading, const char *bytes, size_t length, struct cut cut)
{
    read_head(reading, bytes, length, cut);
    size_t head = reading->head_result == HTTP_PARSE_DONE ? reading->head.offset : 0;
    read_body(reading, bytes + head, length - head, cut);
}

static void require_same(const struct reading *one, const struct reading *other)
{
    require(one->head_result == other->head_result && one->head.fault == other->head.fault);
    require(one->head.field_count == other->head.field_count && one->head.offset == other->head.offset);
    require(one->head.line_read == other->head.line_read && one->head.length == other->head.length);
    require(memcmp(one->head.fields, other->head.fields, one->head.field_count * sizeof(one->head.fields[0])) == 0);
    require(one->body_result == other->body_result && one->body_fault == other->body_fault);
    require(one->body_used == other->body_used && one->body_length == other->body_length);
    require(memcmp(one->body, other->body, one->body_length) == 0);
}

static void require_text(const char *text)
{
    require(text != NULL);
    for (; *text != '\0'; text++) {
        require((unsigned char)*text >= ' ' || *text == '\t');
    }
}

// Reads every part of the request: nothing may hold a control character, and nothing lies outside of its memory.
static void read_request(const struct http_request *request)
{
    require_text(http_path(request));
    require_text(http_authority(request));
    require_text(http_request_id(request));
    require_text(http_client_address(request));
    for (size_t i = 0; i < http_segment_count(request) && i < HTTP_SEGMENTS_MAX; i++) {
        require_text(http_segment(request, i));
    }
    for (size_t i = 0; i < http_parameter_count(request); i++) {
        require_text(http_parameter(request, i).name);
        require_text(http_parameter(request, i).value);
    }
    for (size_t i = 0; i < request->field_count; i++) {
        const char *name = request->text + request->fields[i].name.at;
        require_text(name);
        require(http_header_count(request, name) >= 1);
        require_text(http_header(request, name));
    }
}

static void make_request(const struct http_head *head, const char *bytes)
{
    static struct ip_network network;
    const struct http_trusted trusted = {&network, 1};
    struct http_peer peer = {.text = "10.0.0.1"};
    require(ip_network_parse("10.0.0.0/8", &network) && ip_address_parse("10.0.0.1", 8, &peer.address));
    struct http_request *request;
    if (http_message_create(head, bytes, &peer, &trusted, &request) == HTTP_FAULT_NONE) {
        read_request(request);
        http_message_free(request);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 2 * BODY_MAX) {
        return 0;
    }
    static struct reading whole, cut, bytewise;
    const char *bytes = (const char *)data + 2;
    size_t length = size - 2;
    read_all(&whole, bytes, length, (struct cut){length, length});
    read_all(&cut, bytes, length, (struct cut){(size_t)data[0] + 1, (size_t)data[1] + 1});
    read_all(&bytewise, bytes, length, (struct cut){1, 1});
    require_same(&whole, &cut);
    require_same(&whole, &bytewise);
    if (whole.head_result == HTTP_PARSE_DONE) {
        make_request(&whole.head, bytes);
    }
    return 0;
}
