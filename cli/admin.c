// SPDX-License-Identifier: Apache-2.0
//
// See admin.h.
#include "cli/admin.h"

#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/exit_codes.h"
#include "cli/list.h"
#include "core/uuid.h"

// The options of a command that knows --json alone.
static bool read_json(const char *name, const char *about, int argc, char **argv, bool *json_r, int *code_r)
{
    const struct options_entry entries[] = {
        {.name = "json", .flag = json_r, .help = "print the answer as JSON, also on a terminal"}};
    const struct options_command command = {
        .name = name, .operands = "", .entries = entries, .count = 1, .about = about};
    return options_read(&command, argc, argv, NULL, code_r);
}

int admin_backends_run(int argc, char **argv)
{
    static const struct output_column columns[] = {
        {.title = "KIND", .member = "kind"},       {.title = "PLUGIN", .member = "plugin"},
        {.title = "VERSION", .member = "version"}, {.title = "BACKEND", .member = "backend_version"},
        {.title = "STATE", .member = "state"},     {.title = "SINCE", .member = "since"},
        {.title = "FAULTS", .member = "faults"},   {.title = "DETAIL", .member = "detail", .limit = 80}};
    bool json = false;
    int code;
    if (!read_json("backends", "Lists the backends and how they are; for operators.\n", argc, argv, &json, &code)) {
        return code;
    }
    json_t *answer = client_session_call("GET", "/v1/admin/backends", NULL, "backends", &code);
    if (answer == NULL) {
        return code;
    }
    output_rows(json_object_get(answer, "backends"), columns, sizeof columns / sizeof columns[0], output_is_json(json),
                "no backends");
    json_decref(answer);
    return output_end();
}

int admin_queue_run(int argc, char **argv)
{
    static const struct output_column columns[] = {{.title = "jobs waiting in the queue", .member = "waiting"},
                                                   {.title = "jobs in flight", .member = "in_flight"},
                                                   {.title = "messages to deliver", .member = "outbox/waiting"},
                                                   {.title = "the oldest waits (ms)", .member = "outbox/oldest_ms"},
                                                   {.title = "dead letters", .member = "dead"}};
    bool json = false;
    int code;
    if (!read_json("queue", "Counts what waits; for operators. A count that a backend cannot tell is \"-\".\n", argc,
                   argv, &json, &code)) {
        return code;
    }
    json_t *answer = client_session_call("GET", "/v1/admin/queue", NULL, "queue", &code);
    if (answer == NULL) {
        return code;
    }
    if (output_is_json(json)) {
        output_json(answer);
    } else {
        output_members(answer, columns, sizeof columns / sizeof columns[0]);
    }
    json_decref(answer);
    return output_end();
}

int admin_dead_letters_run(int argc, char **argv)
{
    static const struct output_column columns[] = {{.title = "ID", .member = "id"},
                                                   {.title = "ATTEMPTS", .member = "attempts"},
                                                   {.title = "FIRST FAILED", .member = "first_failed_at"},
                                                   {.title = "LAST FAILED", .member = "last_failed_at"},
                                                   {.title = "REASON", .member = "reason", .limit = 80}};
    static const struct list_view view = {.path = "/v1/admin/dead-letters?",
                                          .member = "dead_letters",
                                          .what = "dead-letters",
                                          .empty = "no dead letters",
                                          .columns = columns,
                                          .column_count = sizeof columns / sizeof columns[0]};
    struct list_options list = LIST_OPTIONS_DEFAULT;
    int code;
    const struct options_entry entries[] = {LIST_ENTRIES(list)};
    const struct options_command command = {
        .name = "dead-letters",
        .operands = "",
        .entries = entries,
        .count = LIST_ENTRY_COUNT,
        .about =
            "Lists the messages whose delivery failed too often; for operators. posthouse redrive reopens them.\n"};
    return options_read(&command, argc, argv, NULL, &code) ? list_run(&view, &list) : code;
}

static json_t *redrive_body(const struct options_list *operands, bool all)
{
    if (all) {
        return json_pack("{s:b}", "all", 1);
    }
    json_t *ids = json_array();
    for (size_t i = 0; i < operands->count; i++) {
        struct uuid uuid;
        if (!uuid_parse(operands->items[i], strlen(operands->items[i]), &uuid)) {
            options_wrong("redrive", "%s is no message id; nothing was reopened", operands->items[i]);
            json_decref(ids);
            return NULL;
        }
        json_array_append_new(ids, json_string(operands->items[i]));
    }
    return json_pack("{s:o}", "ids", ids);
}

static int print_redriven(const json_t *answer, bool json, size_t asked)
{
    const json_int_t redriven = json_integer_value(json_object_get(answer, "redriven"));
    if (json) {
        output_json(answer);
    } else {
        printf("reopened: %lld\n", (long long)redriven);
    }
    if (redriven < (json_int_t)asked) {
        fputs("posthouse: redrive: the others are no dead letters, or were given twice\n", stderr);
        return EXIT_REFUSED;
    }
    return output_end();
}

int admin_redrive_run(int argc, char **argv)
{
    struct options_list operands;
    bool json = false, all = false;
    int code;
    const struct options_entry entries[] = {
        {.name = "all", .flag = &all, .help = "all that are there"},
        {.name = "json", .flag = &json, .help = "print the answer as JSON, also on a terminal"}};
    const struct options_command command = {
        .name = "redrive",
        .operands = "[ID…]",
        .entries = entries,
        .count = 2,
        .operands_max = OPTIONS_LIST_MAX,
        .about = "Reopens dead letters: they are delivered again as if they were new; for operators.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    if (all == (operands.count > 0)) {
        return options_wrong("redrive", "give either ids or --all");
    }
    json_t *body = redrive_body(&operands, all);
    if (body == NULL) {
        return EXIT_WRONG_USAGE;
    }
    json_t *answer = client_session_call("POST", "/v1/admin/dead-letters/redrive", body, "redrive", &code);
    if (answer != NULL) {
        code = print_redriven(answer, output_is_json(json), operands.count);
    }
    json_decref(answer);
    json_decref(body);
    return code;
}
