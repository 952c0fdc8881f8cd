// SPDX-License-Identifier: Apache-2.0
//
// See core/options.h. One reader a type; a reader writes its member only when all is well.
#include "core/options.h"

#include "core/arena.h"
#include "core/buffer.h"
#include "core/options_describe.h"
#include "core/quantity.h"
#include "core/suggest.h"
#include "core/utf8.h"
#include "core/xalloc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One value on its way into a member.
struct reading {
    const struct ph_option *option;
    const char *text;
    bool hidden;
    const char *folder;
    struct arena *arena;
    char *member;
    struct buffer *error;
};

const struct ph_option *options_at(const struct options_table *table, size_t index)
{
    return (const struct ph_option *)(const void *)((const char *)table->options + index * table->stride);
}

const struct ph_option *options_find(const struct options_table *table, const char *name, size_t *index_r)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        if (strcmp(option->name, name) == 0) {
            if (index_r != NULL) {
                *index_r = i;
            }
            return option;
        }
    }
    return NULL;
}

// Begins an error with the value, if it may be seen.
static void begin_error(const struct reading *reading)
{
    size_t length = strlen(reading->text);
    if (reading->hidden || (reading->option->flags & PH_OPTION_SECRET) != 0) {
        buffer_text(reading->error, "the value (not shown)");
    } else if (length == 0) {
        buffer_text(reading->error, "an empty value");
    } else {
        size_t cut = utf8_cut(reading->text, length, 80);
        buffer_printf(reading->error, "\"%.*s%s\"", (int)cut, reading->text, cut < length ? "…" : "");
    }
}

static bool refuse(const struct reading *reading, const char *what)
{
    begin_error(reading);
    buffer_printf(reading->error, " %s; expected ", what);
    options_write_expected(reading->option, reading->error);
    return false;
}

static bool no_memory(const struct reading *reading)
{
    buffer_text(reading->error, "all values together are too long");
    return false;
}

static bool in_range(const struct ph_option *option, int64_t value)
{
    return (option->minimum == 0 && option->maximum == 0) || (value >= option->minimum && value <= option->maximum);
}

static char *under_folder(const struct reading *reading, const char *path)
{
    if ((reading->option->flags & PH_OPTION_PATH) == 0 || path[0] == '/' || path[0] == '\0' ||
        reading->folder == NULL || strcmp(reading->folder, ".") == 0) {
        return arena_strdup(reading->arena, path);
    }
    size_t length = strlen(reading->folder);
    const char *slash = length > 0 && reading->folder[length - 1] == '/' ? "" : "/";
    return arena_printf(reading->arena, "%s%s%s", reading->folder, slash, path);
}

static bool store_text(const struct reading *reading, const char *text)
{
    const char *value = under_folder(reading, text);
    if (value == NULL) {
        return no_memory(reading);
    }
    memcpy(reading->member, &value, sizeof value);
    return true;
}

static bool read_text(const struct reading *reading)
{
    if (reading->text[0] == '\0' && (reading->option->flags & PH_OPTION_REQUIRED) != 0) {
        return refuse(reading, "is not enough");
    }
    return store_text(reading, reading->text);
}

static bool read_url(const struct reading *reading)
{
    const char *text = reading->text;
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
    if (scheme == 0 || strcspn(text + scheme, "/?#") == 0) {
        return refuse(reading, "is not an absolute URL");
    }
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("<>\"\\^`{|}", *at) != NULL) {
            return refuse(reading, "holds characters that no URL may hold");
        }
    }
    return store_text(reading, text);
}

static bool read_integer(const struct reading *reading)
{
    const char *digits = reading->text[0] == '-' ? reading->text + 1 : reading->text;
    uint64_t number = 0;
    bool negative = digits != reading->text;
    uint64_t limit = (uint64_t)INT64_MAX;
    if (!quantity_parse_unsigned(digits, strlen(digits), &number)) {
        return refuse(reading, "is not a whole number");
    }
    if (number > limit) {
        return refuse(reading, "is out of range");
    }
    int64_t value = negative ? -(int64_t)number : (int64_t)number;
    if (!in_range(reading->option, value)) {
        return refuse(reading, "is out of range");
    }
    memcpy(reading->member, &value, sizeof value);
    return true;
}

static bool read_size(const struct reading *reading)
{
    uint64_t value = 0;
    if (!quantity_parse_size(reading->text, strlen(reading->text), &value)) {
        return refuse(reading, "is not a size");
    }
    if (!in_range(reading->option, value > INT64_MAX ? INT64_MAX : (int64_t)value)) {
        return refuse(reading, "is out of range");
    }
    memcpy(reading->member, &value, sizeof value);
    return true;
}

static bool read_duration(const struct reading *reading)
{
    int64_t value = 0;
    if (!quantity_parse_duration(reading->text, strlen(reading->text), &value)) {
        return refuse(reading, "is not a duration");
    }
    if (!in_range(reading->option, value)) {
        return refuse(reading, "is out of range");
    }
    memcpy(reading->member, &value, sizeof value);
    return true;
}

static bool read_boolean(const struct reading *reading)
{
    bool value = strcmp(reading->text, "yes") == 0;
    if (!value && strcmp(reading->text, "no") != 0) {
        return refuse(reading, "is neither yes nor no");
    }
    memcpy(reading->member, &value, sizeof value);
    return true;
}

// Finds a choice; on false the error names the nearest.
static bool find_choice(const struct reading *reading, const char *text, uint32_t *index_r)
{
    struct suggest suggest = suggest_begin(text);
    for (uint32_t i = 0; reading->option->choices[i] != NULL; i++) {
        if (strcmp(reading->option->choices[i], text) == 0) {
            *index_r = i;
            return true;
        }
        suggest_offer(&suggest, reading->option->choices[i]);
    }
    struct reading one = *reading;
    one.text = text;
    refuse(&one, "is unknown");
    if (suggest_nearest(&suggest) != NULL && !reading->hidden) {
        buffer_printf(reading->error, "; nearest: %s", suggest_nearest(&suggest));
    }
    return false;
}

static bool read_choice(const struct reading *reading)
{
    uint32_t value = 0;
    if (!find_choice(reading, reading->text, &value)) {
        return false;
    }
    memcpy(reading->member, &value, sizeof value);
    return true;
}

static const char LIST_SEPARATORS[] = " \t,";

static bool read_item(const struct reading *reading, const char *text, size_t length, const char **item_r)
{
    char *item = arena_text(reading->arena, text, length);
    uint32_t choice = 0;
    if (item == NULL) {
        return no_memory(reading);
    }
    if (reading->option->choices != NULL && !find_choice(reading, item, &choice)) {
        return false;
    }
    *item_r = under_folder(reading, item);
    return *item_r != NULL || no_memory(reading);
}

static bool read_list(const struct reading *reading)
{
    size_t count = 0;
    for (const char *at = reading->text; *(at += strspn(at, LIST_SEPARATORS)) != '\0';
         at += strcspn(at, LIST_SEPARATORS)) {
        count++;
    }
    if (count == 0 && (reading->option->flags & PH_OPTION_REQUIRED) != 0) {
        return refuse(reading, "is not enough");
    }
    if (count > OPTIONS_LIST_MAX) {
        return refuse(reading, "has too many items");
    }
    const char **items = arena_alloc_array(reading->arena, count + 1, sizeof *items);
    if (items == NULL) {
        return no_memory(reading);
    }
    const char *at = reading->text;
    for (size_t i = 0; i < count; i++) {
        at += strspn(at, LIST_SEPARATORS);
        size_t length = strcspn(at, LIST_SEPARATORS);
        if (!read_item(reading, at, length, &items[i])) {
            return false;
        }
        at += length;
    }
    struct ph_list list = {.items = items, .count = count};
    memcpy(reading->member, &list, sizeof list);
    return true;
}

static bool read_value(const struct reading *reading)
{
    if (strlen(reading->text) > OPTIONS_TEXT_MAX) {
        buffer_printf(reading->error, "the value has more than %d bytes", OPTIONS_TEXT_MAX);
        return false;
    }
    switch (reading->option->type) {
    case PH_OPTION_TEXT:
        return read_text(reading);
    case PH_OPTION_INTEGER:
        return read_integer(reading);
    case PH_OPTION_SIZE:
        return read_size(reading);
    case PH_OPTION_DURATION:
        return read_duration(reading);
    case PH_OPTION_BOOLEAN:
        return read_boolean(reading);
    case PH_OPTION_CHOICE:
        return read_choice(reading);
    case PH_OPTION_URL:
        return read_url(reading);
    case PH_OPTION_LIST:
        return read_list(reading);
    default:
        buffer_printf(reading->error, "option %s has type %u, which this program does not know", reading->option->name,
                      (unsigned)reading->option->type);
        return false;
    }
}

bool options_set(const struct ph_option *option, const char *text, bool hidden, const char *folder, struct arena *arena,
                 void *config, struct buffer *error)
{
    struct reading reading = {.option = option,
                              .text = text,
                              .hidden = hidden,
                              .folder = folder,
                              .arena = arena,
                              .member = (char *)config + option->offset,
                              .error = error};
    return read_value(&reading);
}

size_t options_member_size(const struct ph_option *option)
{
    switch (option->type) {
    case PH_OPTION_TEXT:
    case PH_OPTION_URL:
        return sizeof(const char *);
    case PH_OPTION_INTEGER:
    case PH_OPTION_SIZE:
    case PH_OPTION_DURATION:
        return sizeof(int64_t);
    case PH_OPTION_BOOLEAN:
        return sizeof(bool);
    case PH_OPTION_CHOICE:
        return sizeof(uint32_t);
    case PH_OPTION_LIST:
        return sizeof(struct ph_list);
    default:
        return 0;
    }
}

bool options_set_default(const struct ph_option *option, const char *folder, struct arena *arena, void *config,
                         struct buffer *error)
{
    if (option->default_value != NULL) {
        return options_set(option, option->default_value, false, folder, arena, config, error);
    }
    memset((char *)config + option->offset, 0, options_member_size(option));
    return true;
}

void options_set_defaults(const struct options_table *table, struct arena *arena, void *config)
{
    struct buffer error;
    buffer_init(&error, 4096);
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        if (!options_set_default(option, NULL, arena, config, &error)) {
            fprintf(stderr, "option %s: its own default is wrong: %s\n", option->name, buffer_string(&error));
            abort();
        }
    }
    buffer_free(&error);
}

static bool same_text(const char *left, const char *right)
{
    return left == right || (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static bool same_list(const struct ph_list *left, const struct ph_list *right)
{
    if (left->count != right->count) {
        return false;
    }
    for (size_t i = 0; i < left->count; i++) {
        if (!same_text(left->items[i], right->items[i])) {
            return false;
        }
    }
    return true;
}

bool options_equal(const struct ph_option *option, const void *left, const void *right)
{
    const char *left_member = (const char *)left + option->offset;
    const char *right_member = (const char *)right + option->offset;
    if (option->type == PH_OPTION_TEXT || option->type == PH_OPTION_URL) {
        const char *texts[2];
        memcpy(&texts[0], left_member, sizeof texts[0]);
        memcpy(&texts[1], right_member, sizeof texts[1]);
        return same_text(texts[0], texts[1]);
    }
    if (option->type == PH_OPTION_LIST) {
        struct ph_list lists[2];
        memcpy(&lists[0], left_member, sizeof lists[0]);
        memcpy(&lists[1], right_member, sizeof lists[1]);
        return same_list(&lists[0], &lists[1]);
    }
    return memcmp(left_member, right_member, options_member_size(option)) == 0;
}

void options_compare(const struct options_table *table, const void *left, const void *right,
                     struct options_difference *difference_r)
{
    *difference_r = (struct options_difference){.reloadable = true};
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        if (options_equal(option, left, right)) {
            continue;
        }
        difference_r->count++;
        if ((option->flags & PH_OPTION_RELOADABLE) == 0) {
            difference_r->reloadable = false;
        }
        options_add_name(difference_r->names, sizeof difference_r->names, option->name);
    }
}

void options_add_name(char *names, size_t size, const char *name)
{
    static const char more[] = ", …";
    size_t length = strlen(names);
    size_t needed = strlen(name) + (length > 0 ? 2 : 0);
    if (length + needed + sizeof more <= size) {
        snprintf(names + length, size - length, "%s%s", length > 0 ? ", " : "", name);
    } else if (length + sizeof more <= size && (length < 3 || strcmp(names + length - 3, "…") != 0)) {
        memcpy(names + length, more, sizeof more);
    }
}

void options_wipe(const struct options_table *table, const bool *hidden, void *config)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        if ((option->flags & PH_OPTION_SECRET) == 0 && (hidden == NULL || !hidden[i])) {
            continue;
        }
        char *member = (char *)config + option->offset;
        if (option->type == PH_OPTION_TEXT || option->type == PH_OPTION_URL) {
            char *text;
            memcpy(&text, member, sizeof text);
            if (text != NULL) {
                explicit_bzero(text, strlen(text));
            }
        }
    }
}

static bool table_error(struct buffer *error, const char *name, const char *what)
{
    buffer_printf(error, "option %s: %s", name, what);
    return false;
}

static bool option_check(const struct ph_option *option, size_t config_size, struct buffer *error)
{
    size_t size = options_member_size(option);
    if (size == 0) {
        return table_error(error, option->name, "its type is unknown");
    }
    if (option->offset > config_size || config_size - option->offset < size) {
        return table_error(error, option->name, "its member is outside of the config struct");
    }
    if (option->type == PH_OPTION_CHOICE && (option->choices == NULL || option->choices[0] == NULL)) {
        return table_error(error, option->name, "it has no choices");
    }
    if (option->minimum > option->maximum) {
        return table_error(error, option->name, "its range is empty");
    }
    if (option->default_value != NULL && (option->flags & PH_OPTION_REQUIRED) != 0) {
        return table_error(error, option->name, "it is required and has a default");
    }
    if (option->help == NULL || option->help[0] == '\0') {
        return table_error(error, option->name, "it has no help");
    }
    struct arena *arena = arena_new(4 * OPTIONS_TEXT_MAX);
    char *config = xcalloc(1, config_size);
    size_t before = error->length;
    buffer_printf(error, "option %s: ", option->name);
    bool good = options_set_default(option, NULL, arena, config, error);
    if (good) {
        buffer_truncate(error, before);
    }
    free(config);
    arena_free(arena);
    return good;
}

bool options_table_check(const struct options_table *table, size_t config_size, struct buffer *error)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct ph_option *option = options_at(table, i);
        size_t first = i;
        if (option->name == NULL || option->name[0] == '\0') {
            return table_error(error, "without a name", "every option needs one");
        }
        if (strspn(option->name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(option->name)) {
            return table_error(error, option->name, "a name holds small letters, digits and _ only");
        }
        options_find(table, option->name, &first);
        if (first != i) {
            return table_error(error, option->name, "it is there twice");
        }
        if (!option_check(option, config_size, error)) {
            return false;
        }
    }
    return true;
}
