// SPDX-License-Identifier: Apache-2.0
//
// See core/span.h. In OTLP's JSON ids are hexadecimal, 64-bit numbers are strings, and enumerations are numbers.
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "core/span.h"

#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/encode.h"
#include "core/random.h"
#include "core/uuid.h"

#define STATUS_ERROR 2

void span_begin(struct span *span, enum span_kind kind, const char *name, const struct traceparent *parent,
                uint64_t start_ns)
{
    memset(span, 0, sizeof *span);
    span->kind = kind;
    span->name = name;
    span->start_ns = start_ns;
    if (parent != NULL) {
        memcpy(span->own.trace, parent->trace, sizeof span->own.trace);
        memcpy(span->parent, parent->span, sizeof span->parent);
        span->own.flags = TRACEPARENT_SAMPLED | (parent->flags & TRACEPARENT_RANDOM);
    } else {
        random_bytes(span->own.trace, sizeof span->own.trace); // zeros are less likely than a broken machine
        span->own.flags = TRACEPARENT_SAMPLED;
    }
    random_bytes(span->own.span, sizeof span->own.span);
    traceparent_format(&span->own, span->text);
}

static void add(struct span *span, const char *key, const char *text, int64_t number)
{
    if (span->attribute_count < SPAN_ATTRIBUTES_MAX) {
        span->attributes[span->attribute_count++] = (struct span_attribute){key, text, number};
    }
}

void span_text(struct span *span, const char *key, const char *text)
{
    add(span, key, text, 0);
}

void span_number(struct span *span, const char *key, int64_t number)
{
    add(span, key, NULL, number);
}

void span_message(struct span *span, const struct ph_id *message)
{
    span->message = *message;
    span->has_message = true;
}

void span_fail(struct span *span, const char *error)
{
    snprintf(span->error, sizeof span->error, "%s", error);
}

// ----------------------------------------------------------------------------------------------------------- JSON

static void write_text(struct buffer *out, const char *key, const char *text)
{
    buffer_printf(out, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
    buffer_json_string(out, text, strlen(text));
    buffer_text(out, "}}");
}

static void write_number(struct buffer *out, const char *key, int64_t number)
{
    buffer_printf(out, "{\"key\":\"%s\",\"value\":{\"intValue\":\"%lld\"}}", key, (long long)number);
}

static void write_time(struct buffer *out, const char *key, uint64_t at_ns, int64_t wall_ns)
{
    buffer_printf(out, ",\"%s\":\"", key);
    buffer_unsigned(out, at_ns + (uint64_t)wall_ns);
    buffer_byte(out, '"');
}

static void write_attributes(struct buffer *out, const struct span *span)
{
    bool first = true;
    buffer_text(out, ",\"attributes\":[");
    for (size_t i = 0; i < span->attribute_count; i++) {
        const struct span_attribute *attribute = &span->attributes[i];
        buffer_text(out, first ? "" : ",");
        first = false;
        if (attribute->text != NULL) {
            write_text(out, attribute->key, attribute->text);
        } else {
            write_number(out, attribute->key, attribute->number);
        }
    }
    if (span->has_message) {
        char id[UUID_TEXT_SIZE];
        struct uuid uuid;
        memcpy(uuid.bytes, span->message.bytes, sizeof uuid.bytes);
        uuid_format(&uuid, id);
        buffer_text(out, first ? "" : ",");
        first = false;
        write_text(out, "messaging.message.id", id);
    }
    if (span->error[0] != '\0') {
        buffer_text(out, first ? "" : ",");
        write_text(out, "error.type", span->error);
    }
    buffer_byte(out, ']');
}

static void write_span(struct buffer *out, const struct span *span, int64_t wall_ns)
{
    static const uint8_t none[SPAN_ID_BYTES];
    char trace[ENCODE_HEX_SIZE(TRACE_ID_BYTES)];
    char id[ENCODE_HEX_SIZE(SPAN_ID_BYTES)];
    encode_hex(span->own.trace, sizeof span->own.trace, trace);
    encode_hex(span->own.span, sizeof span->own.span, id);
    buffer_printf(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\"", trace, id);
    if (memcmp(span->parent, none, sizeof none) != 0) {
        encode_hex(span->parent, sizeof span->parent, id);
        buffer_printf(out, ",\"parentSpanId\":\"%s\"", id);
    }
    buffer_printf(out, ",\"name\":\"%s%s%s\",\"kind\":%d", span->name, span->subject != NULL ? " " : "",
                  span->subject != NULL ? span->subject : "", (int)span->kind);
    write_time(out, "startTimeUnixNano", span->start_ns, wall_ns);
    write_time(out, "endTimeUnixNano", span->end_ns, wall_ns);
    write_attributes(out, span);
    if (span->error[0] != '\0') {
        buffer_printf(out, ",\"status\":{\"code\":%d}", STATUS_ERROR);
    }
    buffer_byte(out, '}');
}

void spans_encode(struct buffer *out, const struct span_resource *resource, const struct span *spans, size_t count,
                  int64_t wall_ns)
{
    buffer_text(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    write_text(out, "service.name", resource->service);
    buffer_byte(out, ',');
    write_text(out, "service.version", PACKAGE_VERSION);
    buffer_byte(out, ',');
    write_text(out, "service.instance.id", resource->instance);
    buffer_text(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"posthouse\",\"version\":\"" PACKAGE_VERSION
                     "\"},\"spans\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i > 0 ? "," : "");
        write_span(out, &spans[i], wall_ns);
    }
    buffer_text(out, "]}]}]}");
}
