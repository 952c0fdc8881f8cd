// SPDX-License-Identifier: Apache-2.0
//
// See session.h.
#include "cli/session.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/credentials.h"
#include "cli/exit_codes.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/password_input.h"

struct login {
    const char *server, *user, *file;
    bool from_stdin, json;
};

static bool ask_user(char user_r[128])
{
    if (!isatty(STDIN_FILENO)) {
        options_wrong("login", "there is no terminal to ask for the name: use --user");
        return false;
    }
    fputs("User: ", stderr);
    if (fgets(user_r, 128, stdin) == NULL) {
        return false;
    }
    user_r[strcspn(user_r, "\r\n")] = '\0';
    return true;
}

// A password on its way over a network without TLS is everybody's.
static void warn_if_open(const char *server)
{
    const char *host = strncmp(server, "http://", 7) == 0 ? server + 7 : NULL;
    if (host != NULL && strncmp(host, "127.", 4) != 0 && strncmp(host, "[::1]", 5) != 0 &&
        strncmp(host, "localhost", 9) != 0) {
        fputs("posthouse: login: the password and the token go to this server unencrypted; use https:// if it has it\n",
              stderr);
    }
}

static bool copy_answer(const json_t *json, const char *member, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(json, member));
    if (text == NULL || strlen(text) >= size) {
        fputs("posthouse: login: the server's answer is not that of a posthouse\n", stderr);
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static void print_login(const struct login *login, const struct credentials *credentials, const json_t *answer)
{
    if (output_is_json(login->json)) {
        json_t *json = json_pack("{s:s, s:s, s:O?}", "user", credentials->user, "server", credentials->server,
                                 "expires_at", json_object_get(answer, "expires_at"));
        output_json(json);
        json_decref(json);
        return;
    }
    fputs("logged in to ", stdout);
    output_clean(stdout, credentials->server);
    fputs(" as ", stdout);
    output_clean(stdout, credentials->user);
    fputs(", until ", stdout);
    output_clean(stdout, json_string_value(json_object_get(answer, "expires_at")));
    putchar('\n');
}

static int keep(struct client *client, const struct login *login, const json_t *answer)
{
    struct credentials credentials;
    int code = EXIT_FAILED;
    snprintf(credentials.server, sizeof credentials.server, "%s", client_server(client));
    if (copy_answer(answer, "token", credentials.token, sizeof credentials.token) &&
        copy_answer(answer, "user", credentials.user, sizeof credentials.user) && credentials_write(&credentials)) {
        print_login(login, &credentials, answer);
        code = output_end();
    }
    credentials_wipe(&credentials);
    return code;
}

static int log_in(const struct login *login, const char *server, const char *user, const char *password)
{
    struct client_answer answer;
    struct client *client = client_new(server, NULL);
    json_t *body = json_pack("{s:s, s:s}", "user", user, "password", password);
    int code = EXIT_WRONG_USAGE;
    if (body == NULL) {
        fputs("posthouse: login: name and password must be UTF-8\n", stderr);
    } else if (client != NULL) {
        client_request(client, "POST", "/v1/sessions", body, NULL, CLIENT_TIMEOUT_S, &answer);
        if (answer.status == 401) {
            fputs("posthouse: login: name or password is wrong\n", stderr);
            code = EXIT_NO_SESSION;
        } else {
            code = client_check(client, &answer, "login");
            code = code == EXIT_GOOD ? keep(client, login, answer.json) : code;
        }
        client_answer_free(&answer);
    }
    json_decref(body);
    client_free(client);
    return code;
}

int session_login_run(int argc, char **argv)
{
    struct login login = {.server = NULL};
    struct credentials known = {.server = ""};
    char user[128], password[PASSWORD_INPUT_SIZE];
    int code;
    const struct options_entry entries[] = {
        {.name = "server",
         .argument = "URL",
         .text = &login.server,
         .help = "as http://host:port or https://host (the last one, else " CLIENT_DEFAULT_SERVER ")"},
        {.name = "user", .argument = "NAME", .text = &login.user, .help = "who you are (asked for)"},
        {.name = "password-stdin", .flag = &login.from_stdin, .help = "take the password from the first line of stdin"},
        {.name = "password-file", .argument = "FILE", .text = &login.file, .help = "or from the first line of a file"},
        {.name = "json", .flag = &login.json, .help = "print the result as JSON, also on a terminal"}};
    const struct options_command command = {
        .name = "login",
        .operands = "",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
        .about = "Begins a session of 12 hours. Server and token are kept in $POSTHOUSE_CREDENTIALS, else in\n"
                 "posthouse/credentials in your configuration folder, for you alone.\n"};
    if (!options_read(&command, argc, argv, NULL, &code)) {
        return code;
    }
    credentials_peek(&known);
    const char *server = login.server != NULL      ? login.server
                         : known.server[0] != '\0' ? known.server
                                                   : CLIENT_DEFAULT_SERVER;
    code = EXIT_FAILED;
    if (login.user == NULL && !ask_user(user)) {
        code = EXIT_WRONG_USAGE;
    } else {
        warn_if_open(server);
        if (password_input(login.file, login.from_stdin, false, password)) {
            code = log_in(&login, server, login.user != NULL ? login.user : user, password);
        }
    }
    explicit_bzero(password, sizeof password);
    credentials_wipe(&known);
    return code;
}

int session_logout_run(int argc, char **argv)
{
    const struct options_command command = {
        .name = "logout", .operands = "", .about = "Ends the session at the server and removes the token here.\n"};
    struct client_answer answer;
    int code;
    if (!options_read(&command, argc, argv, NULL, &code)) {
        return code;
    }
    struct client *client = client_logged_in();
    if (client == NULL) {
        return EXIT_NO_SESSION;
    }
    client_request(client, "DELETE", "/v1/sessions/current", NULL, NULL, CLIENT_TIMEOUT_S, &answer);
    // A session that has ended by itself needs no end.
    code = answer.status == 401 ? EXIT_GOOD : client_check(client, &answer, "logout");
    if (code != EXIT_GOOD) {
        fputs("  the token was removed here, but the session lasts at the server until it expires\n", stderr);
    }
    credentials_remove();
    client_answer_free(&answer);
    client_free(client);
    return code;
}
