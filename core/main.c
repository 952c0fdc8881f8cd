// SPDX-License-Identifier: Apache-2.0
//
// posthoused, the daemon: reads its arguments and runs.
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/daemon.h"

#define EXIT_USAGE 64

static void print_usage(FILE *out)
{
    fputs("usage: posthoused -c FILE [--check[=deep]]\n"
          "       posthoused --version | --help\n"
          "\n"
          "  -c, --config FILE  the configuration (INI)\n"
          "      --check        say what a start would say, and end\n"
          "      --check=deep   the same, open each backend, try its rights\n"
          "  -V, --version      print the version\n"
          "  -h, --help         print this\n"
          "\n"
          "Exit codes: 0 after a drain, 64 wrong usage, 69 an address in use or a storage that refuses,\n"
          "78 a configuration that cannot be used.\n",
          out);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", optional_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'V'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL;
    bool check = false, deep = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 'k':
            check = true;
            deep = optarg != NULL;
            if (deep && strcmp(optarg, "deep") != 0) {
                fprintf(stderr, "posthoused: --check takes nothing or \"deep\", not \"%s\"\n", optarg);
                return EXIT_USAGE;
            }
            break;
        case 'V':
            puts("posthoused " PACKAGE_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            print_usage(stdout);
            return EXIT_SUCCESS;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (file == NULL || optind < argc) {
        fputs(file == NULL ? "posthoused: a configuration is needed: -c FILE\n" : "posthoused: too many arguments\n",
              stderr);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    return check ? daemon_check(file, deep) : daemon_run(file);
}
