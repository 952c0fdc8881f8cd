// SPDX-License-Identifier: Apache-2.0
//
// See output.h.
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/utf8.h"

#define CELL_MAX 256

bool output_is_json(bool asked)
{
    return asked || !isatty(STDOUT_FILENO);
}

void output_json(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    puts(text != NULL ? text : "null");
    fflush(stdout);
    free(text);
}

void output_clean(FILE *out, const char *text)
{
    char clean[4096];
    if (text == NULL) {
        fputc('-', out);
        return;
    }
    for (size_t length = strlen(text); length > 0;) {
        const size_t part = utf8_cut(text, length, sizeof clean - 1);
        const size_t step = part > 0 ? part : 1;
        utf8_clean(clean, sizeof clean, text, step);
        fputs(clean, out);
        text += step;
        length -= step;
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

static void cell_text(const json_t *value, char cell_r[CELL_MAX])
{
    struct buffer text;
    size_t index;
    json_t *item;
    buffer_init(&text, CELL_MAX - 1);
    if (json_is_array(value)) {
        json_array_foreach((json_t *)value, index, item)
        {
            buffer_text(&text, index > 0 ? " " : "");
            buffer_text(&text, json_is_string(item) ? json_string_value(item) : "?");
        }
    } else if (json_is_string(value)) {
        const size_t length = json_string_length(value);
        buffer_append(&text, json_string_value(value), utf8_cut(json_string_value(value), length, CELL_MAX - 2));
    } else if (json_is_integer(value)) {
        buffer_signed(&text, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        buffer_text(&text, json_is_true(value) ? "yes" : "no");
    } else {
        buffer_byte(&text, '-');
    }
    utf8_clean(cell_r, CELL_MAX, text.data != NULL ? text.data : "", text.length);
    buffer_free(&text);
}

static void print_cell(const char *text, int width, bool last)
{
    const int padding = width - (int)utf8_count(text, strlen(text));
    fputs(text, stdout);
    if (!last) {
        printf("%*s  ", padding > 0 ? padding : 0, "");
    }
}

void output_table(const json_t *rows, const struct output_column *columns, size_t count, const char *empty)
{
    char cell[CELL_MAX];
    size_t index;
    json_t *row;
    if (json_array_size(rows) == 0) {
        puts(empty);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        print_cell(columns[i].title, columns[i].width, i + 1 == count);
    }
    putchar('\n');
    json_array_foreach((json_t *)rows, index, row)
    {
        for (size_t i = 0; i < count; i++) {
            cell_text(member_at(row, columns[i].member), cell);
            print_cell(cell, columns[i].width, i + 1 == count);
        }
        putchar('\n');
    }
    fflush(stdout);
}
