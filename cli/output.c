// SPDX-License-Identifier: Apache-2.0
//
// See output.h.
#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit_codes.h"
#include "core/buffer.h"
#include "core/utf8.h"

#define CELL_MAX 512
#define COLUMNS_MAX 12

bool output_is_json(bool asked)
{
    return asked || !isatty(STDOUT_FILENO);
}

void output_json(const json_t *json)
{
    // jansson escapes C0 alone; a terminal acts on C1, too.
    const size_t ascii = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | ascii);
    puts(text != NULL ? text : "null");
    fflush(stdout);
    free(text);
}

static void clean_part(FILE *out, const char *text, size_t length)
{
    char clean[4096];
    while (length > 0) {
        size_t used;
        const size_t written = utf8_clean_part(clean, sizeof clean, text, length, &used);
        fwrite(clean, 1, written, out);
        text += used;
        length -= used;
    }
}

void output_clean(FILE *out, const char *text)
{
    if (text == NULL) {
        text = "-";
    }
    clean_part(out, text, strlen(text));
}

void output_text(FILE *out, const json_t *string, const char *indent)
{
    const char *text = json_string_value(string);
    const char *end = text != NULL ? text + json_string_length(string) : NULL;
    while (text < end) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        const char *next = line != NULL ? line + 1 : end;
        const char *stop = line != NULL ? line : end;
        stop -= line != NULL && line > text && line[-1] == '\r';
        fputs(indent, out);
        while (text < stop) { // a tab is no harm, but cleaning would take it for one
            const char *tab = memchr(text, '\t', (size_t)(stop - text));
            const char *part = tab != NULL ? tab : stop;
            clean_part(out, text, (size_t)(part - text));
            fputs(tab != NULL ? "    " : "", out);
            text = part + (tab != NULL);
        }
        fputc('\n', out);
        text = next;
    }
}

static const json_t *member_at(const json_t *row, const char *path)
{
    char part[64];
    while (row != NULL && *path != '\0') {
        const size_t length = strcspn(path, "/");
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        row = json_object_get(row, part);
        path += length + (path[length] == '/');
    }
    return row;
}

static void append_text(struct buffer *text, const json_t *string)
{
    const size_t length = json_string_length(string);
    const size_t room = CELL_MAX - 1 - text->length;
    buffer_append(text, json_string_value(string), utf8_cut(json_string_value(string), length, room));
}

static void append_value(struct buffer *text, const json_t *value)
{
    size_t index;
    json_t *item;
    if (json_is_array(value)) {
        json_array_foreach((json_t *)value, index, item)
        {
            if (text->length + 1 < CELL_MAX && json_is_string(item)) {
                buffer_text(text, index > 0 ? " " : "");
                append_text(text, item);
            }
        }
    } else if (json_is_string(value)) {
        append_text(text, value);
    } else if (json_is_integer(value)) {
        buffer_signed(text, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        buffer_text(text, json_is_true(value) ? "yes" : "no");
    }
}

// Cuts to `limit` characters, the last of them "…".
static void cut(char cell[CELL_MAX], int limit)
{
    size_t at = 0;
    if (limit <= 0 || utf8_count(cell, strlen(cell)) <= (size_t)limit) {
        return;
    }
    for (int i = 1; i < limit; i++) {
        at += utf8_step(cell + at, strlen(cell + at), NULL);
    }
    snprintf(cell + at, CELL_MAX - at, "…");
}

static void cell_text(const json_t *row, const struct output_column *column, char cell_r[CELL_MAX])
{
    const json_t *value = member_at(row, column->member);
    struct buffer text;
    buffer_init(&text, CELL_MAX - 1);
    append_value(&text, value);
    if (text.length > 0 && column->present) {
        buffer_clear(&text);
        buffer_text(&text, "yes");
    }
    if (text.length == 0) {
        buffer_byte(&text, '-');
    }
    utf8_clean(cell_r, CELL_MAX, text.data, text.length);
    buffer_free(&text);
    cut(cell_r, column->limit);
}

static void print_cell(const char *text, size_t width, bool last)
{
    const size_t count = utf8_count(text, strlen(text));
    fputs(text, stdout);
    if (!last) {
        printf("%*s", (int)(width > count ? width - count : 0) + 2, "");
    }
}

static void print_table(const json_t *rows, const struct output_column *columns, size_t count)
{
    char cell[CELL_MAX];
    size_t widths[COLUMNS_MAX];
    size_t index;
    json_t *row;
    for (size_t i = 0; i < count; i++) {
        widths[i] = strlen(columns[i].title);
        json_array_foreach((json_t *)rows, index, row)
        {
            cell_text(row, &columns[i], cell);
            const size_t width = utf8_count(cell, strlen(cell));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        print_cell(columns[i].title, widths[i], i + 1 == count);
    }
    putchar('\n');
    json_array_foreach((json_t *)rows, index, row)
    {
        for (size_t i = 0; i < count; i++) {
            cell_text(row, &columns[i], cell);
            print_cell(cell, widths[i], i + 1 == count);
        }
        putchar('\n');
    }
}

void output_rows(const json_t *rows, const struct output_column *columns, size_t count, bool json, const char *empty)
{
    size_t index;
    json_t *row;
    if (json) {
        json_array_foreach((json_t *)rows, index, row)
        {
            output_json(row);
        }
    } else if (json_array_size(rows) == 0) {
        puts(empty);
    } else {
        print_table(rows, columns, count < COLUMNS_MAX ? count : COLUMNS_MAX);
    }
    fflush(stdout);
}

void output_members(const json_t *object, const struct output_column *columns, size_t count)
{
    char cell[CELL_MAX];
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        width = strlen(columns[i].title) > width ? strlen(columns[i].title) : width;
    }
    for (size_t i = 0; i < count; i++) {
        print_cell(columns[i].title, width, false);
        cell_text(object, &columns[i], cell);
        puts(cell);
    }
}

int output_end(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return EXIT_GOOD;
    }
    fprintf(stderr, "posthouse: not all could be printed: %s\n", strerror(errno));
    return EXIT_FAILED;
}
