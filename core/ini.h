// SPDX-License-Identifier: Apache-2.0
//
// Reads an INI file into a list of sections and keys, each with its line, through inih.
//
// inih as Debian builds it cuts lines at 200 bytes and section names at 49, joins an indented line to the one
// before, takes " ;" as the begin of a comment, drops empty sections and tells no line numbers. So the reader
// that feeds it looks at each line first: it hands over only what inih reads as we do, keeps the values
// itself, and refuses with file and line what could be understood in two ways:
//
//   - "[section]" and "key = value" begin at the start of their lines. A comment is a line that begins with
//     ";" or "#"; it may also follow a section's "]".
//   - " ;" and " #" inside a value are refused: comment or value?
//   - Section and key names have at most 49 bytes, lines at most INI_LINE_MAX.
//   - UTF-8 without a byte order mark, no control characters, lines end with LF.
//   - No section and no key twice.
//
// Every error is collected, none ends the reading. Not for several threads at once.
#ifndef CORE_INI_H
#define CORE_INI_H

#include "core/findings.h"
#include <stdbool.h>
#include <stddef.h>

#define INI_NAME_MAX 49
#define INI_LINE_MAX 16384
#define INI_SECTIONS_MAX 256
#define INI_KEYS_MAX 1024 ///< of one section

struct ini_key {
    char *name;
    char *value; ///< as written, without the white space around it; may be empty
    struct place place;
    bool broken; ///< an error was found in its value: it is there, but must not be used
};

struct ini_section {
    char *name;
    struct place place;
    struct ini_key *keys;
    size_t count;
    size_t capacity;
    bool repeated; ///< an earlier section has the same name: an error was added, its keys do not count
};

struct ini_file {
    char *path;
    struct ini_section *sections; ///< in the order of the file, empty ones too
    size_t count;
    size_t capacity;
};

/// Reads a file of at most `limit` bytes. Never NULL: what could be read, possibly nothing. The places'
/// `file` is the result's path.
struct ini_file *ini_read(const char *path, size_t limit, struct findings *findings)
    __attribute__((warn_unused_result));

/// The same from memory; `path` is for the places.
struct ini_file *ini_read_bytes(const char *path, const char *data, size_t length, struct findings *findings)
    __attribute__((warn_unused_result));

/// The section of that name (the first), or NULL; the key of that name, or NULL.
struct ini_section *ini_section_find(const struct ini_file *file, const char *name);
struct ini_key *ini_key_find(const struct ini_section *section, const char *name);

/// Sets a key, in place of what the file says; makes the section where there is none. `place.file` is
/// borrowed. False: a limit is reached.
bool ini_set(struct ini_file *file, const char *section, const char *key, const char *value, struct place place);

/// Overwrites all values and frees the file. NULL is allowed.
void ini_free(struct ini_file *file);

#endif
