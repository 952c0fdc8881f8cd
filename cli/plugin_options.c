// SPDX-License-Identifier: Apache-2.0
//
// See cli/plugin_options.h.
#include "cli/plugin_options.h"

#include "core/config.h"
#include "core/findings.h"
#include "core/loader.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDERS_MAX 64

struct folders {
    const char *items[FOLDERS_MAX];
    size_t count;
    const char *file; // of -c
};

// The plugin_path of a configuration. What else is wrong in the file does not matter here.
static bool add_from_file(struct folders *folders, struct config **config_r)
{
    struct findings findings = {0};
    if (access(folders->file, R_OK) != 0) {
        perror(folders->file);
        return false;
    }
    struct config *config = config_read(folders->file, NULL, &findings);
    const struct ph_list *path = &config->daemon.plugin_path;
    for (size_t i = 0; i < path->count && folders->count < FOLDERS_MAX; i++) {
        folders->items[folders->count] = path->items[i];
        folders->count++;
    }
    findings_free(&findings);
    *config_r = config;
    return true;
}

static bool fail(struct plugin_options *options, const char *usage, int code)
{
    fputs(usage, code == 0 ? stdout : stderr);
    options->code = code;
    return false;
}

bool plugin_options_read(struct plugin_options *options, int argc, char **argv, const char *usage)
{
    static const struct option known[] = {{"json", no_argument, NULL, 'j'},
                                          {"path", required_argument, NULL, 'p'},
                                          {"config", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct folders folders = {.count = 0};
    struct config *config = NULL;
    *options = (struct plugin_options){.json = false};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        if (option == 'j') {
            options->json = true;
        } else if (option == 'p' && folders.count < FOLDERS_MAX) {
            folders.items[folders.count] = optarg;
            folders.count++;
        } else if (option == 'c') {
            folders.file = optarg;
        } else {
            return fail(options, usage, option == 'h' ? 0 : PLUGIN_EXIT_USAGE);
        }
    }
    if (folders.file != NULL && !add_from_file(&folders, &config)) {
        options->code = PLUGIN_EXIT_FAILED;
        return false;
    }
    options->first = optind;
    options->loader = loader_new(folders.items, folders.count);
    config_free(config);
    return true;
}

void plugin_options_free(struct plugin_options *options)
{
    loader_free(options->loader);
    options->loader = NULL;
}
