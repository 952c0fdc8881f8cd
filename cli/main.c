// SPDX-License-Identifier: Apache-2.0
//
// posthouse, the command: finds the function of a command by its one or two words.
#include "cli/health.h"
#include "cli/plugin_describe.h"
#include "cli/plugin_list.h"
#include "cli/user.h"
#include <stdio.h>
#include <string.h>

struct command {
    const char *group; // the word before, or NULL
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command COMMANDS[] = {
    {NULL, "health", health_run, "ask a server whether it is ready"},
    {"user", "add", user_add_run, "add a user, the first operator too"},
    {"plugin", "list", plugin_list_run, "list the plugins that can be used"},
    {"plugin", "describe", plugin_describe_run, "tell what a plugin does and which options it takes"},
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
    fputs("\nposthouse COMMAND --help tells more.\n", out);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        int words = command->group == NULL ? 1 : 2;
        if (argc > words && (command->group == NULL || strcmp(argv[1], command->group) == 0) &&
            strcmp(argv[words], command->name) == 0) {
            return command->run(argc - words, argv + words);
        }
    }
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        usage(stdout);
        return 0;
    }
    usage(stderr);
    return 64;
}
