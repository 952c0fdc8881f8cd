// SPDX-License-Identifier: Apache-2.0
//
// See health.h.
#include "cli/health.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/credentials.h"
#include "cli/exit_codes.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/clock.h"

#define REQUEST_TIMEOUT_S 5
#define WAIT_DEFAULT_S 60
#define RETRY_MS 50

// Splits a URL into server and path; the path is /readyz if none was given.
static const char *split_url(const char *url, char *server_r, size_t size)
{
    const char *host = strstr(url, "://");
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    const int length = path != NULL ? (int)(path - url) : (int)strlen(url);
    snprintf(server_r, size, "%.*s", length, url);
    return path != NULL && path[1] != '\0' ? path : "/readyz";
}

static void print_health(const struct client_answer *answer, bool json)
{
    static const struct output_column columns[] = {{.title = "KIND", .member = "kind"},
                                                   {.title = "PLUGIN", .member = "plugin"},
                                                   {.title = "STATE", .member = "state"}};
    if (json) {
        output_json(answer->json);
        return;
    }
    output_clean(stdout, json_string_value(json_object_get(answer->json, "status")));
    putchar('\n');
    if (json_object_get(answer->json, "backends") != NULL) {
        output_rows(json_object_get(answer->json, "backends"), columns, 3, false, "no backends");
    }
}

static int ask(struct client *client, const char *path, long wait_s, bool json)
{
    struct client_answer answer;
    const uint64_t end = clock_monotonic_ns(clock_system()) + (uint64_t)wait_s * 1000000000;
    for (;;) {
        client_request(client, "GET", path, NULL, NULL, REQUEST_TIMEOUT_S, &answer);
        if ((answer.status > 0 && answer.status < 500) || clock_monotonic_ns(clock_system()) >= end) {
            break;
        }
        client_answer_free(&answer);
        poll(NULL, 0, RETRY_MS);
    }
    int code = EXIT_GOOD;
    if (answer.status == 200 || (answer.status == 503 && json_object_get(answer.json, "status") != NULL &&
                                 json_is_string(json_object_get(answer.json, "status")))) {
        print_health(&answer, json);
        code = answer.status == 200 ? EXIT_GOOD : EXIT_UNREACHABLE;
    } else {
        code = client_check(client, &answer, "health");
    }
    client_answer_free(&answer);
    return code;
}

int health_run(int argc, char **argv)
{
    struct credentials credentials;
    char server[512] = CLIENT_DEFAULT_SERVER;
    const char *path = "/readyz";
    bool wait = false, json = false;
    long wait_s = WAIT_DEFAULT_S;
    int code;
    struct options_list operands;
    const struct options_entry entries[] = {
        {.name = "wait",
         .argument = "SECONDS",
         .optional = true,
         .number = &wait_s,
         .maximum = 86400,
         .given = &wait,
         .help = "ask again until it is ready, for at most so long (60)"},
        {.name = "json", .help = "print the answer as JSON", .flag = &json},
    };
    const struct options_command command = {
        .name = "health",
        .operands = "[URL]",
        .entries = entries,
        .count = 2,
        .operands_max = 1,
        .about = "Asks the server at URL, else the one logged in to, else " CLIENT_DEFAULT_SERVER ", whether messages\n"
                 "are accepted. URL may name a page: /healthz asks only whether it is alive.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    if (operands.count > 0) {
        path = split_url(operands.items[0], server, sizeof server);
    } else if (credentials_peek(&credentials)) {
        snprintf(server, sizeof server, "%s", credentials.server);
        credentials_wipe(&credentials);
    }
    struct client *client = client_new(server, NULL);
    if (client == NULL) {
        return EXIT_WRONG_USAGE;
    }
    code = ask(client, path, wait ? wait_s : 0, output_is_json(json));
    client_free(client);
    return code;
}
