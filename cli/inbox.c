// SPDX-License-Identifier: Apache-2.0
//
// See inbox.h.
#include "cli/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/cursor_file.h"
#include "cli/exit_codes.h"
#include "cli/list.h"
#include "cli/message_print.h"
#include "core/uuid.h"
#include "core/xalloc.h"

#define FOLLOW_WAIT_S 20
#define ANSWER_EXTRA_S 30
#define FAILURE_WAIT_MAX_MS 60000

struct reading {
    struct list_options list;
    long wait_s;
    bool follow, full;
    const char *cursor_file;
    char after[LIST_CURSOR_SIZE];
    unsigned failures; // in a row, while following
};

static const struct output_column inbox_columns[] = {{.title = "ID", .member = "id"},
                                                     {.title = "FROM", .member = "from", .limit = 24},
                                                     {.title = "DELIVERED", .member = "delivered_at"},
                                                     {.title = "READ", .member = "read_at", .present = true},
                                                     {.title = "SUBJECT", .member = "subject", .limit = 60}};
static const struct list_view inbox_view = {.path = "/v1/inbox?",
                                            .member = "messages",
                                            .what = "inbox",
                                            .empty = "nothing there",
                                            .columns = inbox_columns,
                                            .column_count = sizeof inbox_columns / sizeof inbox_columns[0]};

static void print_messages(const struct reading *reading, const json_t *messages, bool json)
{
    size_t index;
    json_t *message;
    if (json || !reading->full) {
        output_rows(messages, inbox_columns, inbox_view.column_count, json, inbox_view.empty);
        return;
    }
    json_array_foreach((json_t *)messages, index, message)
    {
        message_print(message);
        puts("--");
    }
    fflush(stdout);
}

// An answer that is not good: waits if the reader follows and another try may help. True to try again.
static bool outlast(struct reading *reading, struct client *client, const struct client_answer *answer, int *code_r)
{
    if (!reading->follow || !client_may_repeat(answer)) {
        *code_r = client_check(client, answer, "inbox");
        return false;
    }
    if (reading->failures++ == 0) {
        client_check(client, answer, "inbox");
        fputs("  trying again until it is back\n", stderr);
    }
    client_wait(answer, reading->failures, FAILURE_WAIT_MAX_MS);
    return true;
}

// Prints a page and moves on behind it. `count_r`: its messages.
static int take_page(struct reading *reading, const json_t *page, bool json, size_t *count_r)
{
    const json_t *messages = json_object_get(page, "messages");
    const char *next = json_string_value(json_object_get(page, "next"));
    *count_r = json_array_size(messages);
    if (next == NULL || !list_cursor_good("inbox", next)) {
        fputs("posthouse: inbox: the server's answer is not that of a posthouse\n", stderr);
        return EXIT_FAILED;
    }
    if (*count_r > 0) {
        print_messages(reading, messages, json);
    }
    snprintf(reading->after, sizeof reading->after, "%s", next);
    // The cursor moves only when what stands before it has been written.
    const int code = output_end();
    if (code == EXIT_GOOD && reading->cursor_file != NULL && !cursor_file_write(reading->cursor_file, next)) {
        return EXIT_FAILED;
    }
    return code;
}

static void ask(const struct reading *reading, struct client *client, long wait_s, struct client_answer *answer_r)
{
    char *page = list_path(&inbox_view, reading->after, reading->list.limit);
    char *path = xasprintf("%s&wait=%ld", page, wait_s);
    client_request(client, "GET", path, NULL, NULL, wait_s + ANSWER_EXTRA_S, answer_r);
    free(path);
    free(page);
}

static int read_inbox(struct reading *reading, struct client *client)
{
    const bool json = output_is_json(reading->list.json);
    struct client_answer answer;
    size_t seen = 0, count = 0;
    int code = EXIT_GOOD;
    for (bool more = true; more && code == EXIT_GOOD;) {
        ask(reading, client, reading->follow ? FOLLOW_WAIT_S : seen == 0 ? reading->wait_s : 0, &answer);
        if (answer.status != 200) {
            more = outlast(reading, client, &answer, &code);
        } else {
            if (reading->failures > 0) {
                fputs("posthouse: inbox: the server is back\n", stderr);
            }
            reading->failures = 0;
            code = take_page(reading, answer.json, json, &count);
            seen += count;
            more = reading->follow || (reading->list.all && count > 0);
        }
        client_answer_free(&answer);
    }
    if (code == EXIT_GOOD && !json && seen == 0) {
        puts(inbox_view.empty);
    } else if (code == EXIT_GOOD && !json && count == (size_t)reading->list.limit) {
        printf("\nthere may be more: --all, or --after %s\n", reading->after);
    }
    return code != EXIT_GOOD ? code : output_end();
}

static bool begin(struct reading *reading, int *code_r)
{
    const char *after = reading->list.after != NULL ? reading->list.after : "start";
    if (!list_cursor_good("inbox", after)) {
        *code_r = EXIT_WRONG_USAGE;
        return false;
    }
    snprintf(reading->after, sizeof reading->after, "%s", after);
    if (reading->cursor_file != NULL && !cursor_file_read(reading->cursor_file, reading->after)) {
        *code_r = EXIT_FAILED;
        return false;
    }
    return true;
}

int inbox_run(int argc, char **argv)
{
    struct reading reading = {.list = LIST_OPTIONS_DEFAULT};
    int code;
    const struct options_entry entries[] = {
        LIST_ENTRIES(reading.list),
        {.name = "wait",
         .argument = "SECONDS",
         .number = &reading.wait_s,
         .maximum = 20,
         .help = "wait for a first message, at most 20 s"},
        {.name = "follow", .letter = 'f', .flag = &reading.follow, .help = "go on as messages come, until interrupted"},
        {.name = "full", .flag = &reading.full, .help = "print each message with its body; with --follow always"},
        {.name = "cursor-file",
         .argument = "FILE",
         .text = &reading.cursor_file,
         .help = "begin at the cursor in FILE, if it is there; keep it there"}};
    const struct options_command command = {
        .name = "inbox",
        .operands = "",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
        .about =
            "Shows your messages, oldest first. A CURSOR is start, end, or one that was given. What is followed is\n"
            "shown once, also when the server goes away meanwhile; with --cursor-file also after a new start.\n"};
    if (!options_read(&command, argc, argv, NULL, &code) || !begin(&reading, &code)) {
        return code;
    }
    struct client *client = client_logged_in();
    if (client == NULL) {
        return EXIT_NO_SESSION;
    }
    reading.full = reading.full || reading.follow;
    code = read_inbox(&reading, client);
    client_free(client);
    return code;
}

int inbox_sent_run(int argc, char **argv)
{
    static const struct output_column columns[] = {{.title = "ID", .member = "id"},
                                                   {.title = "TO", .member = "to", .limit = 24},
                                                   {.title = "ACCEPTED", .member = "accepted_at"},
                                                   {.title = "STATUS", .member = "status"},
                                                   {.title = "SUBJECT", .member = "subject", .limit = 60}};
    static const struct list_view view = {.path = "/v1/messages?box=sent&",
                                          .member = "messages",
                                          .what = "sent",
                                          .empty = "nothing was sent",
                                          .columns = columns,
                                          .column_count = sizeof columns / sizeof columns[0]};
    struct list_options list = LIST_OPTIONS_DEFAULT;
    int code;
    const struct options_entry entries[] = {LIST_ENTRIES(list)};
    const struct options_command command = {
        .name = "sent",
        .operands = "",
        .entries = entries,
        .count = LIST_ENTRY_COUNT,
        .about = "Lists what you have sent, oldest first, and what became of it.\n"};
    return options_read(&command, argc, argv, NULL, &code) ? list_run(&view, &list) : code;
}

// The ids of the operands; NULL after a line on stderr.
static json_t *read_ids(const struct options_list *operands)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < operands->count; i++) {
        struct uuid uuid;
        if (!uuid_parse(operands->items[i], strlen(operands->items[i]), &uuid)) {
            options_wrong("ack", "%s is no message id; nothing was acknowledged", operands->items[i]);
            json_decref(ids);
            return NULL;
        }
        json_array_append_new(ids, json_string(operands->items[i]));
    }
    return ids;
}

static int print_acked(const json_t *answer, size_t asked, bool json)
{
    const json_int_t acked = json_integer_value(json_object_get(answer, "acked"));
    if (json) {
        output_json(answer);
    } else {
        printf("acknowledged: %lld of %zu\n", (long long)acked, asked);
    }
    if (acked < (json_int_t)asked) {
        fputs("posthouse: ack: the others are not in your inbox, or were given twice\n", stderr);
        return EXIT_REFUSED;
    }
    return output_end();
}

int inbox_ack_run(int argc, char **argv)
{
    struct options_list operands;
    bool json = false;
    int code;
    const struct options_entry entries[] = {
        {.name = "json", .flag = &json, .help = "print the answer as JSON, also on a terminal"}};
    const struct options_command command = {
        .name = "ack",
        .operands = "ID…",
        .entries = entries,
        .count = 1,
        .operands_min = 1,
        .operands_max = OPTIONS_LIST_MAX,
        .about = "Acknowledges messages: they stay in the inbox and are marked as read.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    json_t *ids = read_ids(&operands);
    if (ids == NULL) {
        return EXIT_WRONG_USAGE;
    }
    json_t *body = json_pack("{s:o}", "ids", ids);
    json_t *answer = client_session_call("POST", "/v1/inbox/ack", body, "ack", &code);
    if (answer != NULL) {
        code = print_acked(answer, operands.count, output_is_json(json));
    }
    json_decref(answer);
    json_decref(body);
    return code;
}
