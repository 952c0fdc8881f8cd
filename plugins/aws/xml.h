// SPDX-License-Identifier: Apache-2.0
//
// XML answers as a small tree. Every answer is hostile: document types and entities of its own are refused, depth and
// number of elements are bounded.
#ifndef PLUGINS_AWS_XML_H
#define PLUGINS_AWS_XML_H

#include "posthouse/plugin.h"

/// Elements may lie in each other at most so deep, and be at most so many.
#define AWS_XML_DEPTH 32
#define AWS_XML_ELEMENTS 20000

/// An element. Its name is without namespace, its text what stands directly in it.
struct aws_xml {
    const char *name;
    struct ph_text text; ///< followed by a NUL byte; empty when there is none
    struct aws_xml *first;
    struct aws_xml *next; ///< the next one of the same parent
};

/// Reads a document. NULL when it is not sound, or no memory is left.
struct aws_xml *aws_xml_read(const char *bytes, size_t length) __attribute__((warn_unused_result));
/// Frees a whole tree by its root. NULL is allowed.
void aws_xml_free(struct aws_xml *root);

/// The first child of that name, or NULL. `parent` may be NULL.
const struct aws_xml *aws_xml_child(const struct aws_xml *parent, const char *name);
/// The text of the first child of that name, "" without one.
const char *aws_xml_text(const struct aws_xml *parent, const char *name);

#endif
