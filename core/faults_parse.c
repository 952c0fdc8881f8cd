// SPDX-License-Identifier: Apache-2.0
//
// Reads the `fault.*` keys of core/faults.h, and writes rules back as text. A rule is a list of words with
// their values, apart by commas; each word is one row of a table.
#include "core/buffer.h"
#include "core/faults.h"
#include "core/quantity.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "fault."
#define THROTTLED_DELAY_MS 100
#define DURATION_MAX_MS 86400000

enum shape { SHAPE_SHARE, SHAPE_SHARE_AND_DELAY, SHAPE_RANGE };

static const struct word {
    const char *name;
    size_t offset; ///< of the share or of the range's start
    size_t second; ///< of the delay or of the range's end
    enum shape shape;
    bool exclusive; ///< its share and those of the others may not pass 100% together
} words[] = {
    {"latency", offsetof(struct fault_rule, latency_from_ms), offsetof(struct fault_rule, latency_to_ms), SHAPE_RANGE,
     false},
    {"transient", offsetof(struct fault_rule, transient), 0, SHAPE_SHARE, true},
    {"uncertain", offsetof(struct fault_rule, uncertain), 0, SHAPE_SHARE, true},
    {"throttled", offsetof(struct fault_rule, throttled), offsetof(struct fault_rule, throttled_delay_ms),
     SHAPE_SHARE_AND_DELAY, true},
    {"hang", offsetof(struct fault_rule, hang), 0, SHAPE_SHARE, true},
    {"unavailable", offsetof(struct fault_rule, unavailable), 0, SHAPE_SHARE, true},
    {"duplicate", offsetof(struct fault_rule, duplicate), 0, SHAPE_SHARE, false},
    {"partial", offsetof(struct fault_rule, partial), 0, SHAPE_SHARE, false},
    {"down", offsetof(struct fault_rule, down_from_ms), offsetof(struct fault_rule, down_to_ms), SHAPE_RANGE, false},
};
#define WORD_COUNT (sizeof words / sizeof words[0])

struct parser {
    const char *value;
    const char *at;
    char *error;
    size_t error_size;
};

/// A run of bytes without spaces and commas.
struct token {
    const char *text;
    size_t length;
};

static bool fail(struct parser *parser, const struct token *token, const char *expected)
{
    size_t column = (size_t)(token->text - parser->value) + 1;
    if (token->length == 0) {
        snprintf(parser->error, parser->error_size, "column %zu: expected %s", column, expected);
    } else {
        snprintf(parser->error, parser->error_size, "column %zu: expected %s, got \"%.*s\"", column, expected,
                 (int)(token->length < 40 ? token->length : 40), token->text);
    }
    return false;
}

static struct token next_token(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t");
    struct token token = {parser->at, strcspn(parser->at, " \t,")};
    parser->at += token.length;
    return token;
}

// True when another token stands before the next comma.
static bool has_more(const struct parser *parser)
{
    const char *next = parser->at + strspn(parser->at, " \t");
    return *next != '\0' && *next != ',';
}

static bool parse_duration(const char *text, size_t length, int64_t *milliseconds_r)
{
    return quantity_parse_duration(text, length, milliseconds_r) && *milliseconds_r <= DURATION_MAX_MS;
}

// "5ms..80ms", or one duration for both ends.
static bool parse_range(const struct token *token, int64_t *from_r, int64_t *to_r)
{
    const char *dots = memmem(token->text, token->length, "..", 2);
    if (dots == NULL) {
        bool read = parse_duration(token->text, token->length, from_r);
        *to_r = *from_r;
        return read;
    }
    size_t left = (size_t)(dots - token->text);
    return parse_duration(token->text, left, from_r) && parse_duration(dots + 2, token->length - left - 2, to_r) &&
           *from_r <= *to_r;
}

static bool read_range(struct parser *parser, const struct word *word, struct fault_rule *rule)
{
    struct token token = next_token(parser);
    int64_t from = 0;
    int64_t to = 0;
    if (!parse_range(&token, &from, &to)) {
        return fail(parser, &token, "a range of times such as 5ms..80ms");
    }
    if (to == 0 || (strcmp(word->name, "down") == 0 && from == to)) {
        return fail(parser, &token, "a range of times that is not empty");
    }
    memcpy((char *)rule + word->offset, &from, sizeof from);
    memcpy((char *)rule + word->second, &to, sizeof to);
    return true;
}

static bool read_share(struct parser *parser, const struct word *word, struct fault_rule *rule)
{
    struct token token = next_token(parser);
    uint32_t share;
    if (!quantity_parse_share(token.text, token.length, &share)) {
        return fail(parser, &token, "a percentage from 0% to 100% such as 5% or 0.1%");
    }
    memcpy((char *)rule + word->offset, &share, sizeof share);
    if (word->shape != SHAPE_SHARE_AND_DELAY) {
        return true;
    }
    uint32_t delay = THROTTLED_DELAY_MS;
    if (has_more(parser)) {
        int64_t given;
        token = next_token(parser);
        if (!parse_duration(token.text, token.length, &given)) {
            return fail(parser, &token, "a time such as 200ms");
        }
        delay = (uint32_t)given;
    }
    memcpy((char *)rule + word->second, &delay, sizeof delay);
    return true;
}

static const struct word *find_word(const struct token *token)
{
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strlen(words[i].name) == token->length && memcmp(words[i].name, token->text, token->length) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

static bool read_item(struct parser *parser, struct fault_rule *rule, unsigned *seen, uint32_t *sum)
{
    struct token token = next_token(parser);
    const struct word *word = find_word(&token);
    if (word == NULL) {
        return fail(parser, &token,
                    "latency, transient, uncertain, throttled, hang, unavailable, duplicate, partial or down");
    }
    unsigned bit = 1u << (unsigned)(word - words);
    if ((*seen & bit) != 0) {
        return fail(parser, &token, "each fault once");
    }
    *seen |= bit;
    if (!(word->shape == SHAPE_RANGE ? read_range(parser, word, rule) : read_share(parser, word, rule))) {
        return false;
    }
    if (word->exclusive) {
        uint32_t share;
        memcpy(&share, (const char *)rule + word->offset, sizeof share);
        *sum += share;
    }
    if (*sum > QUANTITY_WHOLE) {
        return fail(parser, &token,
                    "transient, uncertain, throttled, hang and unavailable to be 100% together at most");
    }
    struct token rest = next_token(parser);
    return rest.length == 0 || fail(parser, &rest, "a comma");
}

static bool parse_rule(struct parser *parser, struct fault_rule *rule_r)
{
    struct fault_rule rule = {.set = true};
    unsigned seen = 0;
    uint32_t sum = 0;
    do {
        if (!read_item(parser, &rule, &seen, &sum)) {
            return false;
        }
    } while (*parser->at++ == ',');
    *rule_r = rule;
    return true;
}

static bool fail_key(char *error_r, size_t error_size, uint32_t kind, const char *name)
{
    struct buffer text;
    buffer_init(&text, 2000);
    buffer_printf(&text, "%s has no operation \"%.64s\" that takes faults; it has all, open, health", kind_name(kind),
                  name);
    for (size_t i = 0; i < operation_count; i++) {
        if (operations[i].kind == kind) {
            buffer_printf(&text, ", %s", operations[i].name);
        }
    }
    const char *string = buffer_string(&text);
    snprintf(error_r, error_size, "%s", string != NULL ? string : "unknown operation");
    buffer_free(&text);
    return false;
}

static struct fault_rule *find_rule(struct fault_settings *settings, uint32_t kind, const char *name)
{
    if (strcmp(name, "all") == 0) {
        return &settings->all;
    }
    const struct operation *operation = operation_named(kind, name);
    bool takes = operation != NULL &&
                 (operation->kind != 0 || operation->number == PH_OPEN || operation->number == PH_HEALTH);
    return takes ? &settings->rules[operation->number] : NULL;
}

bool faults_parse(struct fault_settings *settings, uint32_t kind, const char *key, const char *value, char *error_r,
                  size_t error_size)
{
    const char *name = strncmp(key, PREFIX, sizeof PREFIX - 1) == 0 ? key + sizeof PREFIX - 1 : key;
    struct parser parser = {value, value, error_r, error_size};
    if (strnlen(value, FAULTS_VALUE_MAX + 1) > FAULTS_VALUE_MAX) {
        snprintf(error_r, error_size, "the value is longer than %d bytes", FAULTS_VALUE_MAX);
        return false;
    }
    if (strcmp(name, "seed") == 0) {
        struct token token = {value, strlen(value)};
        return quantity_parse_unsigned(value, strlen(value), &settings->seed) || fail(&parser, &token, "a number");
    }
    struct fault_rule *rule = find_rule(settings, kind, name);
    if (rule == NULL) {
        return fail_key(error_r, error_size, kind, name);
    }
    if (!parse_rule(&parser, rule)) {
        return false;
    }
    settings->present = true;
    return true;
}

// --- Back to text ------------------------------------------------------------------------------------------

static void write_share(struct buffer *text, uint32_t share)
{
    buffer_printf(text, "%" PRIu32, share / 10000);
    if (share % 10000 != 0) {
        char decimals[8];
        int length = snprintf(decimals, sizeof decimals, "%04" PRIu32, share % 10000);
        while (decimals[length - 1] == '0') {
            length--;
        }
        buffer_printf(text, ".%.*s", length, decimals);
    }
    buffer_text(text, "%");
}

static void write_word(struct buffer *text, const struct word *word, const struct fault_rule *rule, bool *first)
{
    char one[QUANTITY_SIZE];
    char two[QUANTITY_SIZE];
    if (word->shape == SHAPE_RANGE) {
        int64_t from;
        int64_t to;
        memcpy(&from, (const char *)rule + word->offset, sizeof from);
        memcpy(&to, (const char *)rule + word->second, sizeof to);
        if (to > 0) {
            quantity_format_duration(from, one);
            quantity_format_duration(to, two);
            buffer_printf(text, "%s%s %s..%s", *first ? "" : ", ", word->name, one, two);
            *first = false;
        }
        return;
    }
    uint32_t share;
    memcpy(&share, (const char *)rule + word->offset, sizeof share);
    if (share > 0) {
        buffer_printf(text, "%s%s ", *first ? "" : ", ", word->name);
        write_share(text, share);
        if (word->shape == SHAPE_SHARE_AND_DELAY) {
            quantity_format_duration(rule->throttled_delay_ms, one);
            buffer_printf(text, " %s", one);
        }
        *first = false;
    }
}

static void write_rule(struct buffer *text, const char *name, const struct fault_rule *rule)
{
    if (!rule->set) {
        return;
    }
    buffer_printf(text, "; %s: ", name);
    bool first = true;
    for (size_t i = 0; i < WORD_COUNT; i++) {
        write_word(text, &words[i], rule, &first);
    }
}

char *faults_describe(const struct fault_settings *settings)
{
    struct buffer text;
    buffer_init(&text, 65536);
    buffer_printf(&text, "seed %" PRIu64, settings->seed);
    for (size_t i = 0; i < operation_count; i++) {
        write_rule(&text, operations[i].name, &settings->rules[operations[i].number]);
    }
    write_rule(&text, "all", &settings->all);
    size_t length;
    return buffer_detach(&text, &length);
}
