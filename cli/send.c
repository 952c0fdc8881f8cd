// SPDX-License-Identifier: Apache-2.0
//
// See send.h.
#include "cli/send.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/exit_codes.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/clock.h"
#include "core/message_input.h"
#include "core/quantity.h"
#include "core/timestamp.h"
#include "core/uuid.h"
#include "core/xalloc.h"

#define REPEAT_DEFAULT_S 30
#define REPEAT_MAX_S 86400
#define REQUEST_TIMEOUT_S 30
#define AHEAD_MAX_MS (INT64_C(100) * 366 * 86400 * 1000)

struct sending {
    struct options_list to, attributes;
    const char *subject, *body, *body_file, *content_type, *priority, *deliver_at, *expires_at, *key;
    long repeat_s;
    bool json;
};

// ---------------------------------------------------------------------------------------------------- the message

// The whole of stdin ("-") or a file, at most what a body may hold.
static json_t *read_body(const char *file)
{
    const bool is_stdin = strcmp(file, "-") == 0;
    FILE *in = is_stdin ? stdin : fopen(file, "re");
    const char *name = is_stdin ? "stdin" : file;
    if (in == NULL) {
        fprintf(stderr, "posthouse: send: cannot read %s: %s\n", name, strerror(errno));
        return NULL;
    }
    char *text = xmalloc(MESSAGE_BODY_MAX + 1);
    const size_t length = fread(text, 1, MESSAGE_BODY_MAX + 1, in);
    const int reason = ferror(in) ? errno : 0;
    json_t *body = NULL;
    if (reason != 0) {
        fprintf(stderr, "posthouse: send: cannot read %s: %s\n", name, strerror(reason));
    } else if (length > MESSAGE_BODY_MAX) {
        fprintf(stderr, "posthouse: send: %s is too long: a body has at most 256 KiB\n", name);
    } else if ((body = json_stringn(text, length)) == NULL) {
        fprintf(stderr, "posthouse: send: %s is not UTF-8\n", name);
    }
    if (!is_stdin) {
        fclose(in);
    }
    free(text);
    return body;
}

static bool set_text(json_t *message, const char *member, const char *text)
{
    if (text == NULL) {
        return true;
    }
    if (json_object_set_new(message, member, json_string(text)) != 0) {
        options_wrong("send", "the %s must be UTF-8", member);
        return false;
    }
    return true;
}

// A time as RFC 3339, or "+" and a duration from now.
static bool set_time(json_t *message, const char *member, const char *text)
{
    char formatted[TIMESTAMP_SIZE];
    int64_t time = 0;
    bool good = true;
    if (text == NULL) {
        return true;
    }
    if (text[0] == '+') {
        good = quantity_parse_duration(text + 1, strlen(text + 1), &time) && time <= AHEAD_MAX_MS;
        time += good ? clock_wall_ms(clock_system()) : 0;
    } else {
        good = timestamp_parse(text, strlen(text), &time);
    }
    if (!good) {
        options_wrong("send",
                      "%s is no time: write 2030-01-31T08:00:00Z, or +10m for ten minutes from now (s, m, h, d)", text);
        return false;
    }
    timestamp_format(time, formatted);
    return json_object_set_new(message, member, json_string(formatted)) == 0;
}

// "a,b" and "a b" are the same two names.
static bool set_recipients(json_t *message, const struct options_list *to)
{
    json_t *names = json_array();
    json_object_set_new(message, "to", names);
    for (size_t i = 0; i < to->count; i++) {
        for (const char *at = to->items[i]; *at != '\0'; at += *at == ',') {
            const size_t length = strcspn(at, ",");
            if (!message_input_name(at, length)) {
                options_wrong("send", "%.*s is no user's name: 1 to 64 of a-z 0-9 . _ @ -", (int)length, at);
                return false;
            }
            json_array_append_new(names, json_stringn(at, length));
            at += length;
        }
    }
    if (json_array_size(names) == 0) {
        options_wrong("send", "to whom? --to NAME");
        return false;
    }
    return true;
}

static bool set_attributes(json_t *message, const struct options_list *list)
{
    json_t *attributes = json_object();
    for (size_t i = 0; i < list->count; i++) {
        const char *sign = strchr(list->items[i], '=');
        char *name = sign != NULL ? xstrndup(list->items[i], (size_t)(sign - list->items[i])) : NULL;
        const bool good = name != NULL && name[0] != '\0' && json_object_get(attributes, name) == NULL &&
                          json_object_set_new(attributes, name, json_string(sign + 1)) == 0;
        free(name);
        if (!good) {
            options_wrong("send", "--attribute takes NAME=VALUE in UTF-8, each name once, not %s", list->items[i]);
            json_decref(attributes);
            return false;
        }
    }
    return list->count > 0 ? json_object_set_new(message, "attributes", attributes) == 0
                           : (json_decref(attributes), true);
}

// Returns the exit code.
static int set_body(json_t *message, const struct sending *sending)
{
    if (sending->body != NULL) {
        return set_text(message, "body", sending->body) ? EXIT_GOOD : EXIT_WRONG_USAGE;
    }
    json_t *body = read_body(sending->body_file);
    return body != NULL && json_object_set_new(message, "body", body) == 0 ? EXIT_GOOD : EXIT_FAILED;
}

// Returns the exit code.
static int fill(json_t *message, const struct sending *sending)
{
    if ((sending->body != NULL) == (sending->body_file != NULL)) {
        return options_wrong("send", "give one body: --body TEXT, --body-file FILE, or - for stdin");
    }
    const bool good = set_recipients(message, &sending->to) && set_text(message, "subject", sending->subject) &&
                      set_attributes(message, &sending->attributes) &&
                      set_text(message, "content_type", sending->content_type) &&
                      set_text(message, "priority", sending->priority) &&
                      set_time(message, "deliver_at", sending->deliver_at) &&
                      set_time(message, "expires_at", sending->expires_at);
    return good ? set_body(message, sending) : EXIT_WRONG_USAGE;
}

// ----------------------------------------------------------------------------------------------------- on its way

static int64_t now_ms(void)
{
    return (int64_t)(clock_monotonic_ns(clock_system()) / 1000000);
}

// Sends and, while it may help and there is time, sends again with the same key.
static void deliver(struct client *client, const json_t *message, const char *key, long repeat_s,
                    struct client_answer *answer_r)
{
    const int64_t end = now_ms() + repeat_s * 1000;
    for (unsigned failures = 1;; failures++) {
        client_request(client, "POST", "/v1/messages", message, key, REQUEST_TIMEOUT_S, answer_r);
        if (!client_may_repeat(answer_r) || now_ms() >= end) {
            return;
        }
        if (failures == 1) {
            client_check(client, answer_r, "send");
            fprintf(stderr, "  trying again for %ld s, with the same key\n", repeat_s);
        }
        client_wait(answer_r, failures, end - now_ms());
        client_answer_free(answer_r);
    }
}

static int send_message(const struct sending *sending, const json_t *message, const char *key)
{
    struct client_answer answer;
    struct client *client = client_logged_in();
    if (client == NULL) {
        return EXIT_NO_SESSION;
    }
    deliver(client, message, key, sending->repeat_s, &answer);
    int code = client_check(client, &answer, "send");
    if (code == EXIT_GOOD && output_is_json(sending->json)) {
        output_json(answer.json);
    } else if (code == EXIT_GOOD) {
        fputs(answer.replayed ? "accepted before: " : "accepted: ", stdout);
        output_clean(stdout, json_string_value(json_object_get(answer.json, "id")));
        putchar('\n');
    } else if (client_may_repeat(&answer)) {
        fputs("  it may still have been accepted; repeated with this option, it never becomes a second message: --key ",
              stderr);
        output_clean(stderr, key);
        fputc('\n', stderr);
    }
    client_answer_free(&answer);
    client_free(client);
    return code != EXIT_GOOD ? code : output_end();
}

static bool read_arguments(int argc, char **argv, struct sending *sending, int *code_r)
{
    struct options_list operands;
    const struct options_entry entries[] = {
        {.name = "to", .argument = "NAME", .greedy = true, .list = &sending->to, .help = "the recipients, up to 100"},
        {.name = "subject", .argument = "TEXT", .text = &sending->subject, .help = "at most 200 characters"},
        {.name = "body", .argument = "TEXT", .text = &sending->body, .help = "the message, at most 256 KiB"},
        {.name = "body-file", .argument = "FILE", .text = &sending->body_file, .help = "or a file that holds it"},
        {.name = "content-type", .argument = "TYPE", .text = &sending->content_type, .help = "the body's media type"},
        {.name = "attribute", .argument = "NAME=VALUE", .list = &sending->attributes, .help = "for programs; up to 10"},
        {.name = "priority", .argument = "PRIORITY", .text = &sending->priority, .help = "normal or alert"},
        {.name = "deliver-at", .argument = "TIME", .text = &sending->deliver_at, .help = "not before"},
        {.name = "expires-at", .argument = "TIME", .text = &sending->expires_at, .help = "not after"},
        {.name = "key", .argument = "KEY", .text = &sending->key, .help = "idempotency key, to repeat an earlier send"},
        {.name = "repeat",
         .argument = "SECONDS",
         .number = &sending->repeat_s,
         .maximum = REPEAT_MAX_S,
         .help = "how long to try while the server is not there (30)"},
        {.name = "json", .flag = &sending->json, .help = "print the answer as JSON, also on a terminal"}};
    const struct options_command command = {
        .name = "send",
        .operands = "[-]",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
        .operands_max = 1,
        .about =
            "Sends a message; - takes its body from stdin. A TIME is 2030-01-31T08:00:00Z, or +10m for ten minutes\n"
            "from now. Each message has a key, so that trying again never makes a second one.\n"};
    if (!options_read(&command, argc, argv, &operands, code_r)) {
        return false;
    }
    if (operands.count > 0 && (strcmp(operands.items[0], "-") != 0 || sending->body_file != NULL)) {
        *code_r = options_wrong("send", "%s is one word too many", operands.items[0]);
        return false;
    }
    if (operands.count > 0) {
        sending->body_file = "-";
    }
    if (sending->key != NULL && !message_input_key(sending->key, strlen(sending->key))) {
        *code_r = options_wrong("send", "a key has 1 to 128 visible ASCII characters");
        return false;
    }
    return true;
}

int send_run(int argc, char **argv)
{
    struct sending sending = {.subject = "", .repeat_s = REPEAT_DEFAULT_S};
    char key[UUID_TEXT_SIZE];
    struct uuid uuid;
    int code;
    if (!read_arguments(argc, argv, &sending, &code)) {
        return code;
    }
    uuid_make(clock_wall_ms(clock_system()), &uuid);
    uuid_format(&uuid, key);
    json_t *message = json_object();
    code = fill(message, &sending);
    if (code == EXIT_GOOD) {
        code = send_message(&sending, message, sending.key != NULL ? sending.key : key);
    }
    json_decref(message);
    return code;
}
