// SPDX-License-Identifier: Apache-2.0
//
// One pass over the head: a scan for the next byte that is not ordinary, which is a line's end or a fault, and a reader
// for each line that has become complete. Faults are found at the earliest byte that proves them.
#include "core/http_parse.h"

#include <assert.h>
#include <string.h>

enum { TOKEN = 1, VALUE = 2 };

#define T (TOKEN | VALUE)
#define V VALUE
// Which bytes a token, and which a value, may hold. Bytes above 127 are opaque in a value.
static const unsigned char classes[256] = {
    ['\t'] = V, [' '] = V, ['!'] = T, ['"'] = V, ['#'] = T, ['$'] = T, ['%'] = T,         ['&'] = T,  ['\''] = T,
    ['('] = V,  [')'] = V, ['*'] = T, ['+'] = T, [','] = V, ['-'] = T, ['.'] = T,         ['/'] = V,  ['0'] = T,
    ['1'] = T,  ['2'] = T, ['3'] = T, ['4'] = T, ['5'] = T, ['6'] = T, ['7'] = T,         ['8'] = T,  ['9'] = T,
    [':'] = V,  [';'] = V, ['<'] = V, ['='] = V, ['>'] = V, ['?'] = V, ['@'] = V,         ['A'] = T,  ['B'] = T,
    ['C'] = T,  ['D'] = T, ['E'] = T, ['F'] = T, ['G'] = T, ['H'] = T, ['I'] = T,         ['J'] = T,  ['K'] = T,
    ['L'] = T,  ['M'] = T, ['N'] = T, ['O'] = T, ['P'] = T, ['Q'] = T, ['R'] = T,         ['S'] = T,  ['T'] = T,
    ['U'] = T,  ['V'] = T, ['W'] = T, ['X'] = T, ['Y'] = T, ['Z'] = T, ['['] = V,         ['\\'] = V, [']'] = V,
    ['^'] = T,  ['_'] = T, ['`'] = T, ['a'] = T, ['b'] = T, ['c'] = T, ['d'] = T,         ['e'] = T,  ['f'] = T,
    ['g'] = T,  ['h'] = T, ['i'] = T, ['j'] = T, ['k'] = T, ['l'] = T, ['m'] = T,         ['n'] = T,  ['o'] = T,
    ['p'] = T,  ['q'] = T, ['r'] = T, ['s'] = T, ['t'] = T, ['u'] = T, ['v'] = T,         ['w'] = T,  ['x'] = T,
    ['y'] = T,  ['z'] = T, ['{'] = V, ['|'] = T, ['}'] = V, ['~'] = T, [128 ... 255] = V,
};
#undef T
#undef V

static const char version_1_1[] = "HTTP/1.1";
static const char version_1_0[] = "HTTP/1.0";
#define VERSION_LENGTH 8

bool http_is_token_character(char character)
{
    return (classes[(unsigned char)character] & TOKEN) != 0;
}

bool http_is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!http_is_token_character(text[i])) {
            return false;
        }
    }
    return length > 0;
}

bool http_is_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((classes[(unsigned char)text[i]] & VALUE) == 0) {
            return false;
        }
    }
    return true;
}

bool http_same_word(const char *text, size_t length, const char *lower)
{
    for (size_t i = 0; i < length; i++) {
        char letter = text[i];
        if (letter >= 'A' && letter <= 'Z') {
            letter = (char)(letter | 0x20);
        }
        if (letter != lower[i] || lower[i] == '\0') {
            return false;
        }
    }
    return lower[length] == '\0';
}

static struct http_span span(size_t from, size_t to)
{
    assert(from <= to && to <= HTTP_HEAD_CEILING);
    return (struct http_span){(uint16_t)from, (uint16_t)(to - from)};
}

static bool find_method(const char *text, size_t length, enum http_method *method_r)
{
    for (enum http_method method = HTTP_GET; method <= HTTP_OPTIONS; method++) {
        const char *name = http_method_text(method);
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            *method_r = method;
            return true;
        }
    }
    return false;
}

// Reads METHOD SP TARGET SP VERSION between `from` and `to`. What is no request line at all comes before what this
// server does not do, and the version before the rest: in another version, the rest may mean something else.
static enum http_fault read_request_line(struct http_head *head, const struct http_parse_limits *limits,
                                         const char *bytes, size_t from, size_t to)
{
    const char *space = memchr(bytes + from, ' ', to - from);
    size_t method_end = space == NULL ? to : (size_t)(space - bytes);
    if (space == NULL || !http_is_token(bytes + from, method_end - from)) {
        return HTTP_FAULT_REQUEST_LINE;
    }
    size_t target = method_end + 1;
    space = memchr(bytes + target, ' ', to - target);
    size_t target_end = space == NULL ? to : (size_t)(space - bytes);
    if (target_end == target) {
        return HTTP_FAULT_REQUEST_LINE;
    }
    if (space == NULL) {
        return HTTP_FAULT_VERSION; // HTTP/0.9 had none
    }
    size_t version = target_end + 1;
    if (version == to || memchr(bytes + version, ' ', to - version) != NULL) {
        return HTTP_FAULT_REQUEST_LINE;
    }
    head->version_1_1 = to - version == VERSION_LENGTH && memcmp(bytes + version, version_1_1, VERSION_LENGTH) == 0;
    if (!head->version_1_1 &&
        (to - version != VERSION_LENGTH || memcmp(bytes + version, version_1_0, VERSION_LENGTH) != 0)) {
        return HTTP_FAULT_VERSION;
    }
    if (target_end - target > limits->target_max) {
        return HTTP_FAULT_TARGET_LONG;
    }
    if (!find_method(bytes + from, method_end - from, &head->method)) {
        return HTTP_FAULT_METHOD;
    }
    head->target = span(target, target_end);
    head->line_read = true;
    return HTTP_FAULT_NONE;
}

static enum http_fault read_length(struct http_head *head, const char *value, size_t length)
{
    if (head->has_length) {
        return HTTP_FAULT_LENGTH_TWICE;
    }
    if (length == 0) {
        return HTTP_FAULT_LENGTH;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9' || number > INT64_MAX / 10 - 1) {
            return HTTP_FAULT_LENGTH;
        }
        number = number * 10 + (uint64_t)(value[i] - '0');
    }
    head->length = number;
    head->has_length = true;
    return HTTP_FAULT_NONE;
}

static enum http_fault read_encoding(struct http_head *head, const char *value, size_t length)
{
    static const char chunked[] = "chunked";
    if (head->chunked || length != sizeof(chunked) - 1 || memcmp(value, chunked, length) != 0) {
        return HTTP_FAULT_ENCODING;
    }
    head->chunked = true;
    return HTTP_FAULT_NONE;
}

// A host may hold what RFC 3986 allows in a registered name or an address in brackets, and a port of digits. What is
// looked for are the characters by which two readers could come to different hosts.
static bool is_host(const char *value, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char character = (unsigned char)value[i];
        if (character <= ' ' || character >= 127 || strchr("/?#@\\,\"<>^`{|}", character) != NULL) {
            return false;
        }
    }
    return true;
}

static enum http_fault read_host(struct http_head *head, const char *bytes, struct http_span value)
{
    if (head->has_host) {
        return HTTP_FAULT_HOST_TWICE;
    }
    if (!is_host(bytes + value.at, value.length)) {
        return HTTP_FAULT_HOST;
    }
    head->has_host = true;
    head->host = value;
    return HTTP_FAULT_NONE;
}

// Connection is a list; what is not known in it is of no concern here.
static void read_connection(struct http_head *head, const char *value, size_t length)
{
    size_t at = 0;
    while (at < length) {
        const char *comma = memchr(value + at, ',', length - at);
        size_t end = comma == NULL ? length : (size_t)(comma - value);
        size_t from = at, to = end;
        while (from < to && (value[from] == ' ' || value[from] == '\t')) {
            from++;
        }
        while (to > from && (value[to - 1] == ' ' || value[to - 1] == '\t')) {
            to--;
        }
        if (http_same_word(value + from, to - from, "close")) {
            head->close = true;
        } else if (http_same_word(value + from, to - from, "keep-alive")) {
            head->keep_alive = true;
        }
        at = end + 1;
    }
}

static enum http_fault read_expect(struct http_head *head, const char *value, size_t length)
{
    if (!head->version_1_1) {
        return HTTP_FAULT_NONE; // RFC 9110: ignored in HTTP/1.0
    }
    if (head->expects_continue || !http_same_word(value, length, "100-continue")) {
        return HTTP_FAULT_EXPECT;
    }
    head->expects_continue = true;
    return HTTP_FAULT_NONE;
}

// The few headers that decide how the request is read. By length first: most are none of them.
static enum http_fault read_meaning(struct http_head *head, const char *bytes, const struct http_field *field)
{
    const char *name = bytes + field->name.at;
    const char *value = bytes + field->value.at;
    size_t length = field->name.length;
    switch (length) {
    case 4:
        return http_same_word(name, length, "host") ? read_host(head, bytes, field->value) : HTTP_FAULT_NONE;
    case 6:
        return http_same_word(name, length, "expect") ? read_expect(head, value, field->value.length) : HTTP_FAULT_NONE;
    case 10:
        if (http_same_word(name, length, "connection")) {
            read_connection(head, value, field->value.length);
        }
        return HTTP_FAULT_NONE;
    case 14:
        return http_same_word(name, length, "content-length") ? read_length(head, value, field->value.length)
                                                              : HTTP_FAULT_NONE;
    case 17:
        return http_same_word(name, length, "transfer-encoding") ? read_encoding(head, value, field->value.length)
                                                                 : HTTP_FAULT_NONE;
    default:
        return HTTP_FAULT_NONE;
    }
}

static enum http_fault read_field(struct http_head *head, const char *bytes, size_t from, size_t to)
{
    if (bytes[from] == ' ' || bytes[from] == '\t') {
        return HTTP_FAULT_FOLDED;
    }
    size_t colon = from;
    while (colon < to && http_is_token_character(bytes[colon])) {
        colon++;
    }
    if (colon == from || colon == to || bytes[colon] != ':') {
        return HTTP_FAULT_HEADER;
    }
    if (head->field_count == HTTP_FIELDS_MAX) {
        return HTTP_FAULT_HEADERS_MANY;
    }
    size_t value = colon + 1;
    while (value < to && (bytes[value] == ' ' || bytes[value] == '\t')) {
        value++;
    }
    while (to > value && (bytes[to - 1] == ' ' || bytes[to - 1] == '\t')) {
        to--;
    }
    struct http_field *field = &head->fields[head->field_count++];
    field->name = span(from, colon);
    field->value = span(value, to);
    return read_meaning(head, bytes, field);
}

// What can be said only when all headers are known.
static enum http_fault read_end(const struct http_head *head)
{
    if (head->version_1_1 && !head->has_host) {
        return HTTP_FAULT_HOST_MISSING;
    }
    if (head->chunked && !head->version_1_1) {
        return HTTP_FAULT_ENCODING_OLD;
    }
    if (head->chunked && head->has_length) {
        return HTTP_FAULT_LENGTH_AND_ENCODING;
    }
    return HTTP_FAULT_NONE;
}

static enum http_parse_result fail(struct http_head *head, enum http_fault fault)
{
    head->fault = fault;
    return HTTP_PARSE_FAULT;
}

// The line that ends at `end` (its CR). One empty line before the request line is forgiven: RFC 9112, 2.2.
static enum http_parse_result read_line(struct http_head *head, const struct http_parse_limits *limits,
                                        const char *bytes, size_t end)
{
    size_t from = head->line;
    enum http_fault fault;
    bool done = false;
    if (head->line_read) {
        done = from == end;
        fault = done ? read_end(head) : read_field(head, bytes, from, end);
    } else if (from == 0 && end == 0) {
        fault = HTTP_FAULT_NONE;
    } else {
        fault = read_request_line(head, limits, bytes, from, end);
    }
    head->line = head->offset = (uint32_t)(end + 2);
    if (fault != HTTP_FAULT_NONE) {
        return fail(head, fault);
    }
    return done ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}

// The first offset that the scan must not reach: the head's end, or the end of the longest request line.
static size_t scan_limit(const struct http_head *head, const struct http_parse_limits *limits, enum http_fault *fault_r)
{
    size_t line_max = head->line + HTTP_METHOD_LENGTH_MAX + 1 + limits->target_max + 1 + VERSION_LENGTH + 2;
    if (!head->line_read && line_max < limits->head_max) {
        *fault_r = HTTP_FAULT_TARGET_LONG;
        return line_max;
    }
    *fault_r = HTTP_FAULT_HEAD_LONG;
    return limits->head_max;
}

// Looks at the byte that ended the scan: a line's end, or a fault. MORE with head->offset unchanged: the LF has not
// come.
static enum http_parse_result read_break(struct http_head *head, const struct http_parse_limits *limits,
                                         const char *bytes, size_t at, size_t end)
{
    if (bytes[at] == '\n') {
        return fail(head, HTTP_FAULT_BARE_LF);
    }
    if (bytes[at] != '\r') {
        return fail(head, HTTP_FAULT_CONTROL);
    }
    if (at + 1 == end) {
        return HTTP_PARSE_MORE;
    }
    if (bytes[at + 1] != '\n') {
        return fail(head, HTTP_FAULT_BARE_CR);
    }
    return read_line(head, limits, bytes, at);
}

void http_head_start(struct http_head *head)
{
    // All but the fields: they are written before they are read, and are the bulk.
    memset(head, 0, offsetof(struct http_head, fields));
}

enum http_parse_result http_head_feed(struct http_head *head, const struct http_parse_limits *limits, const char *bytes,
                                      size_t length)
{
    assert(limits->head_max <= HTTP_HEAD_CEILING);
    for (;;) {
        enum http_fault overflow;
        size_t limit = scan_limit(head, limits, &overflow);
        size_t end = length < limit ? length : limit;
        size_t at = head->offset;
        while (at < end && (classes[(unsigned char)bytes[at]] & VALUE) != 0) {
            at++;
        }
        head->offset = (uint32_t)at;
        if (at == end) {
            return end == limit ? fail(head, overflow) : HTTP_PARSE_MORE;
        }
        enum http_parse_result result = read_break(head, limits, bytes, at, end);
        if (result != HTTP_PARSE_MORE) {
            return result;
        }
        if (head->offset == at) { // a CR as the last byte
            return end == limit ? fail(head, overflow) : HTTP_PARSE_MORE;
        }
    }
}

bool http_head_keeps_alive(const struct http_head *head)
{
    return !head->close && (head->version_1_1 || head->keep_alive);
}
