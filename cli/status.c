// SPDX-License-Identifier: Apache-2.0
//
// See status.h.
#include "cli/status.h"

#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/exit_codes.h"
#include "cli/message_print.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/uuid.h"
#include "core/xalloc.h"

// The members of `recipients` as rows, each with its name.
static json_t *rows_of(json_t *recipients)
{
    json_t *rows = json_array();
    const char *name;
    json_t *recipient;
    json_object_foreach(recipients, name, recipient)
    {
        json_t *row = json_copy(recipient);
        json_object_set_new(row, "recipient", json_string(name));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void print_status(const json_t *message)
{
    static const struct output_column outcomes[] = {{.title = "RECIPIENT", .member = "recipient"},
                                                    {.title = "STATE", .member = "state"},
                                                    {.title = "AT", .member = "at"},
                                                    {.title = "READ", .member = "read_at"}};
    static const struct output_column steps[] = {{.title = "EVENT", .member = "event"},
                                                 {.title = "AT", .member = "at"},
                                                 {.title = "RECIPIENT", .member = "recipient"}};
    json_t *rows = rows_of(json_object_get(message, "recipients"));
    message_print(message);
    putchar('\n');
    output_rows(rows, outcomes, sizeof outcomes / sizeof outcomes[0], false, "no recipients");
    putchar('\n');
    output_rows(json_object_get(message, "timeline"), steps, sizeof steps / sizeof steps[0], false, "no timeline");
    if (json_is_true(json_object_get(message, "partial"))) {
        puts("The timeline is not complete: the metadata cannot be read just now.");
    }
    json_decref(rows);
}

int status_run(int argc, char **argv)
{
    struct options_list operands;
    struct uuid uuid;
    bool json = false;
    int code;
    const struct options_entry entries[] = {
        {.name = "json", .flag = &json, .help = "print the answer as JSON, also on a terminal"}};
    const struct options_command command = {
        .name = "status",
        .operands = "ID",
        .entries = entries,
        .count = 1,
        .operands_min = 1,
        .operands_max = 1,
        .about = "Shows a message that you have sent or received, and what became of it for each recipient.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    if (!uuid_parse(operands.items[0], strlen(operands.items[0]), &uuid)) {
        return options_wrong("status", "%s is no message id", operands.items[0]);
    }
    char *path = xasprintf("/v1/messages/%s", operands.items[0]);
    json_t *message = client_session_call("GET", path, NULL, "status", &code);
    free(path);
    if (message == NULL) {
        return code;
    }
    if (output_is_json(json)) {
        output_json(message);
    } else {
        print_status(message);
    }
    json_decref(message);
    return output_end();
}
