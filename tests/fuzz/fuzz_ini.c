// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes the INI reader. Whatever comes, it ends; what it keeps is within its limits and fit to be shown; and
// a file that it takes without an error reads the same when it is written again from what was read.

#include "core/buffer.h"
#include "core/expand.h"
#include "core/ini.h"
#include "core/utf8.h"

#include <assert.h>
#include <string.h>

#define FILE_LIMIT ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const struct ini_key *key)
{
    size_t length = strlen(key->value);
    assert(key->name[0] != '\0' && strlen(key->name) <= INI_NAME_MAX && length <= INI_LINE_MAX);
    assert(key->broken || utf8_valid(key->value, length));
    struct buffer error;
    buffer_init(&error, 4096);
    int secrets = expand_secrets(key->value, NULL, NULL, &error);
    assert((secrets < 0) == (error.length > 0));
    buffer_free(&error);
}

static void check_file(const struct ini_file *file)
{
    assert(file->count <= INI_SECTIONS_MAX);
    for (size_t i = 0; i < file->count; i++) {
        assert(strlen(file->sections[i].name) <= INI_NAME_MAX && file->sections[i].count <= INI_KEYS_MAX);
        for (size_t j = 0; j < file->sections[i].count; j++) {
            check_key(&file->sections[i].keys[j]);
        }
    }
}

static void check_findings(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const char *text = findings->items[i].text;
        assert(findings->items[i].line > 0 && utf8_valid(text, strlen(text)) && strchr(text, '\n') == NULL);
    }
}

static void write_again(const struct ini_file *file, struct buffer *out)
{
    for (size_t i = 0; i < file->count; i++) {
        buffer_printf(out, "[%s]\n", file->sections[i].name);
        for (size_t j = 0; j < file->sections[i].count; j++) {
            buffer_printf(out, "%s = %s\n", file->sections[i].keys[j].name, file->sections[i].keys[j].value);
        }
    }
}

static void check_round_trip(const struct ini_file *file)
{
    struct findings findings = {0};
    struct buffer text;
    struct buffer again;
    buffer_init(&text, FILE_LIMIT);
    buffer_init(&again, FILE_LIMIT);
    write_again(file, &text);
    assert(!buffer_failed(&text));
    struct ini_file *copy = ini_read_bytes("again", text.data, text.length, &findings);
    assert(findings.errors == 0);
    write_again(copy, &again);
    assert(text.length == again.length);
    assert(text.length == 0 || memcmp(text.data, again.data, text.length) == 0);
    ini_free(copy);
    findings_free(&findings);
    buffer_free(&text);
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct findings findings = {0};
    struct ini_file *file = ini_read_bytes("fuzz", (const char *)data, size, &findings);
    check_file(file);
    check_findings(&findings);
    // A value that fills its line may not fit any more when it is written with spaces around the "=".
    if (findings.errors == 0 && size < INI_LINE_MAX) {
        check_round_trip(file);
    }
    ini_free(file);
    findings_free(&findings);
    return 0;
}
