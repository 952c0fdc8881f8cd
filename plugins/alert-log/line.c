// SPDX-License-Identifier: Apache-2.0
//
// The line of line.h. It is built twice by the same code: first without a place to write to, which gives its length,
// then into an allocation of that length.
#include "plugins/alert-log/line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

// Where the line goes: with NULL only the length counts.
struct line {
    char *bytes;
    size_t length;
};

static void line_add(struct line *line, const char *bytes, size_t length)
{
    if (line->bytes && length)
        memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

static void line_string(struct line *line, const char *string)
{
    line_add(line, string, strlen(string));
}

static void line_escaped(struct line *line, unsigned char byte)
{
    char escape[8];
    if (byte == '"' || byte == '\\')
        snprintf(escape, sizeof(escape), "\\%c", byte);
    else if (byte == '\n')
        snprintf(escape, sizeof(escape), "\\n");
    else
        snprintf(escape, sizeof(escape), "\\u%04x", byte);
    line_string(line, escape);
}

// A member of the object: ,"name":"text"
static void line_text(struct line *line, const char *name, struct ph_text text)
{
    line_string(line, ",\"");
    line_string(line, name);
    line_string(line, "\":\"");
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\')
            line_escaped(line, byte);
        else
            line_add(line, text.bytes + i, 1);
    }
    line_string(line, "\"");
}

// The attributes are JSON already. A line end between its words would break the line, a space does not.
static void line_json(struct line *line, const char *name, struct ph_text json)
{
    line_string(line, ",\"");
    line_string(line, name);
    line_string(line, "\":");
    for (size_t i = 0; i < json.length; i++) {
        char byte = json.bytes[i];
        line_add(line, byte == '\n' || byte == '\r' ? " " : &byte, 1);
    }
}

static void line_time(struct line *line, const char *name, int64_t milliseconds)
{
    time_t seconds = (time_t)(milliseconds / 1000);
    struct tm utc;
    char text[64] = "";
    if (gmtime_r(&seconds, &utc)) {
        size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(text + length, sizeof(text) - length, ".%03dZ", (int)(milliseconds % 1000));
    }
    line_text(line, name, (struct ph_text){.bytes = text, .length = strlen(text)});
}

void line_id(const struct ph_id *id, char text_r[LINE_ID_SIZE])
{
    char *at = text_r;
    for (size_t i = 0; i < sizeof(id->bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = "0123456789abcdef"[id->bytes[i] >> 4];
        *at++ = "0123456789abcdef"[id->bytes[i] & 15];
    }
    *at = '\0';
}

struct ph_text line_shorten(struct ph_text text, size_t limit)
{
    if (text.length <= limit)
        return text;
    while (limit && ((unsigned char)text.bytes[limit] & 0xc0) == 0x80)
        limit--;
    return (struct ph_text){.bytes = text.bytes, .length = limit};
}

static void line_write(struct line *line, const struct ph_alert *alert, size_t body_limit, const char *before)
{
    char id[LINE_ID_SIZE];
    struct ph_text body = line_shorten(alert->body, body_limit);
    line_id(&alert->id, id);
    line_string(line, before);
    line_string(line, "{\"id\":\"");
    line_string(line, id);
    line_string(line, "\"");
    line_text(line, "sender", alert->sender);
    line_text(line, "subject", alert->subject);
    line_text(line, "body", body);
    if (body.length < alert->body.length)
        line_string(line, ",\"shortened\":true");
    line_time(line, "accepted_at", alert->accepted_at);
    if (alert->attributes.length)
        line_json(line, "attributes", alert->attributes);
    line_string(line, "}\n");
}

struct ph_text line_make(struct ph_call *call, const struct ph_alert *alert, size_t body_limit, const char *before)
{
    struct line line = {0};
    line_write(&line, alert, body_limit, before);
    char *bytes = call->host->alloc(call, line.length + 1);
    if (!bytes)
        return (struct ph_text){0};
    struct line written = {.bytes = bytes};
    line_write(&written, alert, body_limit, before);
    return (struct ph_text){.bytes = bytes, .length = written.length};
}
