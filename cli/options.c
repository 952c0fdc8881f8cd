// SPDX-License-Identifier: Apache-2.0
//
// See options.h.
#include "cli/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit_codes.h"
#include "cli/output.h"
#include "core/quantity.h"
#include "core/suggest.h"

#define HELP_COLUMN 30

struct reading {
    const struct options_command *command;
    char **argv;
    int argc;
    int next; // the word that has not been looked at
    int code;
    struct options_list *operands;
};

int options_wrong(const char *command, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "posthouse: %s: ", command);
    output_clean(stderr, text);
    fprintf(stderr, "\n  posthouse %s --help tells more\n", command);
    return EXIT_WRONG_USAGE;
}

static void print_entry(const struct options_entry *entry)
{
    char form[128];
    const char *value = entry->argument != NULL ? entry->argument : "";
    char letter[8] = "    ";
    if (entry->letter != 0) {
        snprintf(letter, sizeof letter, "-%c, ", entry->letter);
    }
    snprintf(form, sizeof form, "%s--%s%s%s%s%s", letter, entry->name,
             entry->optional  ? " ["
             : *value != '\0' ? " "
                              : "",
             value, entry->greedy ? "…" : "", entry->optional ? "]" : "");
    // "…" has three bytes and one column.
    printf("  %-*s  %s\n", HELP_COLUMN + (entry->greedy ? 2 : 0), form, entry->help);
}

static void print_help(const struct options_command *command)
{
    printf("usage: posthouse %s%s%s%s\n\n%s\n", command->name, command->count > 0 ? " [OPTION]…" : "",
           *command->operands != '\0' ? " " : "", command->operands, command->about);
    for (size_t i = 0; i < command->count; i++) {
        print_entry(&command->entries[i]);
    }
    printf("  %-*s  %s\n", HELP_COLUMN, "-h, --help", "this text");
}

static bool fail(struct reading *reading, int code)
{
    reading->code = code;
    return false;
}

static const struct options_entry *entry_named(const struct options_command *command, const char *name, size_t length)
{
    for (size_t i = 0; i < command->count; i++) {
        if (strlen(command->entries[i].name) == length && strncmp(command->entries[i].name, name, length) == 0) {
            return &command->entries[i];
        }
    }
    return NULL;
}

static bool unknown(struct reading *reading, const char *word)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; i < reading->command->count; i++) {
        suggest_offer(&suggest, reading->command->entries[i].name);
    }
    const char *nearest = suggest_nearest(&suggest);
    return fail(reading, nearest != NULL ? options_wrong(reading->command->name,
                                                         "there is no option --%s; did you mean --%s?", name, nearest)
                                         : options_wrong(reading->command->name, "there is no option --%s", name));
}

static bool take_number(struct reading *reading, const struct options_entry *entry, const char *value)
{
    uint64_t number;
    if (!quantity_parse_unsigned(value, strlen(value), &number) || number < (uint64_t)entry->minimum ||
        number > (uint64_t)entry->maximum) {
        return fail(reading, options_wrong(reading->command->name, "--%s takes a number from %ld to %ld, not %s",
                                           entry->name, entry->minimum, entry->maximum, value));
    }
    *entry->number = (long)number;
    return true;
}

static bool list_add(struct reading *reading, struct options_list *list, const char *word)
{
    if (list->count == OPTIONS_LIST_MAX) {
        return fail(reading, options_wrong(reading->command->name, "more than %d at once", OPTIONS_LIST_MAX));
    }
    list->items[list->count++] = word;
    return true;
}

static bool take_value(struct reading *reading, const struct options_entry *entry, const char *value)
{
    if (entry->number != NULL) {
        return take_number(reading, entry, value);
    }
    if (entry->text != NULL) {
        *entry->text = value;
        return true;
    }
    if (!list_add(reading, entry->list, value)) {
        return false;
    }
    while (entry->greedy && reading->next < reading->argc && reading->argv[reading->next][0] != '-') {
        if (!list_add(reading, entry->list, reading->argv[reading->next++])) {
            return false;
        }
    }
    return true;
}

// `value` is what stood behind "=", or NULL.
static bool take(struct reading *reading, const struct options_entry *entry, const char *value)
{
    if (entry->given != NULL) {
        *entry->given = true;
    }
    if (entry->flag != NULL) {
        *entry->flag = true;
        return value == NULL ||
               fail(reading, options_wrong(reading->command->name, "--%s takes no value", entry->name));
    }
    const char *next = value == NULL && reading->next < reading->argc ? reading->argv[reading->next] : NULL;
    if (value == NULL && entry->optional &&
        (next == NULL || next[0] == '\0' || strspn(next, "0123456789") != strlen(next))) {
        return true;
    }
    if (value == NULL && next == NULL) {
        return fail(reading,
                    options_wrong(reading->command->name, "--%s needs a value: %s", entry->name, entry->argument));
    }
    reading->next += value == NULL;
    return take_value(reading, entry, value != NULL ? value : next);
}

static bool read_long(struct reading *reading, const char *word)
{
    const size_t length = strcspn(word + 2, "=");
    const struct options_entry *entry = entry_named(reading->command, word + 2, length);
    if (entry == NULL && strcmp(word, "--help") == 0) {
        print_help(reading->command);
        return fail(reading, EXIT_GOOD);
    }
    return entry != NULL ? take(reading, entry, word[2 + length] == '=' ? word + 3 + length : NULL)
                         : unknown(reading, word);
}

// One letter a word, its value in the next: "-c FILE".
static bool read_short(struct reading *reading, const char *word)
{
    for (size_t i = 0; i < reading->command->count && word[2] == '\0'; i++) {
        if (reading->command->entries[i].letter == word[1]) {
            return take(reading, &reading->command->entries[i], NULL);
        }
    }
    if (strcmp(word, "-h") == 0) {
        print_help(reading->command);
        return fail(reading, EXIT_GOOD);
    }
    return fail(reading, options_wrong(reading->command->name, "there is no option %s", word));
}

static bool read_operand(struct reading *reading, const char *word)
{
    if (reading->operands == NULL || reading->operands->count == reading->command->operands_max) {
        return fail(reading, options_wrong(reading->command->name, "%s is one word too many", word));
    }
    return list_add(reading, reading->operands, word);
}

static bool read_words(struct reading *reading)
{
    bool ended = false; // by "--"
    bool good = true;
    while (good && reading->next < reading->argc) {
        const char *word = reading->argv[reading->next++];
        if (ended || word[0] != '-' || word[1] == '\0') {
            good = read_operand(reading, word);
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else {
            good = word[1] == '-' ? read_long(reading, word) : read_short(reading, word);
        }
    }
    return good;
}

bool options_read(const struct options_command *command, int argc, char **argv, struct options_list *operands_r,
                  int *code_r)
{
    struct reading reading = {.command = command, .argc = argc, .argv = argv, .next = 1, .operands = operands_r};
    if (operands_r != NULL) {
        operands_r->count = 0;
    }
    bool good = read_words(&reading);
    if (good && operands_r != NULL && operands_r->count < command->operands_min) {
        good = fail(&reading, options_wrong(command->name, "something is missing: %s", command->operands));
    }
    *code_r = reading.code;
    return good;
}
