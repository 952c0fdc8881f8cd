// SPDX-License-Identifier: Apache-2.0
//
// See health.h.
#include "cli/health.h"

#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/client.h"
#include "cli/credentials.h"
#include "cli/exit_codes.h"
#include "cli/output.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define REQUEST_TIMEOUT_S 5
#define WAIT_DEFAULT_S 60
#define RETRY_MS 50

static int usage(FILE *out, int code)
{
    fputs("usage: posthouse health [--wait[=SECONDS]] [--json] [URL]\n"
          "\n"
          "Asks the server (the one logged in to, else " DEFAULT_SERVER ") whether messages are accepted.\n"
          "URL may name a path: /healthz asks only whether it is alive. --wait asks again until it is ready, for at "
          "most\n"
          "60 seconds or so many as given.\n"
          "Exit codes: 0 ready or degraded, 4 no such page, 5 unavailable or not reachable.\n",
          out);
    return code;
}

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
    static const struct output_column columns[] = {
        {"KIND", "kind", 8}, {"PLUGIN", "plugin", 16}, {"STATE", "state", 0}};
    if (json) {
        output_json(answer->json);
        return;
    }
    output_clean(stdout, json_string_value(json_object_get(answer->json, "status")));
    putchar('\n');
    if (json_object_get(answer->json, "backends") != NULL) {
        output_table(json_object_get(answer->json, "backends"), columns, 3, "no backends");
    }
}

static int ask(struct client *client, const char *path, long wait_s, bool json)
{
    struct client_answer answer;
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        client_request(client, "GET", path, NULL, NULL, REQUEST_TIMEOUT_S, &answer);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((answer.status > 0 && answer.status < 500) || now.tv_sec - begin.tv_sec >= wait_s) {
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
    static const struct option options[] = {{"wait", optional_argument, NULL, 'w'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct credentials credentials;
    char server[512] = DEFAULT_SERVER;
    const char *path = "/readyz";
    long wait_s = 0;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'w':
            wait_s = optarg != NULL ? strtol(optarg, NULL, 10) : WAIT_DEFAULT_S;
            break;
        case 'j':
            json = true;
            break;
        default:
            return usage(option == 'h' ? stdout : stderr, option == 'h' ? EXIT_GOOD : EXIT_WRONG_USAGE);
        }
    }
    if (optind < argc) {
        path = split_url(argv[optind], server, sizeof server);
    } else if (credentials_peek(&credentials)) {
        snprintf(server, sizeof server, "%s", credentials.server);
        credentials_wipe(&credentials);
    }
    struct client *client = client_new(server, NULL);
    if (client == NULL) {
        return EXIT_WRONG_USAGE;
    }
    const int code = ask(client, path, wait_s, output_is_json(json));
    client_free(client);
    return code;
}
