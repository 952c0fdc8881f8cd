// SPDX-License-Identifier: Apache-2.0
//
// The registry of core/metrics.h as Prometheus text, format 0.0.4: HELP and TYPE once a family, then its series.
#include "core/buffer.h"
#include "core/metrics.h"

#include <string.h>

struct writer {
    struct buffer *out;
    const struct metrics_family *family; ///< whose head was written last
};

static const char *const type_names[] = {
    [METRICS_COUNTER] = "counter",
    [METRICS_GAUGE] = "gauge",
    [METRICS_HISTOGRAM] = "histogram",
};

/// Escapes backslash and line feed, and in label values the quote.
static void write_escaped(struct buffer *out, const char *text, bool quoted)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buffer_text(out, "\\n");
        } else {
            if (*text == '\\' || (quoted && *text == '"')) {
                buffer_byte(out, '\\');
            }
            buffer_byte(out, *text);
        }
    }
}

static void write_head(struct buffer *out, const struct metrics_family *family)
{
    buffer_text(out, "# HELP ");
    buffer_text(out, family->name);
    buffer_byte(out, ' ');
    write_escaped(out, family->help, false);
    buffer_text(out, "\n# TYPE ");
    buffer_text(out, family->name);
    buffer_byte(out, ' ');
    buffer_text(out, type_names[family->type]);
    buffer_byte(out, '\n');
}

/// A number in the family's unit; nanoseconds become seconds, exactly and without trailing zeros.
static void write_number(struct buffer *out, enum metrics_unit unit, uint64_t number)
{
    if (unit == METRICS_PLAIN) {
        buffer_unsigned(out, number);
        return;
    }
    uint64_t rest = number % UINT64_C(1000000000);
    buffer_unsigned(out, number / UINT64_C(1000000000));
    if (rest > 0) {
        char digits[] = ".000000000";
        size_t length = sizeof digits - 1;
        for (size_t at = length; rest > 0; rest /= 10) {
            digits[--at] = (char)('0' + rest % 10);
        }
        while (digits[length - 1] == '0') {
            length--;
        }
        buffer_append(out, digits, length);
    }
}

static void write_signed(struct buffer *out, enum metrics_unit unit, int64_t number)
{
    if (number < 0) {
        buffer_byte(out, '-');
    }
    write_number(out, unit, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

static void write_label(struct buffer *out, const char *name, const char *value, bool first)
{
    buffer_byte(out, first ? '{' : ',');
    buffer_text(out, name);
    buffer_text(out, "=\"");
    write_escaped(out, value, true);
    buffer_byte(out, '"');
}

/// Name, suffix and labels, up to but without the closing brace.
static bool write_labels(struct buffer *out, const struct metrics_sample *sample, const char *suffix)
{
    buffer_text(out, sample->family->name);
    buffer_text(out, suffix);
    for (size_t i = 0; i < sample->label_count; i++) {
        write_label(out, sample->labels[i].name, sample->labels[i].value, i == 0);
    }
    return sample->label_count > 0;
}

static void write_name(struct buffer *out, const struct metrics_sample *sample, const char *suffix)
{
    buffer_text(out, write_labels(out, sample, suffix) ? "} " : " ");
}

static void write_bucket(struct buffer *out, const struct metrics_sample *sample, size_t at)
{
    const struct metrics_family *family = sample->family;
    bool labels = write_labels(out, sample, "_bucket");
    buffer_text(out, labels ? ",le=\"" : "{le=\"");
    if (at < family->bound_count) {
        write_number(out, family->unit, family->bounds[at]);
    } else {
        buffer_text(out, "+Inf");
    }
    buffer_text(out, "\"} ");
    buffer_unsigned(out, sample->buckets[at]);
    buffer_byte(out, '\n');
}

static void write_histogram(struct buffer *out, const struct metrics_sample *sample)
{
    for (size_t i = 0; i <= sample->family->bound_count; i++) {
        write_bucket(out, sample, i);
    }
    write_name(out, sample, "_sum");
    write_number(out, sample->family->unit, sample->sum);
    buffer_byte(out, '\n');
    write_name(out, sample, "_count");
    buffer_unsigned(out, sample->count);
    buffer_byte(out, '\n');
}

static void write_sample(const struct metrics_sample *sample, void *context)
{
    struct writer *writer = context;
    if (writer->family != sample->family) {
        write_head(writer->out, sample->family);
        writer->family = sample->family;
    }
    if (sample->family->type == METRICS_HISTOGRAM) {
        write_histogram(writer->out, sample);
        return;
    }
    write_name(writer->out, sample, "");
    write_signed(writer->out, sample->family->unit, sample->value);
    buffer_byte(writer->out, '\n');
}

bool metrics_prometheus(struct metrics *metrics, struct buffer *out)
{
    struct writer writer = {.out = out};
    metrics_each(metrics, write_sample, &writer);
    return !buffer_failed(out);
}
