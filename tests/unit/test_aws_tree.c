// SPDX-License-Identifier: Apache-2.0
//
// plugins/aws/tree: what is read, what is refused, and that it agrees with the reader of jansson's values.
#include "tests/unit/unit.h"

#include "core/json_read.h"
#include "plugins/aws/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct aws_tree *tree_of(const char *text)
{
    // In a block of its own length, so that a step beyond it is seen.
    const size_t length = strlen(text);
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    struct aws_tree *tree = aws_tree_read(copy, length);
    free(copy);
    return tree;
}

static void test_values_of_every_kind(void **state)
{
    (void)state;
    struct aws_tree *tree =
        tree_of(" {\"a\":[1,-2.5e3,\"x\",true,false,null,[],{}],\"b\\u0041\":{\"c\":\"\"}, \"d\":\"e\"} ");
    const struct aws_node *root = aws_tree_root(tree);
    assert_true(aws_node_is(root, AWS_NODE_OBJECT));
    static const enum aws_node_kind kinds[] = {AWS_NODE_NUMBER, AWS_NODE_NUMBER, AWS_NODE_STRING, AWS_NODE_TRUE,
                                               AWS_NODE_FALSE,  AWS_NODE_NULL,   AWS_NODE_ARRAY,  AWS_NODE_OBJECT};
    const struct aws_node *entry = aws_node_first(aws_node_member(root, "a"));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++, entry = entry->next) {
        assert_non_null(entry);
        assert_int_equal(entry->kind, kinds[i]);
        assert_null(entry->name);
        assert_null(entry->first);
    }
    assert_null(entry);
    const struct aws_node *number = aws_node_first(aws_node_member(root, "a"))->next;
    assert_int_equal(number->length, 6);
    assert_memory_equal(number->text, "-2.5e3", 6);
    const struct aws_node *inner = aws_node_member(aws_node_member(root, "bA"), "c");
    assert_string_equal(inner->text, "");
    assert_string_equal(aws_node_member(root, "d")->text, "e");
    assert_null(aws_node_member(root, "c"));
    assert_null(aws_node_member(inner, "c"));
    assert_null(aws_node_member(NULL, "c"));
    assert_null(aws_node_first(root));
    aws_tree_free(tree);
    assert_null(aws_tree_root(NULL));
    aws_tree_free(NULL);
}

static void test_strings_are_ended_and_unescaped(void **state)
{
    (void)state;
    struct aws_tree *tree = tree_of("[\"a\\\"b\\\\\\u00e9\\ud83d\\ude00\\n\",\"plain\",\"\\u0000z\",\"\xc3\xa9\"]");
    const struct aws_node *string = aws_node_first(aws_tree_root(tree));
    assert_string_equal(string->text, "a\"b\\\xc3\xa9\xf0\x9f\x98\x80\n");
    assert_int_equal(string->length, strlen(string->text));
    assert_string_equal(string->next->text, "plain");
    assert_int_equal(string->next->next->length, 2); // a NUL is kept: whoever minds compares the lengths
    assert_memory_equal(string->next->next->text, "\0z", 3);
    assert_string_equal(string->next->next->next->text, "\xc3\xa9");
    aws_tree_free(tree);
}

// What this reader takes, the other takes, and the other way round.
static void test_it_agrees_with_json_read(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{\"a\"}",
                                        "{a:1}",
                                        "[1 2]",
                                        "nul",
                                        "trueish",
                                        "01",
                                        "-",
                                        "1.",
                                        "1e",
                                        "\"",
                                        "\"\\x\"",
                                        "\"\t\"",
                                        "\"\\ud800\"",
                                        "\"\xff\"",
                                        "{} x",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"\\u0000\":1}",
                                        "[[[[[[[]]]]]]]",
                                        "\"abc\"",
                                        "[]",
                                        "{\"b\":[]}",
                                        "\"\\u0000\"",
                                        "[1,2,3,4,5,6,7]",
                                        "{\"a\":{\"a\":1}}",
                                        "-0.5E-7",
                                        "null",
                                        "{\"a\\u0061\":1,\"aa\":2}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct aws_tree *tree = tree_of(texts[i]);
        json_t *json = json_read(texts[i], strlen(texts[i]), JSON_READ_ALLOW_NUL, NULL);
        if ((tree == NULL) != (json == NULL)) {
            fail_msg("%s", texts[i]);
        }
        aws_tree_free(tree);
        json_decref(json);
    }
}

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    assert_non_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static struct aws_tree *tree_with_members(size_t count)
{
    char text[4096] = "{";
    for (size_t i = 0; i < count; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"m%zu\":%zu", i > 0 ? "," : "", i, i);
    }
    snprintf(text + strlen(text), sizeof text - strlen(text), "}");
    return tree_of(text);
}

static void test_limits(void **state)
{
    (void)state;
    for (size_t depth = JSON_LEX_DEPTH; depth <= JSON_LEX_DEPTH + 1; depth++) {
        char *text = nested(depth);
        struct aws_tree *tree = tree_of(text);
        assert_int_equal(tree != NULL, depth == JSON_LEX_DEPTH);
        aws_tree_free(tree);
        free(text);
    }
    struct aws_tree *tree = tree_with_members(AWS_TREE_MEMBERS);
    assert_string_equal(aws_node_member(aws_tree_root(tree), "m63")->name, "m63");
    aws_tree_free(tree);
    assert_null(tree_with_members(AWS_TREE_MEMBERS + 1));
}

// More values than the first block was made for.
static void test_many_values(void **state)
{
    enum { COUNT = 5000 };
    char text[2 * COUNT + 2];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        text[2 * i] = ',';
        text[2 * i + 1] = (char)('0' + i % 10);
    }
    text[0] = '[';
    memcpy(text + sizeof text - 2, "]", 2);
    struct aws_tree *tree = tree_of(text);
    size_t count = 0;
    for (const struct aws_node *node = aws_node_first(aws_tree_root(tree)); node != NULL; node = node->next) {
        assert_int_equal(node->text[0], '0' + count % 10);
        count++;
    }
    assert_int_equal(count, COUNT);
    aws_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_every_kind),
        cmocka_unit_test(test_strings_are_ended_and_unescaped),
        cmocka_unit_test(test_it_agrees_with_json_read),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
