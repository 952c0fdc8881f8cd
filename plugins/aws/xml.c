// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/xml.h. The parser is expat; the elements are collected in the order in which they begin.
#include "plugins/aws/xml.h"
#include "core/buffer.h"
#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 256
#define TEXT_CEILING ((size_t)16 << 20)

struct open_element {
    struct aws_xml *element;
    struct aws_xml *last; // child
    struct buffer text;
};

struct reading {
    XML_Parser parser;
    struct aws_xml *root;
    struct open_element open[AWS_XML_DEPTH];
    size_t depth;
    size_t count;
    bool failed;
};

static void fail(struct reading *reading)
{
    reading->failed = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

static struct aws_xml *element_new(const char *name)
{
    const char *colon = strrchr(name, ':');
    name = colon != NULL ? colon + 1 : name;
    size_t length = strlen(name);
    struct aws_xml *element = length <= NAME_MAX_LENGTH ? calloc(1, sizeof *element + length + 1) : NULL;
    if (element != NULL) {
        char *copy = (char *)(element + 1);
        memcpy(copy, name, length + 1);
        element->name = copy;
        element->text = (struct ph_text){"", 0};
    }
    return element;
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct reading *reading = context;
    (void)attributes;
    if (reading->failed) {
        return;
    }
    bool fits = reading->depth < AWS_XML_DEPTH && reading->count < AWS_XML_ELEMENTS;
    struct aws_xml *element = fits ? element_new(name) : NULL;
    if (element == NULL) {
        fail(reading);
        return;
    }
    reading->count++;
    if (reading->depth > 0) {
        struct open_element *parent = &reading->open[reading->depth - 1];
        *(parent->last != NULL ? &parent->last->next : &parent->element->first) = element;
        parent->last = element;
    } else {
        reading->root = element;
    }
    struct open_element *own = &reading->open[reading->depth++];
    own->element = element;
    own->last = NULL;
    buffer_init(&own->text, TEXT_CEILING);
}

static void on_text(void *context, const char *text, int length)
{
    struct reading *reading = context;
    if (!reading->failed && reading->depth > 0 &&
        !buffer_append(&reading->open[reading->depth - 1].text, text, (size_t)length)) {
        fail(reading);
    }
}

static void on_end(void *context, const char *name)
{
    struct reading *reading = context;
    (void)name;
    if (reading->failed) {
        return;
    }
    struct open_element *own = &reading->open[--reading->depth];
    size_t length = own->text.length;
    size_t detached = 0;
    char *text = length > 0 ? buffer_detach(&own->text, &detached) : NULL;
    if (text != NULL) {
        own->element->text = (struct ph_text){text, length};
    }
    buffer_free(&own->text);
    if (length > 0 && text == NULL) {
        fail(reading);
    }
}

static void on_doctype(void *context, const char *name, const char *system, const char *public_id, int internal)
{
    (void)name;
    (void)system;
    (void)public_id;
    (void)internal;
    fail(context);
}

struct aws_xml *aws_xml_read(const char *bytes, size_t length)
{
    struct reading reading = {0};
    reading.parser = length <= INT_MAX ? XML_ParserCreate(NULL) : NULL;
    if (reading.parser == NULL) {
        return NULL;
    }
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
    bool good = XML_Parse(reading.parser, bytes, (int)length, XML_TRUE) == XML_STATUS_OK && !reading.failed;
    XML_ParserFree(reading.parser);
    while (reading.depth > 0) {
        buffer_free(&reading.open[--reading.depth].text);
    }
    if (!good) {
        aws_xml_free(reading.root);
        return NULL;
    }
    return reading.root;
}

// Children come before their parent's siblings; depth is bounded by the reader.
void aws_xml_free(struct aws_xml *root)
{
    while (root != NULL) {
        struct aws_xml *next = root->next;
        aws_xml_free(root->first);
        if (root->text.length > 0) {
            free((void *)(uintptr_t)root->text.bytes);
        }
        free(root);
        root = next;
    }
}

const struct aws_xml *aws_xml_child(const struct aws_xml *parent, const char *name)
{
    const struct aws_xml *child = parent != NULL ? parent->first : NULL;
    while (child != NULL && strcmp(child->name, name) != 0) {
        child = child->next;
    }
    return child;
}

const char *aws_xml_text(const struct aws_xml *parent, const char *name)
{
    const struct aws_xml *child = aws_xml_child(parent, name);
    return child != NULL ? child->text.bytes : "";
}
