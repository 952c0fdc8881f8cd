// SPDX-License-Identifier: Apache-2.0
//
// See core/config_environment.h.
#include "core/config_environment.h"

#include "core/arena.h"
#include "core/ini.h"
#include "core/suggest.h"
#include "core/utf8.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char PREFIX[] = "POSTHOUSE_";
#define PREFIX_LENGTH (sizeof PREFIX - 1)

// A variable's name has at most so many bytes to be ours.
#define VARIABLE_MAX (PREFIX_LENGTH + 2 * INI_NAME_MAX + 2)

// Keys of these groups have a dot, which no variable's name can hold.
static const char *const GROUPS[] = {"call", "breaker", "fault"};

static char capital(char c)
{
    if (c >= 'a' && c <= 'z') {
        return (char)(c - 'a' + 'A');
    }
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

// The length of "SECTION_" at the start of `text` when it names that section, else 0.
static size_t section_prefix(const char *section, const char *text)
{
    size_t length = strlen(section);
    for (size_t i = 0; i < length; i++) {
        if (text[i] != capital(section[i])) {
            return 0;
        }
    }
    return text[length] == '_' && text[length + 1] != '\0' ? length + 1 : 0;
}

// The section that `text` names, the longest that fits; NULL: none.
static const char *find_section(const struct ini_file *file, const char *const *sections, const char *text,
                                size_t *length_r)
{
    const char *found = NULL;
    *length_r = 0;
    for (size_t i = 0; sections[i] != NULL; i++) {
        size_t length = section_prefix(sections[i], text);
        if (length > *length_r) {
            *length_r = length;
            found = sections[i];
        }
    }
    for (size_t i = 0; i < file->count; i++) {
        size_t length = section_prefix(file->sections[i].name, text);
        if (length > *length_r) {
            *length_r = length;
            found = file->sections[i].name;
        }
    }
    return found;
}

static void write_key(const char *text, char *key)
{
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        char c = text[length];
        key[length] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    key[length] = '\0';
    for (size_t i = 0; i < sizeof GROUPS / sizeof GROUPS[0]; i++) {
        size_t group = strlen(GROUPS[i]);
        // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): so long is what begins with it
        if (strncmp(key, GROUPS[i], group) == 0 && key[group] == '_') {
            key[group] = '.';
        }
    }
}

// Warns of a variable that nearly names a section.
static void look_for_slip(const char *const *sections, const char *variable, struct place place,
                          struct findings *findings)
{
    char word[SUGGEST_NAME_MAX];
    const char *rest = variable + PREFIX_LENGTH;
    size_t length = strcspn(rest, "_");
    if (length == 0 || length >= sizeof word || rest[length] == '\0') {
        return;
    }
    memcpy(word, rest, length);
    word[length] = '\0';
    struct suggest suggest = suggest_begin(word);
    for (size_t i = 0; sections[i] != NULL; i++) {
        if (suggest_distance(word, sections[i]) <= 2) {
            suggest_offer(&suggest, sections[i]);
        }
    }
    if (suggest_nearest(&suggest) != NULL) {
        findings_warning(findings, place, "names no section and sets nothing; nearest section: [%s]",
                         suggest_nearest(&suggest));
    }
}

static bool is_plain(const char *value)
{
    size_t length = strlen(value);
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        size_t step = utf8_step(value + i, length - i, &code);
        if (step == 0 || (code != '\t' && utf8_unprintable(code))) {
            return false;
        }
        i += step;
    }
    return true;
}

static void apply_one(struct ini_file *file, const char *const *sections, const char *entry, struct arena *arena,
                      struct findings *findings)
{
    char variable[VARIABLE_MAX + 1];
    char key[VARIABLE_MAX + 1] = "";
    size_t length = strcspn(entry, "=");
    if (strncmp(entry, PREFIX, PREFIX_LENGTH) != 0 || length > VARIABLE_MAX || entry[length] == '\0') {
        return;
    }
    memcpy(variable, entry, length);
    variable[length] = '\0';
    const char *value = entry + length + 1;
    const char *name = arena_printf(arena, "environment %s", variable);
    struct place place = {.file = name == NULL ? "environment" : name, .line = 0};
    size_t skip = 0;
    const char *section = find_section(file, sections, variable + PREFIX_LENGTH, &skip);
    if (section == NULL) {
        look_for_slip(sections, variable, place, findings);
        return;
    }
    write_key(variable + PREFIX_LENGTH + skip, key);
    if (!is_plain(value)) {
        findings_error(findings, place, "the value holds control characters or is not UTF-8");
    } else if (strlen(key) > INI_NAME_MAX || !ini_set(file, section, key, value, place)) {
        findings_error(findings, place, "[%s] cannot take this key", section);
    }
}

void config_environment_apply(struct ini_file *file, const char *const *sections, const char *const *environment,
                              struct arena *arena, struct findings *findings)
{
    const char *const *entries = environment != NULL ? environment : (const char *const *)environ;
    for (; entries != NULL && *entries != NULL; entries++) {
        apply_one(file, sections, *entries, arena, findings);
    }
}
