// SPDX-License-Identifier: Apache-2.0
//
// See core/options_describe.h.
#include "core/options_describe.h"

#include "core/buffer.h"
#include "core/quantity.h"
#include <inttypes.h>
#include <string.h>

static const char *const TYPE_NAMES[] = {
    [PH_OPTION_TEXT] = "text",         [PH_OPTION_INTEGER] = "integer", [PH_OPTION_SIZE] = "size",
    [PH_OPTION_DURATION] = "duration", [PH_OPTION_BOOLEAN] = "boolean", [PH_OPTION_CHOICE] = "choice",
    [PH_OPTION_URL] = "url",           [PH_OPTION_LIST] = "list",
};

const char *options_type_name(const struct ph_option *option)
{
    size_t known = sizeof TYPE_NAMES / sizeof TYPE_NAMES[0];
    return option->type >= PH_OPTION_TEXT && option->type < known ? TYPE_NAMES[option->type] : "unknown";
}

static void write_number(const struct ph_option *option, int64_t value, struct buffer *out)
{
    char text[QUANTITY_SIZE];
    if (option->type == PH_OPTION_SIZE && value >= 0) {
        quantity_format_size((uint64_t)value, text);
        buffer_text(out, text);
    } else if (option->type == PH_OPTION_DURATION && value >= 0) {
        quantity_format_duration(value, text);
        buffer_text(out, text);
    } else {
        buffer_signed(out, value);
    }
}

static bool has_range(const struct ph_option *option)
{
    return option->minimum != 0 || option->maximum != 0;
}

static void write_range(const struct ph_option *option, struct buffer *out)
{
    if (!has_range(option)) {
        return;
    }
    if (option->maximum == INT64_MAX) {
        buffer_text(out, " of at least ");
        write_number(option, option->minimum, out);
        return;
    }
    buffer_text(out, " from ");
    write_number(option, option->minimum, out);
    buffer_text(out, " to ");
    write_number(option, option->maximum, out);
}

static void write_choices(const char *const *choices, struct buffer *out)
{
    for (size_t i = 0; choices[i] != NULL; i++) {
        buffer_printf(out, "%s%s", i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ", choices[i]);
    }
}

void options_write_expected(const struct ph_option *option, struct buffer *out)
{
    switch (option->type) {
    case PH_OPTION_TEXT:
        buffer_text(out, (option->flags & PH_OPTION_PATH) != 0 ? "a path" : "text");
        break;
    case PH_OPTION_INTEGER:
        buffer_text(out, "a whole number");
        write_range(option, out);
        break;
    case PH_OPTION_SIZE:
        buffer_text(out, "a size");
        write_range(option, out);
        buffer_text(out, ", such as 1500, 64KiB or 10MB");
        break;
    case PH_OPTION_DURATION:
        buffer_text(out, "a duration");
        write_range(option, out);
        buffer_text(out, ", such as 500ms, 10s, 5m, 12h or 30d");
        break;
    case PH_OPTION_BOOLEAN:
        buffer_text(out, "yes or no");
        break;
    case PH_OPTION_CHOICE:
        write_choices(option->choices, out);
        break;
    case PH_OPTION_URL:
        buffer_text(out, "a URL such as https://host/path");
        break;
    case PH_OPTION_LIST:
        buffer_text(out, "a list");
        if (option->choices != NULL) {
            buffer_text(out, " of ");
            write_choices(option->choices, out);
        }
        buffer_text(out, ", apart by spaces or commas");
        break;
    default:
        buffer_text(out, "another version of this program");
        break;
    }
}

static void write_list(const struct ph_list *list, struct buffer *out)
{
    for (size_t i = 0; i < list->count; i++) {
        buffer_printf(out, "%s%s", i == 0 ? "" : " ", list->items[i]);
    }
}

void options_write_value(const struct ph_option *option, bool hidden, const void *config, struct buffer *out)
{
    const char *member = (const char *)config + option->offset;
    // A union of what a member can be: it is read by copying, so nothing is assumed of alignment or padding.
    union {
        const char *text;
        int64_t number;
        bool boolean;
        uint32_t choice;
        struct ph_list list;
    } value = {.text = NULL};
    memcpy(&value, member, options_member_size(option));
    if (hidden || (option->flags & PH_OPTION_SECRET) != 0) {
        buffer_text(out, "***");
        return;
    }
    switch (option->type) {
    case PH_OPTION_TEXT:
    case PH_OPTION_URL:
        buffer_text(out, value.text == NULL ? "" : value.text);
        break;
    case PH_OPTION_BOOLEAN:
        buffer_text(out, value.boolean ? "yes" : "no");
        break;
    case PH_OPTION_CHOICE:
        buffer_text(out, option->choices[value.choice]);
        break;
    case PH_OPTION_LIST:
        write_list(&value.list, out);
        break;
    default:
        write_number(option, value.number, out);
        break;
    }
}

static void write_flags(const struct ph_option *option, struct buffer *out)
{
    if ((option->flags & PH_OPTION_REQUIRED) != 0) {
        buffer_text(out, "; required");
    } else if (option->default_value != NULL && option->default_value[0] != '\0') {
        buffer_printf(out, "; default %s", option->default_value);
    }
    if ((option->flags & PH_OPTION_SECRET) != 0) {
        buffer_text(out, "; secret");
    }
    if ((option->flags & PH_OPTION_RELOADABLE) != 0) {
        buffer_text(out, "; reloadable");
    }
}

void options_describe_text(const struct options_table *table, struct buffer *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        buffer_printf(out, "  %s\n      %s\n      ", option->name, option->help);
        options_write_expected(option, out);
        write_flags(option, out);
        buffer_text(out, "\n");
    }
}

static void json_text(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, ",\"%s\":", name);
    if (text == NULL) {
        buffer_text(out, "null");
    } else {
        buffer_json_string(out, text, strlen(text));
    }
}

static void json_flag(struct buffer *out, const char *name, const struct ph_option *option, uint32_t flag)
{
    buffer_printf(out, ",\"%s\":%s", name, (option->flags & flag) != 0 ? "true" : "false");
}

static void json_option(const struct ph_option *option, struct buffer *out)
{
    buffer_text(out, "{\"name\":");
    buffer_json_string(out, option->name, strlen(option->name));
    json_text(out, "type", options_type_name(option));
    json_text(out, "default", option->default_value);
    json_flag(out, "required", option, PH_OPTION_REQUIRED);
    json_flag(out, "secret", option, PH_OPTION_SECRET);
    json_flag(out, "reloadable", option, PH_OPTION_RELOADABLE);
    json_flag(out, "path", option, PH_OPTION_PATH);
    if (has_range(option)) {
        buffer_printf(out, ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, option->minimum, option->maximum);
    }
    if (option->choices != NULL) {
        buffer_text(out, ",\"choices\":[");
        for (size_t i = 0; option->choices[i] != NULL; i++) {
            buffer_text(out, i == 0 ? "" : ",");
            buffer_json_string(out, option->choices[i], strlen(option->choices[i]));
        }
        buffer_text(out, "]");
    }
    json_text(out, "help", option->help);
    buffer_text(out, "}");
}

void options_describe_json(const struct options_table *table, struct buffer *out)
{
    buffer_text(out, "[");
    for (size_t i = 0; i < table->count; i++) {
        buffer_text(out, i == 0 ? "" : ",");
        json_option(options_at(table, i), out);
    }
    buffer_text(out, "]");
}

// Text for a cell of a table: a bar would end it.
static void cell(const char *text, struct buffer *out)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|') {
            buffer_byte(out, '\\');
        }
        buffer_byte(out, *at == '\n' ? ' ' : *at);
    }
}

void options_describe_markdown(const struct options_table *table, struct buffer *out)
{
    buffer_text(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        bool required = (option->flags & PH_OPTION_REQUIRED) != 0;
        bool given = option->default_value != NULL && option->default_value[0] != '\0';
        buffer_printf(out, "| `%s` | ", option->name);
        struct buffer expected;
        buffer_init(&expected, 4096);
        options_write_expected(option, &expected);
        cell(buffer_failed(&expected) ? options_type_name(option) : buffer_string(&expected), out);
        buffer_free(&expected);
        buffer_text(out, required ? " | required | " : given ? " | `" : " | none | ");
        if (given && !required) {
            cell(option->default_value, out);
            buffer_text(out, "` | ");
        }
        cell(option->help, out);
        buffer_text(out, " |\n");
    }
}
