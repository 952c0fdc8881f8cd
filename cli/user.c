// SPDX-License-Identifier: Apache-2.0
//
// See user.h.
#include "cli/user.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/credentials.h"
#include "cli/exit_codes.h"
#include "cli/list.h"
#include "cli/password_input.h"
#include "cli/user_direct.h"
#include "core/json_read.h"
#include "core/message_input.h"
#include "core/xalloc.h"

#define PASSWORD_MIN 8
#define PASSWORD_MAX 200

static bool name_good(const char *command, const char *name)
{
    if (!message_input_name(name, strlen(name))) {
        options_wrong(command, "%s is no user's name: 1 to 64 of a-z 0-9 . _ @ -", name);
        return false;
    }
    return true;
}

static bool password_allowed(const char *password)
{
    json_t *text = json_string(password); // NULL unless UTF-8
    const size_t count = text != NULL ? json_read_string_count(text) : 0;
    json_decref(text);
    if (count < PASSWORD_MIN || count > PASSWORD_MAX) {
        fprintf(stderr, "posthouse: a password has %d to %d characters in UTF-8\n", PASSWORD_MIN, PASSWORD_MAX);
        return false;
    }
    return true;
}

// Tells people that it is done; programs see the exit code.
static int done(int code, const char *what, const char *name)
{
    if (code != EXIT_GOOD || output_is_json(false)) {
        return code;
    }
    printf("%s: %s\n", what, name);
    return output_end();
}

// ------------------------------------------------------------------------------------------------------------ add

static int add_by_api(const char *name, const char *password, bool is_operator)
{
    int code;
    json_t *body = json_pack("{s:s, s:s, s:o}", "user", name, "password", password, "roles",
                             is_operator ? json_pack("[s]", "operator") : json_array());
    json_t *answer = client_session_call("POST", "/v1/users", body, "user add", &code);
    json_decref(answer);
    json_decref(body);
    return code;
}

int user_add_run(int argc, char **argv)
{
    const char *config = NULL, *file = NULL;
    bool is_operator = false, from_stdin = false;
    char password[PASSWORD_INPUT_SIZE];
    struct options_list operands;
    int code;
    const struct options_entry entries[] = {
        {.name = "operator", .flag = &is_operator, .help = "the user may manage users, backends and dead letters"},
        {.name = "password-stdin", .flag = &from_stdin, .help = "take the password from the first line of stdin"},
        {.name = "password-file", .argument = "FILE", .text = &file, .help = "or from the first line of a file"},
        {.name = "config",
         .letter = 'c',
         .argument = "FILE",
         .text = &config,
         .help = "add to the storage that FILE configures, without a server"}};
    const struct options_command command = {
        .name = "user add",
        .operands = "NAME",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
        .operands_min = 1,
        .operands_max = 1,
        .about = "Adds a user: at the server you are logged in to as an operator, or with -c directly in the storage,\n"
                 "which is the way to the first operator. The password is asked for.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    if (!name_good("user add", operands.items[0])) {
        return EXIT_WRONG_USAGE;
    }
    code = EXIT_FAILED;
    if (password_input(file, from_stdin, true, password) && password_allowed(password)) {
        code = config != NULL ? user_direct_add(config, operands.items[0], password, is_operator)
                              : add_by_api(operands.items[0], password, is_operator);
        code = done(code, "added", operands.items[0]);
    }
    explicit_bzero(password, sizeof password);
    return code;
}

// --------------------------------------------------------------------------------------------------- list, remove

int user_list_run(int argc, char **argv)
{
    static const struct output_column columns[] = {{.title = "NAME", .member = "user"},
                                                   {.title = "ROLES", .member = "roles"},
                                                   {.title = "CREATED", .member = "created_at"}};
    static const struct list_view view = {.path = "/v1/users?",
                                          .member = "users",
                                          .what = "user list",
                                          .empty = "no users",
                                          .columns = columns,
                                          .column_count = sizeof columns / sizeof columns[0]};
    struct list_options list = LIST_OPTIONS_DEFAULT;
    int code;
    const struct options_entry entries[] = {LIST_ENTRIES(list)};
    const struct options_command command = {.name = "user list",
                                            .operands = "",
                                            .entries = entries,
                                            .count = LIST_ENTRY_COUNT,
                                            .about = "Lists the users by name; for operators.\n"};
    return options_read(&command, argc, argv, NULL, &code) ? list_run(&view, &list) : code;
}

int user_remove_run(int argc, char **argv)
{
    struct options_list operands;
    int code;
    const struct options_command command = {
        .name = "user remove",
        .operands = "NAME",
        .operands_min = 1,
        .operands_max = 1,
        .about =
            "Removes a user with sessions and inbox; what is still to come fails. The name is never given again. For\n"
            "operators.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    if (!name_good("user remove", operands.items[0])) {
        return EXIT_WRONG_USAGE;
    }
    char *path = xasprintf("/v1/users/%s", operands.items[0]);
    json_decref(client_session_call("DELETE", path, NULL, "user remove", &code));
    free(path);
    return done(code, "removed", operands.items[0]);
}

// ------------------------------------------------------------------------------------------------------- password

struct changing {
    const char *file, *current_file;
    bool from_stdin;
};

static int change(const char *user, const char *password, const char *current)
{
    int code;
    char *path = xasprintf("/v1/users/%s/password", user);
    json_t *body = json_pack("{s:s, s:s*}", "password", password, "current", current);
    json_t *answer = NULL;
    if (body == NULL) {
        fputs("posthouse: a password must be UTF-8\n", stderr);
        code = EXIT_FAILED;
    } else {
        answer = client_session_call("PUT", path, body, "user password", &code);
    }
    json_decref(answer);
    json_decref(body);
    free(path);
    return code;
}

// One's own change needs the current password, too.
static int read_and_change(const struct changing *changing, const char *user, bool own)
{
    char password[PASSWORD_INPUT_SIZE], current[PASSWORD_INPUT_SIZE];
    int code = EXIT_FAILED;
    if ((!own || password_input_named("Current password: ", changing->current_file, changing->from_stdin, current)) &&
        password_input(changing->file, changing->from_stdin, true, password) && password_allowed(password)) {
        code = done(change(user, password, own ? current : NULL), "password changed", user);
    }
    explicit_bzero(password, sizeof password);
    explicit_bzero(current, sizeof current);
    return code;
}

int user_password_run(int argc, char **argv)
{
    struct changing changing = {.file = NULL};
    struct options_list operands;
    struct credentials credentials;
    int code;
    const struct options_entry entries[] = {
        {.name = "password-stdin",
         .flag = &changing.from_stdin,
         .help = "take the passwords from lines of stdin: your current one if it is yours, then the new one"},
        {.name = "password-file",
         .argument = "FILE",
         .text = &changing.file,
         .help = "take the new one from the first line of a file"},
        {.name = "current-file",
         .argument = "FILE",
         .text = &changing.current_file,
         .help = "take the current one from the first line of a file"}};
    const struct options_command command = {
        .name = "user password",
        .operands = "[NAME]",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
        .operands_max = 1,
        .about = "Changes your password, or as an operator another user's. All other sessions of that user end.\n"};
    if (!options_read(&command, argc, argv, &operands, &code)) {
        return code;
    }
    if (!credentials_read(&credentials)) {
        return EXIT_NO_SESSION;
    }
    const char *user = operands.count > 0 ? operands.items[0] : credentials.user;
    code = name_good("user password", user) ? read_and_change(&changing, user, strcmp(user, credentials.user) == 0)
                                            : EXIT_WRONG_USAGE;
    credentials_wipe(&credentials);
    return code;
}
