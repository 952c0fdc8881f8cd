// SPDX-License-Identifier: Apache-2.0
//
// See user.h.
#include "cli/user.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit_codes.h"
#include "cli/password_input.h"
#include "cli/user_direct.h"
#include "core/json_read.h"
#include "core/message_input.h"

#define PASSWORD_MIN 8
#define PASSWORD_MAX 200

static int usage(FILE *out, int code)
{
    fputs("usage: posthouse user add NAME [--operator] [--password-stdin | --password-file FILE] -c FILE\n"
          "\n"
          "Adds a user to the storage that the configuration FILE names, without a daemon: the way to the first "
          "operator.\n",
          out);
    return code;
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

int user_add_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"operator", no_argument, NULL, 'o'},
        {"password-stdin", no_argument, NULL, 's'}, {"password-file", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};
    const char *config = NULL, *file = NULL;
    bool is_operator = false, from_stdin = false;
    char password[PASSWORD_INPUT_SIZE];
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'o':
            is_operator = true;
            break;
        case 's':
            from_stdin = true;
            break;
        case 'f':
            file = optarg;
            break;
        default:
            return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : EXIT_WRONG_USAGE);
        }
    }
    if (config == NULL || optind + 1 != argc) {
        return usage(stderr, EXIT_WRONG_USAGE);
    }
    if (!message_input_name(argv[optind], strlen(argv[optind]))) {
        fprintf(stderr, "posthouse: a user's name has 1 to 64 of a-z 0-9 . _ @ -\n");
        return EXIT_WRONG_USAGE;
    }
    int code = 1;
    if (password_input(file, from_stdin, true, password) && password_allowed(password)) {
        code = user_direct_add(config, argv[optind], password, is_operator);
    }
    explicit_bzero(password, sizeof password);
    return code;
}
