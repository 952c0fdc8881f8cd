// SPDX-License-Identifier: Apache-2.0
//
// See core/rights.h. Each right is expanded by itself: first the places (partition, region, account), then the values
// that its first placeholder stands for, then the text around each of them.
#include "core/rights.h"
#include "core/aws_name.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/expand.h"
#include "core/loader.h"
#include "core/options.h"
#include "core/resource.h"
#include "core/xalloc.h"
#include <stdlib.h>
#include <string.h>

#define RESOURCE_CEILING 8192
#define NAME_SIZE 80
#define KINDS 6

// What is under way for one right.
struct expansion {
    struct rights *rights;
    const struct config *config;
    const struct rights_settings *settings;
    const struct config_backend *section;
    const struct ph_right *right;
    struct resource_piece subject;
    struct aws_name places;
};

static const char *given(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static void add_note(struct rights *rights, char *note)
{
    for (size_t i = 0; i < rights->note_count; i++) {
        if (strcmp(rights->notes[i], note) == 0) {
            free(note);
            return;
        }
    }
    rights->notes = xrealloc_array(rights->notes, rights->note_count + 1, sizeof *rights->notes);
    rights->notes[rights->note_count++] = note;
}

// --- Values ------------------------------------------------------------------------------------------------

static const struct ph_option *option_of(const struct config_backend *section, const char *name, size_t length)
{
    const struct plugin *plugin = section->plugin;
    const struct options_table table = {plugin->options, plugin->descriptor.option_count, sizeof *plugin->options};
    char copy[NAME_SIZE];
    if (length >= sizeof copy) {
        return NULL;
    }
    memcpy(copy, name, length);
    copy[length] = '\0';
    return options_find(&table, copy, NULL);
}

// An option's value as one or several texts; `items_r` is borrowed. None for other types, and for what is not set.
static size_t texts_of(const struct config_backend *section, const struct ph_option *option,
                       const char *const **items_r)
{
    const char *member = (const char *)config_backend_values(section) + option->offset;
    if (option->type == PH_OPTION_LIST) {
        const struct ph_list *list = (const struct ph_list *)(const void *)member;
        *items_r = list->items;
        return list->count;
    }
    *items_r = (const char *const *)(const void *)member;
    bool is_text = option->type == PH_OPTION_TEXT || option->type == PH_OPTION_URL;
    return is_text && given(**items_r) != NULL ? 1 : 0;
}

// Whether a right's `when` is met: the option is not "no", 0 or empty.
static bool is_on(const struct config_backend *section, const char *name)
{
    const struct ph_option *option = option_of(section, name, strlen(name));
    const char *member = (const char *)config_backend_values(section) + option->offset;
    const char *const *items;
    int64_t number = 0;
    uint32_t choice = 0;
    bool yes = false;
    switch (option->type) {
    case PH_OPTION_BOOLEAN:
        memcpy(&yes, member, sizeof yes);
        return yes;
    case PH_OPTION_CHOICE:
        memcpy(&choice, member, sizeof choice);
        return choice != 0;
    case PH_OPTION_INTEGER:
    case PH_OPTION_SIZE:
    case PH_OPTION_DURATION:
        memcpy(&number, member, sizeof number);
        return number != 0;
    default:
        return config_option_is_secret(section, name) || texts_of(section, option, &items) > 0;
    }
}

// --- Places ------------------------------------------------------------------------------------------------

static void fill(char part[AWS_NAME_PART_SIZE], const char *value)
{
    if (part[0] == '\0' && given(value) != NULL && strlen(value) < AWS_NAME_PART_SIZE) {
        memcpy(part, value, strlen(value) + 1);
    }
}

static void fill_from(struct aws_name *places, const char *value)
{
    struct aws_name name;
    if (aws_name_read(value, &name)) {
        fill(places->region, name.region);
        fill(places->account, name.account);
        fill(places->partition, name.partition);
    }
}

static void fill_from_section(struct aws_name *places, const struct config_backend *section)
{
    if (section == NULL || section->plugin == NULL) {
        return;
    }
    for (size_t i = 0; i < section->plugin->descriptor.option_count; i++) {
        const struct ph_option *option = &section->plugin->options[i];
        const char *const *items;
        bool open = (option->flags & PH_OPTION_SECRET) == 0;
        size_t count = open ? texts_of(section, option, &items) : 0;
        for (size_t j = 0; j < count; j++) {
            fill_from(places, items[j]);
        }
    }
}

static void fill_from_row(struct expansion *expansion)
{
    struct resource_piece piece;
    for (const char *at = expansion->right->resource; resource_next(&at, &piece);) {
        const char *const *items;
        bool named = piece.part == RESOURCE_OPTION || piece.part == RESOURCE_LAST;
        const struct ph_option *option = named ? option_of(expansion->section, piece.text, piece.length) : NULL;
        if (option != NULL && texts_of(expansion->section, option, &items) == 1) {
            fill_from(&expansion->places, items[0]);
        }
    }
}

static void fill_from_environment(struct expansion *expansion)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fill(expansion->places.region, expand_variable(expansion->settings->environment, names[i], strlen(names[i])));
    }
}

// In the order that posthouse/plugin.h gives.
static void find_places(struct expansion *expansion)
{
    struct aws_name *places = &expansion->places;
    const struct rights_settings *settings = expansion->settings;
    const struct ph_option *region = option_of(expansion->section, "region", sizeof "region" - 1);
    const char *const *items;
    *places = (struct aws_name){.partition = ""};
    fill(places->partition, settings->partition);
    fill(places->region, settings->region);
    fill(places->account, settings->account);
    if (region != NULL && texts_of(expansion->section, region, &items) == 1) {
        fill(places->region, items[0]);
    }
    fill_from_row(expansion);
    fill_from_environment(expansion);
    for (int kind = PH_KIND_STORAGE; kind < KINDS; kind++) {
        fill_from_section(places, config_backend_of(expansion->config, (enum ph_kind)kind));
    }
    fill(places->partition, aws_name_partition(places->region));
}

// --- Resources ---------------------------------------------------------------------------------------------

static void add_need(struct expansion *expansion, const char *resource)
{
    struct rights *rights = expansion->rights;
    struct aws_name name;
    const char *region = expansion->places.region;
    if (aws_name_read(resource, &name) && name.region[0] != '\0') {
        region = name.region;
    }
    rights->needs = xrealloc_array(rights->needs, rights->count + 1, sizeof *rights->needs);
    rights->needs[rights->count++] = (struct rights_need){.section = expansion->section,
                                                          .right = expansion->right,
                                                          .resource = xstrdup(resource),
                                                          .region = xstrdup(given(region) != NULL ? region : "*")};
}

static void write_place(struct expansion *expansion, const char *value, const char *what, struct buffer *out)
{
    if (given(value) == NULL) {
        add_note(expansion->rights,
                 xasprintf("[%s] does not tell the %s, so its resources hold \"*\" instead; give --%s",
                           expansion->section->section, what, what));
    }
    buffer_text(out, given(value) != NULL ? value : "*");
}

// Text behind another; a slash at their border is not doubled.
static void write_value(struct buffer *out, const char *value)
{
    bool slash = out->length > 0 && out->data[out->length - 1] == '/';
    buffer_text(out, slash && value[0] == '/' ? value + 1 : value);
}

static void write_option(struct expansion *expansion, const struct resource_piece *piece, const char *value,
                         struct buffer *out)
{
    const char *slash = piece->part == RESOURCE_LAST ? strrchr(value, '/') : NULL;
    (void)expansion;
    write_value(out, slash != NULL ? slash + 1 : value);
}

static bool same_piece(const struct resource_piece *left, const struct resource_piece *right)
{
    return left->part == right->part && left->text == right->text;
}

// The value of an option beside the subject; NULL when it has none.
static const char *other_value(const struct expansion *expansion, const struct resource_piece *piece)
{
    const struct ph_option *option = option_of(expansion->section, piece->text, piece->length);
    const char *const *items;
    return option != NULL && texts_of(expansion->section, option, &items) > 0 ? items[0] : NULL;
}

// The resource with `value` where the subject stands.
static void expand_around(struct expansion *expansion, const char *value)
{
    struct buffer out;
    struct resource_piece piece;
    bool needed = true;
    buffer_init(&out, RESOURCE_CEILING);
    for (const char *at = expansion->right->resource; resource_next(&at, &piece);) {
        const char *text = same_piece(&piece, &expansion->subject) ? value : NULL;
        if (piece.part == RESOURCE_TEXT) {
            buffer_append(&out, piece.text, piece.length);
        } else if (piece.part == RESOURCE_PARTITION) {
            buffer_text(&out, expansion->places.partition);
        } else if (piece.part == RESOURCE_REGION) {
            write_place(expansion, expansion->places.region, "region", &out);
        } else if (piece.part == RESOURCE_ACCOUNT) {
            write_place(expansion, expansion->places.account, "account", &out);
        } else if (text != NULL && piece.part == RESOURCE_SECRET) {
            write_value(&out, text);
        } else {
            text = text != NULL ? text : other_value(expansion, &piece);
            needed = needed && text != NULL;
            write_option(expansion, &piece, text != NULL ? text : "", &out);
        }
    }
    const char *resource = buffer_string(&out);
    if (needed && resource != NULL) {
        add_need(expansion, resource);
    }
    buffer_free(&out);
}

static void expand_value_of_subject(struct expansion *expansion, const char *value)
{
    if (aws_name_is_arn(value)) {
        add_need(expansion, value);
    } else {
        expand_around(expansion, value);
    }
}

// True when another row of the table takes this secret by its prefix.
static bool taken_by_prefix(const struct expansion *expansion, const char *name)
{
    const struct plugin *plugin = expansion->section->plugin;
    for (size_t i = 0; i < plugin->descriptor.right_count; i++) {
        struct resource_piece subject;
        if (resource_subject(plugin->rights[i].resource, &subject) && subject.part == RESOURCE_SECRET &&
            subject.length > 0 && strncmp(name, subject.text, subject.length) == 0) {
            return true;
        }
    }
    return false;
}

static void expand_secrets_of(struct expansion *expansion)
{
    const struct resource_piece *subject = &expansion->subject;
    for (size_t i = 0; i < expansion->config->secret_count; i++) {
        const char *name = expansion->config->secrets[i];
        if (subject->length > 0 && strncmp(name, subject->text, subject->length) == 0) {
            expand_value_of_subject(expansion, name + subject->length);
        } else if (subject->length == 0 && !taken_by_prefix(expansion, name)) {
            expand_value_of_subject(expansion, name);
        }
    }
}

static void expand_option(struct expansion *expansion)
{
    const struct ph_option *option = option_of(expansion->section, expansion->subject.text, expansion->subject.length);
    const char *const *items;
    if (config_option_is_secret(expansion->section, option->name)) {
        add_note(expansion->rights, xasprintf("%s.%s holds a secret, so its resource is \"*\"",
                                              expansion->section->section, option->name));
        expand_around(expansion, "*");
        return;
    }
    size_t count = texts_of(expansion->section, option, &items);
    for (size_t i = 0; i < count; i++) {
        expand_value_of_subject(expansion, items[i]);
    }
}

static void expand_right(struct expansion *expansion)
{
    const struct ph_right *right = expansion->right;
    if ((right->operation == PH_SETUP && !expansion->settings->setup) ||
        (right->when != NULL && !is_on(expansion->section, right->when))) {
        return;
    }
    find_places(expansion);
    if (!resource_subject(right->resource, &expansion->subject)) {
        expand_around(expansion, "");
    } else if (expansion->subject.part == RESOURCE_SECRET) {
        expand_secrets_of(expansion);
    } else if (expansion->subject.part != RESOURCE_KEY) {
        expand_option(expansion);
    } else if (given(expansion->settings->key) != NULL) {
        expand_value_of_subject(expansion, expansion->settings->key);
    }
}

// True when the section needs an action of the service, so that the service may use a key for it.
static bool uses_service(const struct rights *rights, const struct config_backend *section, const char *service)
{
    size_t length = strlen(service);
    for (size_t i = 0; i < rights->count; i++) {
        const struct rights_need *need = &rights->needs[i];
        if (need->section == section && need->right->via == NULL &&
            strncmp(need->right->action, service, length) == 0 && need->right->action[length] == ':') {
            return true;
        }
    }
    return false;
}

static void free_need(const struct rights_need *need)
{
    free(need->resource);
    free(need->region);
}

// Leaves out rights on the key for services that are not used.
static void drop_idle_keys(struct rights *rights)
{
    size_t kept = 0;
    for (size_t i = 0; i < rights->count; i++) {
        const struct rights_need need = rights->needs[i];
        if (need.right->via == NULL || uses_service(rights, need.section, need.right->via)) {
            rights->needs[kept++] = need;
        } else {
            free_need(&need);
        }
    }
    rights->count = kept;
}

struct rights *rights_of(const struct config *config, const struct rights_settings *settings)
{
    struct rights *rights = xcalloc(1, sizeof *rights);
    for (int kind = PH_KIND_STORAGE; kind < KINDS; kind++) {
        const struct config_backend *section = config_backend_of(config, (enum ph_kind)kind);
        size_t count = section != NULL && section->plugin != NULL ? section->plugin->descriptor.right_count : 0;
        for (size_t i = 0; i < count; i++) {
            struct expansion expansion = {.rights = rights,
                                          .config = config,
                                          .settings = settings,
                                          .section = section,
                                          .right = &section->plugin->rights[i]};
            expand_right(&expansion);
        }
    }
    drop_idle_keys(rights);
    return rights;
}

void rights_free(struct rights *rights)
{
    if (rights == NULL) {
        return;
    }
    for (size_t i = 0; i < rights->count; i++) {
        free_need(&rights->needs[i]);
    }
    for (size_t i = 0; i < rights->note_count; i++) {
        free(rights->notes[i]);
    }
    free(rights->needs);
    free(rights->notes);
    free(rights);
}
