// SPDX-License-Identifier: Apache-2.0
//
// See message_print.h.
#include "cli/message_print.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"

static void print_line(const char *title, const char *text)
{
    printf("%-10s ", title);
    output_clean(stdout, text);
    putchar('\n');
}

// A member that is a string; what is null or not there is left out.
static void print_member(const json_t *message, const char *title, const char *member)
{
    const char *text = json_string_value(json_object_get(message, member));
    if (text != NULL) {
        print_line(title, text);
    }
}

static void print_names(const json_t *names)
{
    size_t index;
    json_t *name;
    printf("%-10s", "to");
    json_array_foreach((json_t *)names, index, name)
    {
        putchar(' ');
        output_clean(stdout, json_string_value(name));
    }
    putchar('\n');
}

static void print_attributes(json_t *attributes)
{
    const char *name;
    json_t *value;
    json_object_foreach(attributes, name, value)
    {
        printf("%-10s ", "attribute");
        output_clean(stdout, name);
        putchar('=');
        output_clean(stdout, json_string_value(value));
        putchar('\n');
    }
}

void message_print(const json_t *message)
{
    const char *priority = json_string_value(json_object_get(message, "priority"));
    const char *type = json_string_value(json_object_get(message, "content_type"));
    print_member(message, "message", "id");
    print_member(message, "from", "from");
    print_names(json_object_get(message, "to"));
    print_member(message, "subject", "subject");
    if (priority != NULL && strcmp(priority, "normal") != 0) {
        print_line("priority", priority);
    }
    if (type != NULL && strncmp(type, "text/plain", 10) != 0) {
        print_line("type", type);
    }
    print_attributes(json_object_get(message, "attributes"));
    print_member(message, "accepted", "accepted_at");
    print_member(message, "not before", "deliver_at");
    print_member(message, "expires", "expires_at");
    print_member(message, "delivered", "delivered_at");
    print_member(message, "read", "read_at");
    print_member(message, "status", "status");
    putchar('\n');
    output_text(stdout, json_object_get(message, "body"), "  ");
}
