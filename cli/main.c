// SPDX-License-Identifier: Apache-2.0
//
// posthouse, the command: finds the function of a command by its one or two words.
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "cli/admin.h"
#include "cli/exit_codes.h"
#include "cli/health.h"
#include "cli/iam_policy.h"
#include "cli/inbox.h"
#include "cli/plugin_describe.h"
#include "cli/plugin_list.h"
#include "cli/send.h"
#include "cli/session.h"
#include "cli/setup.h"
#include "cli/status.h"
#include "cli/user.h"
#include "conformance/conformance.h"
#include "core/suggest.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *group; // the word before, or NULL
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static int version_run(int argc, char **argv);
static int help_run(int argc, char **argv);

static const struct command COMMANDS[] = {
    {NULL, "login", session_login_run, "begin a session at a server"},
    {NULL, "logout", session_logout_run, "end it"},
    {NULL, "send", send_run, "send a message"},
    {NULL, "inbox", inbox_run, "read what came, follow what comes"},
    {NULL, "ack", inbox_ack_run, "acknowledge messages"},
    {NULL, "sent", inbox_sent_run, "list what you have sent"},
    {NULL, "status", status_run, "show a message and what became of it"},
    {"user", "add", user_add_run, "add a user, the first operator too"},
    {"user", "list", user_list_run, "list the users"},
    {"user", "remove", user_remove_run, "remove a user"},
    {"user", "password", user_password_run, "change a password"},
    {NULL, "health", health_run, "ask a server whether it is ready"},
    {NULL, "backends", admin_backends_run, "list the backends and how they are"},
    {NULL, "queue", admin_queue_run, "count what waits"},
    {NULL, "dead-letters", admin_dead_letters_run, "list what could not be delivered"},
    {NULL, "redrive", admin_redrive_run, "deliver it again"},
    {"plugin", "list", plugin_list_run, "list the plugins that can be used"},
    {"plugin", "describe", plugin_describe_run, "tell what a plugin does and which options it takes"},
    {"plugin", "test", plugin_test_run, "prove a plugin against the rules of posthouse/plugin.h"},
    {NULL, "iam-policy", iam_policy_run, "print the AWS rights that a configuration needs"},
    {NULL, "setup", setup_run, "make what a configuration names and its backends lack"},
    {NULL, "help", help_run, "this text, or a command's"},
    {NULL, "version", version_run, "print the version"},
};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static void usage(FILE *out)
{
    fputs("usage: posthouse COMMAND …\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *group = COMMANDS[i].group;
        int width = 20 - (group == NULL ? 0 : (int)strlen(group) + 1);
        fprintf(out, "  %s%s%-*s  %s\n", group == NULL ? "" : group, group == NULL ? "" : " ", width, COMMANDS[i].name,
                COMMANDS[i].summary);
    }
    fputs("\nposthouse COMMAND --help tells more, as does the manual page posthouse(1).\n", out);
}

// The command that the words begin with, or NULL. `words_r`: how many words name it.
static const struct command *find(int argc, char **argv, int *words_r)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        const int words = command->group == NULL ? 1 : 2;
        if (argc >= words && (command->group == NULL || strcmp(argv[0], command->group) == 0) &&
            strcmp(argv[words - 1], command->name) == 0) {
            *words_r = words;
            return command;
        }
    }
    return NULL;
}

static int unknown(const char *group, const char *name)
{
    struct suggest suggest = suggest_begin(name);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *own = COMMANDS[i].group;
        if (group == NULL || (own != NULL && strcmp(own, group) == 0)) {
            suggest_offer(&suggest, group == NULL && own != NULL ? own : COMMANDS[i].name);
        }
    }
    const char *nearest = suggest_nearest(&suggest);
    fprintf(stderr, "posthouse: there is no command %s%s%s", group != NULL ? group : "", group != NULL ? " " : "",
            name);
    if (nearest != NULL) {
        fprintf(stderr, "; did you mean %s?", nearest);
    }
    fputs("\n  posthouse help lists them\n", stderr);
    return EXIT_WRONG_USAGE;
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (COMMANDS[i].group != NULL && strcmp(COMMANDS[i].group, word) == 0) {
            return true;
        }
    }
    return false;
}

static int unknown_words(int argc, char **argv)
{
    if (!is_group(argv[0])) {
        return unknown(NULL, argv[0]);
    }
    if (argc > 1 && strcmp(argv[1], "--help") != 0) {
        return unknown(argv[0], argv[1]);
    }
    usage(argc > 1 ? stdout : stderr);
    return argc > 1 ? EXIT_GOOD : EXIT_WRONG_USAGE;
}

static int version_run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("posthouse " PACKAGE_VERSION);
    return EXIT_GOOD;
}

static int help_run(int argc, char **argv)
{
    char option[] = "--help";
    int words;
    const struct command *command = argc > 1 ? find(argc - 1, argv + 1, &words) : NULL;
    if (command == NULL || command->run == help_run || command->run == version_run) {
        usage(stdout);
        return EXIT_GOOD;
    }
    char *arguments[] = {argv[words], option, NULL};
    return command->run(2, arguments);
}

int main(int argc, char **argv)
{
    int words;
    if (argc < 2) {
        usage(stderr);
        return EXIT_WRONG_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return EXIT_GOOD;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        return version_run(argc - 1, argv + 1);
    }
    const struct command *command = find(argc - 1, argv + 1, &words);
    return command != NULL ? command->run(argc - words, argv + words) : unknown_words(argc - 1, argv + 1);
}
