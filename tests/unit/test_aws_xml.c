// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/xml.h: the tree, and what is refused.
#include "core/buffer.h"
#include "plugins/aws/xml.h"
#include "tests/unit/unit.h"
#include <string.h>

static struct aws_xml *read_text(const char *text)
{
    return aws_xml_read(text, strlen(text));
}

static void test_tree(void **state)
{
    struct aws_xml *root =
        read_text("<?xml version=\"1.0\"?>\n<a:Answer xmlns:a=\"u\"><List><member>1 &lt; 2</member>"
                  "<member/><member><![CDATA[<x>]]>y</member></List><Code k=\"v\">c</Code></a:Answer>");
    (void)state;
    assert_non_null(root);
    assert_string_equal(root->name, "Answer");
    const struct aws_xml *member = aws_xml_child(aws_xml_child(root, "List"), "member");
    assert_string_equal(member->text.bytes, "1 < 2");
    member = member->next;
    assert_int_equal(member->text.length, 0);
    assert_string_equal(member->text.bytes, "");
    member = member->next;
    assert_string_equal(member->text.bytes, "<x>y");
    assert_null(member->next);
    assert_string_equal(aws_xml_text(root, "Code"), "c");
    assert_string_equal(aws_xml_text(root, "None"), "");
    assert_null(aws_xml_child(NULL, "None"));
    aws_xml_free(root);
    aws_xml_free(NULL);
}

static void test_refusals(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>\xff</a>",
        "<a>&nbsp;</a>",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE html><html/>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(read_text(bad[i]));
    }
}

// A document of `count` elements, in each other or one after the other.
static struct aws_xml *read_many(size_t count, bool deep)
{
    struct buffer text;
    buffer_init(&text, 1 << 20);
    buffer_text(&text, "<r>");
    for (size_t i = 0; i < count; i++) {
        buffer_text(&text, deep ? "<a>" : "<a/>");
    }
    for (size_t i = 0; deep && i < count; i++) {
        buffer_text(&text, "</a>");
    }
    buffer_text(&text, "</r>");
    struct aws_xml *root = aws_xml_read(text.data, text.length);
    buffer_free(&text);
    return root;
}

static void test_limits(void **state)
{
    (void)state;
    struct aws_xml *root = read_many(AWS_XML_DEPTH - 1, true);
    assert_non_null(root);
    aws_xml_free(root);
    assert_null(read_many(AWS_XML_DEPTH, true));
    root = read_many(AWS_XML_ELEMENTS - 1, false);
    assert_non_null(root);
    aws_xml_free(root);
    assert_null(read_many(AWS_XML_ELEMENTS, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
