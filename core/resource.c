// SPDX-License-Identifier: Apache-2.0
//
// See core/resource.h.
#include "core/resource.h"
#include "core/buffer.h"
#include "core/options.h"
#include <string.h>

#define NAME_MAX_LENGTH 64

static bool is(const char *name, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(name, word, length) == 0;
}

// What is between the braces.
static struct resource_piece placeholder(const char *name, size_t length)
{
    static const char secret[] = "secret:";
    const size_t prefix = sizeof secret - 1;
    struct resource_piece piece = {.part = RESOURCE_OPTION, .text = name, .length = length};
    if (is(name, length, "partition")) {
        piece.part = RESOURCE_PARTITION;
    } else if (is(name, length, "region")) {
        piece.part = RESOURCE_REGION;
    } else if (is(name, length, "account")) {
        piece.part = RESOURCE_ACCOUNT;
    } else if (is(name, length, "key")) {
        piece.part = RESOURCE_KEY;
    } else if (is(name, length, "secret")) {
        piece = (struct resource_piece){RESOURCE_SECRET, "", 0};
    } else if (length > prefix && memcmp(name, secret, prefix) == 0) {
        piece = (struct resource_piece){RESOURCE_SECRET, name + prefix, length - prefix};
    } else if (length > 1 && name[length - 1] == '/') {
        piece.part = RESOURCE_LAST;
        piece.length = length - 1;
    } else if (length == 0) {
        piece.part = RESOURCE_BROKEN;
    }
    return piece;
}

bool resource_next(const char **at, struct resource_piece *piece_r)
{
    const char *from = *at;
    if (*from == '\0') {
        return false;
    }
    if (*from != '{') {
        size_t length = strcspn(from, "{}");
        *piece_r = (struct resource_piece){RESOURCE_TEXT, from, length};
        if (from[length] == '}') {
            piece_r->part = RESOURCE_BROKEN;
            length = strlen(from);
        }
        *at = from + length;
        return true;
    }
    size_t length = strcspn(from + 1, "{}");
    if (from[1 + length] != '}') {
        *piece_r = (struct resource_piece){RESOURCE_BROKEN, from, strlen(from)};
        *at = from + strlen(from);
        return true;
    }
    *piece_r = placeholder(from + 1, length);
    *at = from + length + 2;
    return true;
}

static bool check_option(const struct resource_piece *piece, const struct options_table *table, struct buffer *error)
{
    char name[NAME_MAX_LENGTH + 1] = "";
    if (piece->length <= NAME_MAX_LENGTH) {
        memcpy(name, piece->text, piece->length);
        name[piece->length] = '\0';
    }
    const struct ph_option *option = options_find(table, name, NULL);
    if (option == NULL) {
        buffer_printf(error, "{%.*s} is no option of the plugin", (int)piece->length, piece->text);
        return false;
    }
    if ((option->flags & PH_OPTION_SECRET) != 0) {
        buffer_printf(error, "{%s} is a secret", name);
        return false;
    }
    if (option->type != PH_OPTION_TEXT && option->type != PH_OPTION_URL &&
        (option->type != PH_OPTION_LIST || piece->part == RESOURCE_LAST)) {
        buffer_printf(error, "{%s} is neither a text nor a URL nor a list", name);
        return false;
    }
    return true;
}

bool resource_check(const char *resource, const struct options_table *table, struct buffer *error)
{
    struct resource_piece piece;
    for (const char *at = resource; resource_next(&at, &piece);) {
        if (piece.part == RESOURCE_BROKEN) {
            buffer_text(error, "a brace without its other");
            return false;
        }
        if ((piece.part == RESOURCE_OPTION || piece.part == RESOURCE_LAST) && !check_option(&piece, table, error)) {
            return false;
        }
    }
    return true;
}

bool resource_subject(const char *resource, struct resource_piece *piece_r)
{
    for (const char *at = resource; resource_next(&at, piece_r);) {
        if (piece_r->part == RESOURCE_OPTION || piece_r->part == RESOURCE_LAST || piece_r->part == RESOURCE_SECRET ||
            piece_r->part == RESOURCE_KEY) {
            return true;
        }
    }
    return false;
}
