// SPDX-License-Identifier: Apache-2.0
//
// See core/log.h.
//
// A line is composed on the stack and written at once, so threads need no lock between them. Each field goes in whole
// or not at all; room is kept for the end of the line, so that a JSON line is always a JSON document.
#include "core/log.h"

#include "core/clock.h"
#include "core/log_redact.h"
#include "core/timestamp.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// Kept free for what ends a line that was cut.
#define LINE_RESERVE 24

struct line {
    size_t length;
    bool json;
    bool full; ///< what was put last did not fit
    bool cut;  ///< some field did not fit
    char text[LOG_LINE_SIZE];
};

static _Atomic int log_level_now = LOG_LEVEL_INFO;
static _Atomic int log_format_now = LOG_FORMAT_TEXT;
static _Atomic int log_descriptor = STDERR_FILENO;
static const struct clock *_Atomic log_clock;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"text", "json"};

struct log_field log_bytes(const char *key, const void *data, size_t length)
{
    return (struct log_field){
        .key = key, .type = LOG_FIELD_TEXT, .length = length, .value.text = data != NULL ? data : ""};
}

struct log_field log_text(const char *key, const char *text)
{
    return log_bytes(key, text, text != NULL ? strlen(text) : 0);
}

struct log_field log_int(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_INTEGER, .value.integer = value};
}

struct log_field log_real(const char *key, double value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_REAL, .value.real = value};
}

struct log_field log_bool(const char *key, bool value)
{
    return (struct log_field){.key = key, .type = LOG_FIELD_BOOLEAN, .value.boolean = value};
}

void log_configure(enum log_level level, enum log_format format, int descriptor)
{
    log_set_level(level);
    atomic_store(&log_format_now, (int)format);
    atomic_store(&log_descriptor, descriptor);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level_now, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_level_now, memory_order_relaxed);
}

void log_set_clock(const struct clock *clock)
{
    atomic_store(&log_clock, clock);
}

static const struct clock *clock_now(void)
{
    const struct clock *clock = atomic_load_explicit(&log_clock, memory_order_relaxed);
    return clock != NULL ? clock : clock_system();
}

static bool parse_name(const char *text, const char *const *names, size_t count, unsigned *index_r)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index_r = i;
            return true;
        }
    }
    return false;
}

bool log_parse_level(const char *text, enum log_level *level_r)
{
    unsigned index;
    bool known = parse_name(text, level_names, sizeof level_names / sizeof level_names[0], &index);
    if (known) {
        *level_r = (enum log_level)index;
    }
    return known;
}

bool log_parse_format(const char *text, enum log_format *format_r)
{
    unsigned index;
    bool known = parse_name(text, format_names, sizeof format_names / sizeof format_names[0], &index);
    if (known) {
        *format_r = (enum log_format)index;
    }
    return known;
}

bool log_enabled(enum log_level level)
{
    return level >= log_get_level();
}

static void put(struct line *line, const char *bytes, size_t length)
{
    if (line->full || length > sizeof line->text - LINE_RESERVE - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->length, bytes, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static bool is_bare(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '=' || text[i] == '\\') {
            return false;
        }
    }
    return length > 0;
}

/// Quotes a cleaned value; it holds no control characters any more.
static void put_quoted(struct line *line, const char *text, size_t length)
{
    put(line, "\"", 1);
    for (size_t at = 0; at < length;) {
        size_t run = at;
        while (run < length && text[run] != '"' && text[run] != '\\') {
            run++;
        }
        put(line, text + at, run - at);
        if (run < length) {
            char escape[2] = {'\\', text[run]};
            put(line, escape, 2);
            run++;
        }
        at = run;
    }
    put(line, "\"", 1);
}

static void put_value(struct line *line, const char *text, size_t length)
{
    char value[LOG_VALUE_SIZE + 1];
    size_t shown = log_redact_value(value, sizeof value, text, length);
    if (!line->json && is_bare(value, shown)) {
        put(line, value, shown);
    } else {
        put_quoted(line, value, shown);
    }
}

static void put_real(struct line *line, double real)
{
    char number[32];
    snprintf(number, sizeof number, "%.9g", real);
    put_text(line, isfinite(real) ? number : "null");
}

static void put_integer(struct line *line, int64_t integer)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, integer);
    put_text(line, number);
}

static void put_key(struct line *line, const char *key)
{
    if (line->json) {
        put_text(line, ",\"");
        put_text(line, key);
        put_text(line, "\":");
    } else {
        put_text(line, " ");
        put_text(line, key);
        put_text(line, "=");
    }
}

/// Puts a field whole, or takes it back.
static void put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->length;
    put_key(line, field->key);
    switch (field->type) {
    case LOG_FIELD_TEXT:
        put_value(line, field->value.text, field->length);
        break;
    case LOG_FIELD_INTEGER:
        put_integer(line, field->value.integer);
        break;
    case LOG_FIELD_REAL:
        put_real(line, field->value.real);
        break;
    case LOG_FIELD_BOOLEAN:
        put_text(line, field->value.boolean ? "true" : "false");
        break;
    }
    if (line->full) {
        line->length = before;
        line->full = false;
        line->cut = true;
    }
}

static void put_context(struct line *line, const struct log_context *context)
{
    const struct log_field fields[] = {
        log_text("section", context->section),       log_text("backend", context->backend),
        log_text("request_id", context->request_id), log_text("message_id", context->message_id),
        log_text("trace_id", context->trace_id),
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].length > 0) {
            put_field(line, &fields[i]);
        }
    }
}

static void put_start(struct line *line, enum log_level level, const char *message)
{
    char time[TIMESTAMP_SIZE];
    timestamp_format(clock_wall_ms(clock_now()), time);
    if (line->json) {
        put_text(line, "{\"time\":\"");
        put_text(line, time);
        put_text(line, "\",\"level\":\"");
        put_text(line, level_names[level]);
        put_text(line, "\",\"message\":");
        put_value(line, message, strlen(message));
    } else {
        char shown[LOG_VALUE_SIZE + 1];
        put_text(line, time);
        put_text(line, level == LOG_LEVEL_INFO || level == LOG_LEVEL_WARN ? "  " : " ");
        put_text(line, level_names[level]);
        put_text(line, " ");
        put(line, shown, log_redact_value(shown, sizeof shown, message, strlen(message)));
    }
}

static _Atomic uint64_t lines_dropped;

static void write_line(const struct line *line)
{
    int descriptor = atomic_load_explicit(&log_descriptor, memory_order_relaxed);
    ssize_t written;
    do {
        written = write(descriptor, line->text, line->length);
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        atomic_fetch_add_explicit(&lines_dropped, 1, memory_order_relaxed);
    }
}

uint64_t log_dropped(void)
{
    return atomic_load_explicit(&lines_dropped, memory_order_relaxed);
}

static void put_end(struct line *line)
{
    const char *end = line->cut ? " cut=true\n" : "\n";
    if (line->json) {
        end = line->cut ? ",\"cut\":true}\n" : "}\n";
    }
    size_t length = strlen(end);
    memcpy(line->text + line->length, end, length);
    line->length += length;
}

static void compose(enum log_level level, const struct log_context *context, const char *message,
                    const struct log_field *fields, size_t count, uint64_t suppressed)
{
    int before = errno;
    struct line line;
    line.length = 0;
    line.full = line.cut = false;
    line.json = atomic_load_explicit(&log_format_now, memory_order_relaxed) == LOG_FORMAT_JSON;
    put_start(&line, level, message);
    if (context != NULL) {
        put_context(&line, context);
    }
    for (size_t i = 0; i < count; i++) {
        put_field(&line, &fields[i]);
    }
    if (suppressed > 0) {
        struct log_field field = log_int("suppressed", suppressed < INT64_MAX ? (int64_t)suppressed : INT64_MAX);
        put_field(&line, &field);
    }
    put_end(&line);
    write_line(&line);
    errno = before;
}

void log_line(enum log_level level, const struct log_context *context, const char *message,
              const struct log_field *fields, size_t count)
{
    if (log_enabled(level)) {
        compose(level, context, message, fields, count, 0);
    }
}

void log_limit_init(struct log_limit *limit, uint64_t interval_ns, uint32_t burst)
{
    limit->interval_ns = interval_ns;
    limit->burst = burst;
    atomic_init(&limit->window_ns, 0);
    atomic_init(&limit->passed, 0);
    atomic_init(&limit->suppressed, 0);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint64_t *suppressed_r)
{
    uint64_t now = now_ns > 0 ? now_ns : 1;
    uint64_t start = atomic_load_explicit(&limit->window_ns, memory_order_relaxed);
    bool over = start == 0 || (now > start && now - start >= limit->interval_ns);
    *suppressed_r = 0;
    if (over && atomic_compare_exchange_strong(&limit->window_ns, &start, now)) {
        atomic_store_explicit(&limit->passed, 0, memory_order_relaxed);
    }
    if (atomic_fetch_add_explicit(&limit->passed, 1, memory_order_relaxed) < limit->burst) {
        *suppressed_r = atomic_exchange_explicit(&limit->suppressed, 0, memory_order_relaxed);
        return true;
    }
    atomic_fetch_add_explicit(&limit->suppressed, 1, memory_order_relaxed);
    return false;
}

void log_limited(struct log_limit *limit, enum log_level level, const struct log_context *context, const char *message,
                 const struct log_field *fields, size_t count)
{
    uint64_t suppressed;
    if (log_enabled(level) && log_limit_pass(limit, clock_monotonic_ns(clock_now()), &suppressed)) {
        compose(level, context, message, fields, count, suppressed);
    }
}
