// SPDX-License-Identifier: Apache-2.0
//
// The log: one line, one write(2), on stderr or stdout, as text or JSON.
//
//     log_warn(&context, "the queue does not answer", log_text("detail", detail), log_int("attempt", 3));
//
// Every value is bounded, cleaned of control characters and searched for registered secrets, whoever wrote
// it. A line has at most LOG_LINE_SIZE bytes; fields that do not fit are left out and the line says so. Any
// thread, also before log_configure() (level info, text, stderr). Lines are lost, never waited for, when the
// reader is too slow and the descriptor non-blocking.
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;

#define LOG_LINE_SIZE 4096
/// Bytes of one value in a line; the rest is cut, marked by "…".
#define LOG_VALUE_SIZE 1024
/// Registered secrets; the oldest gives way.
#define LOG_SECRETS_MAX 256
/// Shorter secrets are not registered: they would hide half of every line.
#define LOG_SECRET_MIN 4

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/// Whose line it is; every member may be NULL, and so may the context. Shown as fields of these names.
struct log_context {
    const char *request_id;
    const char *trace_id;
    const char *message_id;
    const char *backend; ///< such as "sqlite"
    const char *section; ///< such as "storage"
};

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_INTEGER, LOG_FIELD_REAL, LOG_FIELD_BOOLEAN };

/// A key and a value; made by the functions below. The key is a literal of ours (a–z, 0–9 and _).
struct log_field {
    const char *key;
    enum log_field_type type;
    size_t length;
    union {
        const char *text;
        int64_t integer;
        double real;
        bool boolean;
    } value;
};

/// A string; NULL is shown as empty.
struct log_field log_text(const char *key, const char *text);

/// Bytes of a given length.
struct log_field log_bytes(const char *key, const void *data, size_t length);

struct log_field log_int(const char *key, int64_t value);
struct log_field log_real(const char *key, double value);
struct log_field log_bool(const char *key, bool value);

/// Sets format and descriptor (borrowed), and the level. Call it before other threads log.
void log_configure(enum log_level level, enum log_format format, int descriptor);

/// Lines that could not be written since the start. Any thread.
uint64_t log_dropped(void);

/// Changes the level at once; any thread.
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/// Takes the time of lines from `clock` (NULL: the system's); for tests.
void log_set_clock(const struct clock *clock);

/// Reads debug, info, warn or error; text or json.
bool log_parse_level(const char *text, enum log_level *level_r);
bool log_parse_format(const char *text, enum log_format *format_r);

/// True when lines of this level are written.
bool log_enabled(enum log_level level);

/// Writes a line. `message` is a short sentence without values; they go into the fields.
void log_line(enum log_level level, const struct log_context *context, const char *message,
              const struct log_field *fields, size_t count);

/// A line of a level, if that is written; the fields are evaluated only then.
#define log_at(level, context, message, ...)                                                                          \
    do {                                                                                                              \
        if (log_enabled(level)) {                                                                                     \
            const struct log_field log_fields_[] = {{.key = NULL}, ##__VA_ARGS__};                                    \
            log_line((level), (context), (message), log_fields_ + 1, sizeof log_fields_ / sizeof log_fields_[0] - 1); \
        }                                                                                                             \
    } while (0)

/// The same under a limit: log_limited().
#define log_at_limited(limit, level, context, message, ...)                        \
    do {                                                                           \
        if (log_enabled(level)) {                                                  \
            const struct log_field log_fields_[] = {{.key = NULL}, ##__VA_ARGS__}; \
            log_limited((limit), (level), (context), (message), log_fields_ + 1,   \
                        sizeof log_fields_ / sizeof log_fields_[0] - 1);           \
        }                                                                          \
    } while (0)

#define log_debug(context, message, ...) log_at(LOG_LEVEL_DEBUG, context, message, ##__VA_ARGS__)
#define log_info(context, message, ...) log_at(LOG_LEVEL_INFO, context, message, ##__VA_ARGS__)
#define log_warn(context, message, ...) log_at(LOG_LEVEL_WARN, context, message, ##__VA_ARGS__)
#define log_error(context, message, ...) log_at(LOG_LEVEL_ERROR, context, message, ##__VA_ARGS__)

/// Keeps one kind of line from flooding: at most `burst` lines in an interval. One for each thing that can
/// fail again and again, inside that thing. Any thread; starts with LOG_LIMIT_INIT or log_limit_init().
struct log_limit {
    uint64_t interval_ns;
    uint32_t burst;
    _Atomic uint64_t window_ns; ///< when the interval began; 0 before the first line
    _Atomic uint32_t passed;
    _Atomic uint64_t suppressed;
};

/// Five lines in ten seconds.
#define LOG_LIMIT_INIT                                   \
    {                                                    \
        .interval_ns = UINT64_C(10000000000), .burst = 5 \
    }

void log_limit_init(struct log_limit *limit, uint64_t interval_ns, uint32_t burst);

/// True when a line may be written now; `suppressed_r` receives how many were not since the last one that
/// was.
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint64_t *suppressed_r);

/// log_line() under a limit; adds the field `suppressed` when lines were left out before.
void log_limited(struct log_limit *limit, enum log_level level, const struct log_context *context, const char *message,
                 const struct log_field *fields, size_t count);

/// From now on `secret` is shown as *** wherever it occurs in a line. Copied. Any thread.
void log_redact(const char *secret, size_t length);

/// Forgets and wipes all registered secrets; for tests and the end of a process.
void log_redact_clear(void);

#endif
