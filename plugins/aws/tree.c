// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/tree.h. The first block holds the tree, some nodes and a copy of the document, in which strings are ended
// and their escapes replaced, which never makes them longer. More nodes come in further blocks.
#include "plugins/aws/tree.h"

#include "core/json_lex.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// A document is thought to have a value in so many bytes; where there are more, the next block is for what is left.
#define BYTES_A_NODE 24
#define NODES_MIN 8

struct block {
    struct block *next;
    struct aws_node nodes[];
};

struct aws_tree {
    struct json_lex lex;
    struct aws_node *root;
    char *copy;            // of the document; the lexer reads it
    struct aws_node *free; // nodes that are left in the newest block
    size_t free_count;
    struct block *blocks;
    struct aws_node nodes[];
};

static struct aws_node *read_value(struct aws_tree *tree);

static struct aws_node *node_new(struct aws_tree *tree, enum aws_node_kind kind)
{
    if (tree->free_count == 0) {
        const size_t count = (tree->lex.length - tree->lex.at) / BYTES_A_NODE + NODES_MIN;
        struct block *block = malloc(sizeof *block + count * sizeof block->nodes[0]);
        if (block == NULL) {
            return NULL;
        }
        block->next = tree->blocks;
        tree->blocks = block;
        tree->free = block->nodes;
        tree->free_count = count;
    }
    struct aws_node *node = tree->free++;
    tree->free_count--;
    *node = (struct aws_node){.kind = kind};
    return node;
}

// Ends a string of which the lexer has read the closing quote, in the copy's own bytes. `start` is where it begins there.
static const char *settle(struct aws_tree *tree, size_t start, struct json_piece piece)
{
    char *text = tree->copy + start;
    if (piece.data != text) {
        memcpy(text, piece.data, piece.length);
    }
    text[piece.length] = '\0';
    return text;
}

static struct aws_node *read_string(struct aws_tree *tree)
{
    const size_t start = tree->lex.at + 1;
    struct json_piece piece;
    struct aws_node *node = node_new(tree, AWS_NODE_STRING);
    if (node == NULL || !json_lex_string(&tree->lex, true, &piece)) {
        return NULL;
    }
    node->text = settle(tree, start, piece);
    node->length = piece.length;
    return node;
}

static struct aws_node *read_number(struct aws_tree *tree)
{
    const size_t start = tree->lex.at;
    bool whole;
    struct aws_node *node = node_new(tree, AWS_NODE_NUMBER);
    if (node == NULL || !json_lex_number(&tree->lex, &whole)) {
        return NULL;
    }
    node->text = tree->copy + start;
    node->length = tree->lex.at - start;
    return node;
}

static struct aws_node *read_word(struct aws_tree *tree, const char *word, enum aws_node_kind kind)
{
    return json_lex_word(&tree->lex, word) ? node_new(tree, kind) : NULL;
}

static bool read_entries(struct aws_tree *tree, struct aws_node *array)
{
    bool ended = json_lex_empty(&tree->lex, ']');
    bool more = !ended;
    const struct aws_node **last = &array->first;
    while (more) {
        struct aws_node *value = read_value(tree);
        if (value == NULL) {
            return false;
        }
        *last = value;
        last = &value->next;
        more = json_lex_more(&tree->lex, ']', &ended);
    }
    return ended;
}

// Reads a member; NULL also when its name occurred before, or there are too many.
static struct aws_node *read_member(struct aws_tree *tree, const struct aws_node *object, size_t count)
{
    struct json_piece piece;
    const int byte = json_lex_space(&tree->lex);
    const size_t start = tree->lex.at + 1;
    if (count == AWS_TREE_MEMBERS || byte != '"' || !json_lex_name(&tree->lex, &piece)) {
        return NULL;
    }
    const char *name = settle(tree, start, piece);
    if (aws_node_member(object, name) != NULL) {
        return NULL;
    }
    struct aws_node *value = read_value(tree);
    if (value != NULL) {
        value->name = name;
    }
    return value;
}

static bool read_members(struct aws_tree *tree, struct aws_node *object)
{
    bool ended = json_lex_empty(&tree->lex, '}');
    bool more = !ended;
    const struct aws_node **last = &object->first;
    for (size_t count = 0; more; count++) {
        struct aws_node *value = read_member(tree, object, count);
        if (value == NULL) {
            return false;
        }
        *last = value;
        last = &value->next;
        more = json_lex_more(&tree->lex, '}', &ended);
    }
    return ended;
}

static struct aws_node *read_container(struct aws_tree *tree, enum aws_node_kind kind)
{
    struct aws_node *container = node_new(tree, kind);
    if (container == NULL || !json_lex_enter(&tree->lex)) {
        return NULL;
    }
    const bool good = kind == AWS_NODE_OBJECT ? read_members(tree, container) : read_entries(tree, container);
    tree->lex.depth--;
    return good ? container : NULL;
}

static struct aws_node *read_value(struct aws_tree *tree)
{
    const int byte = json_lex_space(&tree->lex);
    switch (byte) {
    case '{':
        return read_container(tree, AWS_NODE_OBJECT);
    case '[':
        return read_container(tree, AWS_NODE_ARRAY);
    case '"':
        return read_string(tree);
    case 't':
        return read_word(tree, "true", AWS_NODE_TRUE);
    case 'f':
        return read_word(tree, "false", AWS_NODE_FALSE);
    case 'n':
        return read_word(tree, "null", AWS_NODE_NULL);
    default:
        return byte == '-' || (byte >= '0' && byte <= '9') ? read_number(tree) : NULL;
    }
}

struct aws_tree *aws_tree_read(const char *text, size_t length)
{
    if (length > SIZE_MAX / 8) {
        return NULL;
    }
    const size_t count = length / BYTES_A_NODE + NODES_MIN;
    struct aws_tree *tree = malloc(sizeof *tree + count * sizeof tree->nodes[0] + length + 1);
    if (tree == NULL) {
        return NULL;
    }
    char *copy = (char *)&tree->nodes[count];
    if (length > 0) {
        memcpy(copy, text, length);
    }
    copy[length] = '\0';
    *tree = (struct aws_tree){
        .lex = {.text = copy, .length = length}, .copy = copy, .free = tree->nodes, .free_count = count};
    tree->root = read_value(tree);
    if (tree->root == NULL || json_lex_space(&tree->lex) >= 0) {
        aws_tree_free(tree);
        return NULL;
    }
    return tree;
}

void aws_tree_free(struct aws_tree *tree)
{
    if (tree == NULL) {
        return;
    }
    for (struct block *next, *block = tree->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(tree->lex.scratch);
    free(tree);
}

const struct aws_node *aws_tree_root(const struct aws_tree *tree)
{
    return tree != NULL ? tree->root : NULL;
}

const struct aws_node *aws_node_member(const struct aws_node *object, const char *name)
{
    if (!aws_node_is(object, AWS_NODE_OBJECT)) {
        return NULL;
    }
    const struct aws_node *member = object->first;
    while (member != NULL && (member->name[0] != name[0] || strcmp(member->name, name) != 0)) {
        member = member->next;
    }
    return member;
}
