// SPDX-License-Identifier: Apache-2.0
//
// A JSON document as a tree in a few blocks of memory, for answers that are read once and dropped: jansson makes a block of
// every value and a table of every object, which costs ten times as much.
//
// As strict as core/json_read.h but for numbers: their form is checked, and they are kept as they are written, whether they fit or
// not. Beyond it, an object has at most AWS_TREE_MEMBERS members. A tree belongs to one thread at a time.
#ifndef PLUGINS_AWS_TREE_H
#define PLUGINS_AWS_TREE_H

#include <stdbool.h>
#include <stddef.h>

/// Members of an object, each of which is compared with those before it.
#define AWS_TREE_MEMBERS 64

enum aws_node_kind {
    AWS_NODE_NULL,
    AWS_NODE_FALSE,
    AWS_NODE_TRUE,
    AWS_NODE_NUMBER,
    AWS_NODE_STRING,
    AWS_NODE_ARRAY,
    AWS_NODE_OBJECT
};

/// A value. It lives as long as its tree.
struct aws_node {
    enum aws_node_kind kind;
    const char *name;             ///< as a member: terminated; it holds no NUL. NULL: no member
    const char *text;             ///< of a string, terminated; it may hold NUL. Of a number, not terminated. Else NULL
    size_t length;                ///< of the text
    const struct aws_node *first; ///< of an array or object: what it holds, in the document's order; NULL: nothing
    const struct aws_node *next;  ///< beside it in its array or object; NULL: the last
};

struct aws_tree;

/// Reads a document, which is copied. NULL: it is no JSON that is taken here, or there is no memory. End it with
/// aws_tree_free().
struct aws_tree *aws_tree_read(const char *text, size_t length);

/// NULL is allowed.
void aws_tree_free(struct aws_tree *tree);

/// The value of the document; NULL for no tree.
const struct aws_node *aws_tree_root(const struct aws_tree *tree);

/// Whether a value, which may be NULL, is of that kind.
static inline bool aws_node_is(const struct aws_node *node, enum aws_node_kind kind)
{
    return node != NULL && node->kind == kind;
}

/// The first value of an array; NULL when there is none, and for what is NULL or no array.
static inline const struct aws_node *aws_node_first(const struct aws_node *array)
{
    return aws_node_is(array, AWS_NODE_ARRAY) ? array->first : NULL;
}

/// A member of an object; NULL when there is none, and for what is NULL or no object.
const struct aws_node *aws_node_member(const struct aws_node *object, const char *name);

#endif
