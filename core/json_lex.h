// SPDX-License-Identifier: Apache-2.0
//
// The pieces of a JSON document, read one after the other: what core/json_read.c makes jansson's values of and
// plugins/aws/tree.c a tree. Strict in what it takes (see core/json_read.h). Complaints are words of this program, never the
// document's. Pure functions over the struct, any thread.
#ifndef CORE_JSON_LEX_H
#define CORE_JSON_LEX_H

#include <stdbool.h>
#include <stddef.h>

/// Arrays and objects within each other.
#define JSON_LEX_DEPTH 32

/// A document that is being read. Text, length and flags are the caller's to set, the rest begins as zero; free `scratch`
/// with free() at the end.
struct json_lex {
    const char *text;
    size_t length;
    size_t at;
    unsigned depth;
    char *scratch;     ///< where strings with escapes are put together; as long as the document
    const char *error; ///< the first complaint, or NULL: none, or no memory
    size_t error_at;
};

/// Bytes of a string, in the document or in the scratch.
struct json_piece {
    const char *data;
    size_t length;
};

/// Notes the first complaint. Always NULL, so that it can be returned.
void *json_lex_complain_at(struct json_lex *lex, size_t at, const char *what);

/// Complains of the next byte, or of the end where there is none.
void *json_lex_complain(struct json_lex *lex, const char *what);

/// The next byte, -1 at the end.
static inline int json_lex_peek(const struct json_lex *lex)
{
    return lex->at < lex->length ? (unsigned char)lex->text[lex->at] : -1;
}

/// Moves over white space, to the next byte.
static inline int json_lex_space(struct json_lex *lex)
{
    int byte = json_lex_peek(lex);
    while (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t') {
        lex->at++;
        byte = json_lex_peek(lex);
    }
    return byte;
}

// Those that follow return false with a complaint, or without one when there is no memory.

/// Reads a string, from its quote on. The piece is good until the next one is read.
bool json_lex_string(struct json_lex *lex, bool allow_nul, struct json_piece *piece_r);

/// Reads the name of a member (without NUL), and the colon behind it.
bool json_lex_name(struct json_lex *lex, struct json_piece *name_r);

/// Moves over a number; `whole_r`: without fraction and exponent.
bool json_lex_number(struct json_lex *lex, bool *whole_r);

/// Moves over true, false or null.
bool json_lex_word(struct json_lex *lex, const char *word);

/// One level deeper; `depth` is the caller's to take back.
bool json_lex_enter(struct json_lex *lex);

/// Whether a container that has just been opened is empty; takes its end then.
bool json_lex_empty(struct json_lex *lex, char close);

/// After an entry: true at a comma, which is taken. False otherwise; `ended_r` tells a taken `close` from a complaint.
bool json_lex_more(struct json_lex *lex, char close, bool *ended_r);

#endif
