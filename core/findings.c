// SPDX-License-Identifier: Apache-2.0
//
// See core/findings.h.
#include "core/findings.h"

#include "core/utf8.h"
#include "core/xalloc.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static char *cleaned(const char *text)
{
    // Cleaning may need one byte for each byte, never more.
    size_t size = strlen(text) + 1;
    char *copy = xmalloc(size);
    utf8_clean(copy, size, text, size - 1);
    return copy;
}

static void add(struct findings *findings, enum finding_level level, struct place place, const char *format,
                va_list arguments) __attribute__((format(printf, 4, 0)));

static void add(struct findings *findings, enum finding_level level, struct place place, const char *format,
                va_list arguments)
{
    size_t *number = level == FINDING_ERROR ? &findings->errors : &findings->warnings;
    *number += 1;
    if (findings->count == FINDINGS_MAX) {
        return;
    }
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity == 0 ? 8 : 2 * findings->capacity;
        findings->items = xrealloc_array(findings->items, findings->capacity, sizeof *findings->items);
    }
    char *text = xvasprintf(format, arguments);
    findings->items[findings->count] = (struct finding){.level = level,
                                                        .file = cleaned(place.file),
                                                        .line = place.line,
                                                        .text = cleaned(text),
                                                        .order = findings->count};
    findings->count++;
    free(text);
}

void findings_error(struct findings *findings, struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, FINDING_ERROR, place, format, arguments);
    va_end(arguments);
}

void findings_warning(struct findings *findings, struct place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, FINDING_WARNING, place, format, arguments);
    va_end(arguments);
}

static int by_place(const void *left_, const void *right_)
{
    const struct finding *left = left_;
    const struct finding *right = right_;
    // Places without a line (the environment) come behind the file's.
    if ((left->line == 0) != (right->line == 0)) {
        return left->line == 0 ? 1 : -1;
    }
    int file = strcmp(left->file, right->file);
    if (file != 0) {
        return file;
    }
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    return left->order < right->order ? -1 : 1;
}

void findings_sort(struct findings *findings)
{
    if (findings->count > 1) {
        qsort(findings->items, findings->count, sizeof *findings->items, by_place);
    }
}

void findings_print(struct findings *findings, FILE *out)
{
    findings_sort(findings);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *item = &findings->items[i];
        const char *level = item->level == FINDING_WARNING ? "warning: " : "";
        if (item->line > 0) {
            fprintf(out, "%s:%u: %s%s\n", item->file, item->line, level, item->text);
        } else {
            fprintf(out, "%s: %s%s\n", item->file, level, item->text);
        }
    }
    size_t left_out = findings->errors + findings->warnings - findings->count;
    if (left_out > 0) {
        fprintf(out, "and %zu more\n", left_out);
    }
}

void findings_free(struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        free(findings->items[i].file);
        free(findings->items[i].text);
    }
    free(findings->items);
    *findings = (struct findings){0};
}
