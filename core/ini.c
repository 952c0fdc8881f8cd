// SPDX-License-Identifier: Apache-2.0
//
// See core/ini.h. The reader works line by line; inih sees "[name]" and "name=" and calls back with what it
// understood, and the value is taken from the line that the reader stands on.
#include "core/ini.h"

#include "core/utf8.h"
#include "core/xalloc.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct ini_file *file;
    struct findings *findings;
    const char *data; ///< what is left to read
    size_t length;
    unsigned line;     ///< of the line that was read last, from 1
    bool carriage;     ///< CR LF was reported
    bool in_section;   ///< keys go into the last section of the file
    bool outside_told; ///< a key before the first section was reported
    const char *value; ///< of the present key
    size_t value_length;
    bool broken;
};

struct span {
    const char *text;
    size_t length;
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct span trimmed(struct span span)
{
    while (span.length > 0 && is_blank(span.text[0])) {
        span.text++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.text[span.length - 1])) {
        span.length--;
    }
    return span;
}

static struct place here(const struct reader *reader)
{
    return (struct place){.file = reader->file->path, .line = reader->line};
}

// A name or a piece of a line as an error may show it.
static int shown(struct span span)
{
    return (int)utf8_cut(span.text, span.length, 60);
}

static struct span next_line(struct reader *reader)
{
    const char *end = memchr(reader->data, '\n', reader->length);
    struct span line = {reader->data, end == NULL ? reader->length : (size_t)(end - reader->data)};
    size_t taken = line.length + (end != NULL);
    reader->data += taken;
    reader->length -= taken;
    reader->line++;
    if (line.length > 0 && line.text[line.length - 1] == '\r') {
        line.length--;
        if (!reader->carriage) {
            findings_error(reader->findings, here(reader),
                           "the line ends with CR LF, as on Windows; save the file with LF alone");
            reader->carriage = true;
        }
    }
    return line;
}

// Reports bytes that have no place in a line; true when there are none.
static bool bytes_are_good(struct reader *reader, struct span line)
{
    for (size_t i = 0; i < line.length;) {
        uint32_t code = 0;
        size_t step = utf8_step(line.text + i, line.length - i, &code);
        if (step == 0) {
            findings_error(reader->findings, here(reader),
                           "byte %zu (0x%02x) is not valid UTF-8; save the file as UTF-8", i + 1,
                           (unsigned)(unsigned char)line.text[i]);
            return false;
        }
        if (code == 0) {
            findings_error(reader->findings, here(reader), "byte %zu is NUL; a value cannot hold it", i + 1);
            return false;
        }
        if (code != '\t' && utf8_unprintable(code)) {
            findings_error(reader->findings, here(reader), "byte %zu is a control character (U+%04X); remove it", i + 1,
                           (unsigned)code);
            return false;
        }
        i += step;
    }
    return true;
}

static struct ini_section *append_section(struct ini_file *file, char *name, struct place place)
{
    if (file->count == file->capacity) {
        file->capacity = file->capacity == 0 ? 8 : 2 * file->capacity;
        file->sections = xrealloc_array(file->sections, file->capacity, sizeof *file->sections);
    }
    file->sections[file->count] = (struct ini_section){.name = name, .place = place};
    file->count++;
    return &file->sections[file->count - 1];
}

static void append_key(struct ini_section *section, struct ini_key key)
{
    if (section->count == section->capacity) {
        section->capacity = section->capacity == 0 ? 8 : 2 * section->capacity;
        section->keys = xrealloc_array(section->keys, section->capacity, sizeof *section->keys);
    }
    section->keys[section->count] = key;
    section->count++;
}

static void add_section(struct reader *reader, struct span span)
{
    struct ini_file *file = reader->file;
    if (file->count == INI_SECTIONS_MAX) {
        findings_error(reader->findings, here(reader), "more than %d sections; take some out", INI_SECTIONS_MAX);
        return;
    }
    char *name = xstrndup(span.text, span.length);
    const struct ini_section *first = ini_section_find(file, name);
    if (first != NULL) {
        findings_error(reader->findings, here(reader), "[%s] is there already, on line %u; make one section of both",
                       name, first->place.line);
    }
    bool repeated = first != NULL;
    append_section(file, name, here(reader))->repeated = repeated;
    reader->in_section = true;
}

static bool holds_any(struct span span, const char *bytes)
{
    for (size_t i = 0; i < span.length; i++) {
        if (strchr(bytes, span.text[i]) != NULL) {
            return true;
        }
    }
    return false;
}

// Reads "[name]". True: inih shall see it too.
static bool read_section(struct reader *reader, struct span line)
{
    reader->in_section = false;
    reader->outside_told = true; // the keys that follow a broken heading are no further errors
    const char *end = memchr(line.text, ']', line.length);
    if (end == NULL) {
        findings_error(reader->findings, here(reader), "\"]\" is missing after the section's name");
        return false;
    }
    struct span name = {line.text + 1, (size_t)(end - line.text) - 1};
    struct span rest = trimmed((struct span){end + 1, line.length - name.length - 2});
    if (name.length == 0) {
        findings_error(reader->findings, here(reader), "the section has no name");
        return false;
    }
    if (name.length > INI_NAME_MAX) {
        findings_error(reader->findings, here(reader), "the section's name has %zu bytes; at most %d are allowed",
                       name.length, INI_NAME_MAX);
        return false;
    }
    if (holds_any(name, "[;#=\t")) {
        findings_error(reader->findings, here(reader), "the section's name \"%.*s\" holds one of [ ; # = or a tab",
                       shown(name), name.text);
        return false;
    }
    if (rest.length > 0 && rest.text[0] != ';' && rest.text[0] != '#') {
        findings_error(reader->findings, here(reader), "text after \"]\": put keys on lines of their own");
        return false;
    }
    add_section(reader, name);
    return reader->in_section;
}

static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
              c == '-')) {
            return false;
        }
    }
    return name.length > 0;
}

// The name before "=", or an empty span after an error.
static struct span read_name(struct reader *reader, struct span line)
{
    const char *equals = memchr(line.text, '=', line.length);
    if (equals == NULL) {
        const char *hint = memchr(line.text, ':', line.length) == NULL ? "" : "; \":\" does not separate them here";
        findings_error(reader->findings, here(reader), "expected \"key = value\"%s", hint);
        return (struct span){line.text, 0};
    }
    struct span name = trimmed((struct span){line.text, (size_t)(equals - line.text)});
    if (name.length == 0) {
        findings_error(reader->findings, here(reader), "no key before \"=\"");
    } else if (!is_name(name)) {
        findings_error(reader->findings, here(reader),
                       "\"%.*s\" cannot be a key; keys are letters, digits, \"_\", \".\" and \"-\"", shown(name),
                       utf8_valid(name.text, name.length) ? name.text : "?");
        name.length = 0;
    } else if (name.length > INI_NAME_MAX) {
        findings_error(reader->findings, here(reader), "the key has %zu bytes; at most %d are allowed", name.length,
                       INI_NAME_MAX);
        name.length = 0;
    }
    return name;
}

static bool holds_comment(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((value.text[i] == ';' || value.text[i] == '#') && is_blank(i == 0 ? ' ' : value.text[i - 1])) {
            return true;
        }
    }
    return false;
}

// Reads "key = value". True: inih shall see it too; `name_r` is the key.
static bool read_key(struct reader *reader, struct span line, struct span *name_r)
{
    *name_r = read_name(reader, line);
    if (name_r->length == 0) {
        return false;
    }
    if (!reader->in_section) {
        if (!reader->outside_told) {
            findings_error(reader->findings, here(reader), "\"%.*s\" stands before any section; begin with [section]",
                           shown(*name_r), name_r->text);
            reader->outside_told = true;
        }
        return false;
    }
    const char *equals = memchr(line.text, '=', line.length);
    struct span value = trimmed((struct span){equals + 1, line.length - (size_t)(equals - line.text) - 1});
    if (holds_comment(value)) {
        findings_error(reader->findings, here(reader),
                       "%.*s: \" ;\" or \" #\" in a value may be a comment or not; put comments on lines of their own "
                       "(a value that needs it can come from ${ENV})",
                       shown(*name_r), name_r->text);
        reader->broken = true;
    }
    reader->value = value.text;
    reader->value_length = value.length;
    return true;
}

// Reads one line into `out` for inih. False: inih need not see it.
static bool read_line(struct reader *reader, char *out, size_t size)
{
    struct span line = next_line(reader);
    struct span content = trimmed(line);
    if (line.length > INI_LINE_MAX) {
        findings_error(reader->findings, here(reader), "the line has %zu bytes; at most %d are allowed", line.length,
                       INI_LINE_MAX);
        return false;
    }
    reader->broken = !bytes_are_good(reader, line);
    if (content.length == 0 || content.text[0] == ';' || content.text[0] == '#') {
        return false;
    }
    if (content.text != line.text) {
        findings_error(
            reader->findings, here(reader),
            "the line is indented; remove the white space before it (a value cannot go on in a second line)");
        return false;
    }
    struct span name;
    if (content.text[0] == '[') {
        if (reader->broken) {
            reader->in_section = false;
            reader->outside_told = true;
            return false;
        }
        if (!read_section(reader, content)) {
            return false;
        }
        snprintf(out, size, "[%s]\n", reader->file->sections[reader->file->count - 1].name);
        return true;
    }
    if (!read_key(reader, content, &name)) {
        return false;
    }
    snprintf(out, size, "%.*s=\n", (int)name.length, name.text);
    return true;
}

// inih's fgets.
static char *feed(char *out, int size, void *reader_)
{
    struct reader *reader = reader_;
    // Names are at most INI_NAME_MAX bytes, so this cannot be too short for what read_line() writes.
    assert(size > INI_NAME_MAX + 8);
    while (reader->length > 0) {
        if (read_line(reader, out, (size_t)size)) {
            return out;
        }
    }
    return NULL;
}

static void add_key(struct reader *reader, struct ini_section *section, const char *name)
{
    const struct ini_key *first = ini_key_find(section, name);
    if (first != NULL) {
        findings_error(reader->findings, here(reader), "%s is there already, on line %u; keep one of them", name,
                       first->place.line);
        return;
    }
    if (section->count == INI_KEYS_MAX) {
        findings_error(reader->findings, here(reader), "[%s] has more than %d keys; take some out", section->name,
                       INI_KEYS_MAX);
        reader->in_section = false;
        reader->outside_told = true;
        return;
    }
    append_key(section, (struct ini_key){.name = xstrdup(name),
                                         .value = xstrndup(reader->value, reader->value_length),
                                         .place = here(reader),
                                         .broken = reader->broken});
}

static int on_key(void *reader_, const char *section_name, const char *name, const char *value)
{
    struct reader *reader = reader_;
    (void)value; // inih would have cut it; the reader kept it whole
    struct ini_section *section = &reader->file->sections[reader->file->count - 1];
    assert(strcmp(section->name, section_name) == 0);
    add_key(reader, section, name);
    return 1;
}

// What the first bytes tell. False: not a text that can be read at all.
static bool skip_mark(struct reader *reader)
{
    struct place place = {.file = reader->file->path, .line = 1};
    if (reader->length >= 2 && (memcmp(reader->data, "\xff\xfe", 2) == 0 || memcmp(reader->data, "\xfe\xff", 2) == 0)) {
        findings_error(reader->findings, place, "the file is UTF-16; save it as UTF-8");
        return false;
    }
    if (reader->length >= 3 && memcmp(reader->data, "\xef\xbb\xbf", 3) == 0) {
        findings_error(reader->findings, place, "the file begins with a byte order mark; save it as UTF-8 without one");
        reader->data += 3;
        reader->length -= 3;
    }
    return true;
}

struct ini_file *ini_read_bytes(const char *path, const char *data, size_t length, struct findings *findings)
{
    struct ini_file *file = xcalloc(1, sizeof *file);
    file->path = xstrdup(path);
    struct reader reader = {.file = file, .findings = findings, .data = data, .length = length};
    if (length > 0 && skip_mark(&reader)) {
        int failed = ini_parse_stream(feed, &reader, on_key, &reader);
        // The reader hands over nothing that inih could refuse.
        assert(failed == 0);
        (void)failed;
    }
    return file;
}

// Reads until the end of the file or one byte beyond the limit; NULL with errno.
static char *read_whole(int descriptor, size_t limit, size_t *length_r)
{
    char *data = xmalloc(limit + 1);
    size_t length = 0;
    while (length <= limit) {
        ssize_t got = read(descriptor, data + length, limit + 1 - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            int error = errno;
            free(data);
            errno = error;
            return NULL;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    *length_r = length;
    return data;
}

struct ini_file *ini_read(const char *path, size_t limit, struct findings *findings)
{
    struct place place = {.file = path, .line = 0};
    size_t length = 0;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    char *data = descriptor < 0 ? NULL : read_whole(descriptor, limit, &length);
    if (data == NULL) {
        findings_error(findings, place, "cannot be read: %s", strerror(errno));
    } else if (length > limit) {
        findings_error(findings, place, "is longer than %zu bytes; this is no configuration", limit);
        length = 0;
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    struct ini_file *file = ini_read_bytes(path, data, data == NULL ? 0 : length, findings);
    if (data != NULL) {
        explicit_bzero(data, length);
    }
    free(data);
    return file;
}

struct ini_section *ini_section_find(const struct ini_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (strcmp(file->sections[i].name, name) == 0) {
            return &file->sections[i];
        }
    }
    return NULL;
}

struct ini_key *ini_key_find(const struct ini_section *section, const char *name)
{
    for (size_t i = 0; section != NULL && i < section->count; i++) {
        if (strcmp(section->keys[i].name, name) == 0) {
            return &section->keys[i];
        }
    }
    return NULL;
}

bool ini_set(struct ini_file *file, const char *section_name, const char *key_name, const char *value,
             struct place place)
{
    struct ini_section *section = ini_section_find(file, section_name);
    if (section == NULL) {
        if (file->count == INI_SECTIONS_MAX) {
            return false;
        }
        section = append_section(file, xstrdup(section_name), place);
    }
    struct ini_key *key = ini_key_find(section, key_name);
    if (key == NULL) {
        if (section->count == INI_KEYS_MAX) {
            return false;
        }
        append_key(section, (struct ini_key){.name = xstrdup(key_name), .value = xstrdup(value), .place = place});
        return true;
    }
    explicit_bzero(key->value, strlen(key->value));
    free(key->value);
    key->value = xstrdup(value);
    key->place = place;
    key->broken = false;
    return true;
}

void ini_free(struct ini_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        struct ini_section *section = &file->sections[i];
        for (size_t j = 0; j < section->count; j++) {
            explicit_bzero(section->keys[j].value, strlen(section->keys[j].value));
            free(section->keys[j].value);
            free(section->keys[j].name);
        }
        free(section->keys);
        free(section->name);
    }
    free(file->sections);
    free(file->path);
    free(file);
}
