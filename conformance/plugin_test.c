// SPDX-License-Identifier: Apache-2.0
//
// The command `posthouse plugin test`: its words, and the order of things.
#include "conformance/conformance.h"

#include "conformance/report.h"
#include "conformance/runner.h"
#include "conformance/settings.h"
#include "conformance/suites.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/operation.h"
#include "core/random.h"
#include "core/xalloc.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define EXIT_CONFIG 78
#define JOBS_ISOLATED 6
#define ONLY_MAX 64

static const char USAGE[] =
    "usage: posthouse plugin test FILE.so|KIND-NAME [-c INI] [--level basic|full|stress] [--only NAME]…\n"
    "                             [--path FOLDER] [--jobs N] [--seed N] [--json] [--list]\n"
    "\n"
    "Proves a plugin against the rules of posthouse/plugin.h, each check in a process of its own.\n"
    "\n"
    "  -c INI         take the plugin's options from the section of its kind; the checks then run one after the\n"
    "                 other on that backend; with ${POSTHOUSE_CHECK} in a value, each on a backend of its own.\n"
    "                 Without -c, paths are temporary and every check begins with nothing\n"
    "  --level LEVEL  basic (default), full (more, and random operations compared with a model), stress (long)\n"
    "  --only NAME    only this check, or those whose names begin with NAME; may be repeated\n"
    "  --path FOLDER  look for KIND-NAME here first\n"
    "  --jobs N       checks at once\n"
    "  --seed N       of random operations; printed with the result\n"
    "  --json         one JSON object instead of lines\n"
    "  --list         only tell the checks and their rules\n"
    "\n"
    "exit: 0 all passed, 1 a check failed, 64 wrong usage, 78 a plugin or configuration that cannot be used\n";

static const char *const LEVELS[] = {"basic", "full", "stress"};
#define LEVEL_COUNT (sizeof LEVELS / sizeof LEVELS[0])

struct words {
    const char *what;
    const char *config;
    const char *path;
    const char *only[ONLY_MAX];
    size_t only_count;
    unsigned level;
    unsigned jobs;
    uint64_t seed;
    bool json;
    bool list;
};

static bool words_level(struct words *words, const char *text)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++) {
        if (strcmp(text, LEVELS[i]) == 0) {
            words->level = i;
            return true;
        }
    }
    fprintf(stderr, "posthouse: --level must be basic, full or stress, not %s\n", text);
    return false;
}

static bool words_number(const char *text, uint64_t most, uint64_t *number_r)
{
    char *end = NULL;
    *number_r = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || *number_r > most) {
        fprintf(stderr, "posthouse: expected a number up to %llu, not %s\n", (unsigned long long)most, text);
        return false;
    }
    return true;
}

enum { WORD_LEVEL = 256, WORD_ONLY, WORD_PATH, WORD_JOBS, WORD_SEED, WORD_JSON, WORD_LIST, WORD_HELP };

static const struct option OPTIONS[] = {
    {"config", required_argument, NULL, 'c'},     {"level", required_argument, NULL, WORD_LEVEL},
    {"only", required_argument, NULL, WORD_ONLY}, {"path", required_argument, NULL, WORD_PATH},
    {"jobs", required_argument, NULL, WORD_JOBS}, {"seed", required_argument, NULL, WORD_SEED},
    {"json", no_argument, NULL, WORD_JSON},       {"list", no_argument, NULL, WORD_LIST},
    {"help", no_argument, NULL, WORD_HELP},       {NULL, 0, NULL, 0},
};

static bool words_take(struct words *words, int option)
{
    uint64_t number;
    switch (option) {
    case 'c':
        words->config = optarg;
        return true;
    case WORD_LEVEL:
        return words_level(words, optarg);
    case WORD_ONLY:
        if (words->only_count < ONLY_MAX) {
            words->only[words->only_count++] = optarg;
        }
        return true;
    case WORD_PATH:
        words->path = optarg;
        return true;
    case WORD_JOBS:
        if (!words_number(optarg, 16, &number) || number == 0) {
            return false;
        }
        words->jobs = (unsigned)number;
        return true;
    case WORD_SEED:
        return words_number(optarg, INT64_MAX, &words->seed);
    case WORD_JSON:
        words->json = true;
        return true;
    case WORD_LIST:
        words->list = true;
        return true;
    default:
        return false;
    }
}

// True when the words are good; else the exit code is in `code_r`.
static bool words_read(struct words *words, int argc, char **argv, int *code_r)
{
    *words = (struct words){.seed = random_below(1000000)};
    *code_r = EXIT_USAGE;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "c:h", OPTIONS, NULL)) != -1;) {
        if (option == WORD_HELP || option == 'h') {
            fputs(USAGE, stdout);
            *code_r = 0;
            return false;
        }
        if (!words_take(words, option)) {
            fputs("posthouse plugin test --help tells more.\n", stderr);
            return false;
        }
    }
    if (optind != argc - 1) {
        fputs(USAGE, stderr);
        return false;
    }
    words->what = argv[optind];
    return true;
}

static bool is_file(const char *what)
{
    size_t length = strlen(what);
    return strchr(what, '/') != NULL || (length > 3 && strcmp(what + length - 3, ".so") == 0);
}

static const struct plugin *plugin_find(struct loader *loader, const char *what)
{
    char *errors = NULL;
    const struct plugin *plugin = NULL;
    if (is_file(what)) {
        plugin = loader_open_path(loader, what, &errors);
    } else {
        const char *dash = strchr(what, '-');
        char kind[16];
        snprintf(kind, sizeof kind, "%.*s", dash != NULL ? (int)(dash - what) : 0, what);
        if (kind_find(kind) == 0) {
            fprintf(stderr, "posthouse: %s is no file and does not begin with a kind, as in storage-sqlite\n", what);
            return NULL;
        }
        plugin = loader_open(loader, kind_find(kind), dash + 1, &errors);
    }
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", errors != NULL ? errors : what);
    }
    free(errors);
    return plugin;
}

// Keeps the checks that --only names.
static size_t checks_filter(const struct words *words, const struct check **checks, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool wanted = words->only_count == 0;
        for (size_t j = 0; j < words->only_count; j++) {
            wanted = wanted || strncmp(checks[i]->name, words->only[j], strlen(words->only[j])) == 0;
        }
        if (wanted) {
            checks[kept++] = checks[i];
        }
    }
    return kept;
}

static int run_checks(const struct words *words, const struct plugin *plugin, struct settings *settings,
                      const struct check *const *checks, size_t count)
{
    const char *temporary = getenv("TMPDIR");
    char *folder =
        xasprintf("%s/posthouse-test-XXXXXX", temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    if (mkdtemp(folder) == NULL) {
        perror("posthouse: a temporary folder");
        free(folder);
        return EXIT_CONFIG;
    }
    struct report report = {.out = stdout, .json = words->json, .color = isatty(STDOUT_FILENO) != 0};
    const struct runner runner = {
        .plugin = plugin,
        .settings = settings,
        .folder = folder,
        .seed = words->seed,
        .level = words->level,
        .jobs = words->jobs > 0              ? words->jobs
                : settings_isolate(settings) ? JOBS_ISOLATED
                                             : 1,
        .over = report_check,
        .context = &report,
    };
    report_begin(&report, plugin, LEVELS[words->level], words->seed);
    runner_run(&runner, checks, count);
    report_end(&report, plugin, LEVELS[words->level], words->seed);
    runner_remove_folder(folder);
    free(folder);
    return report.failed > 0 ? 1 : 0;
}

static int run_with(const struct words *words, const struct plugin *plugin)
{
    size_t count = 0;
    const struct check **checks = suites_list(plugin->descriptor.kind, words->level, &count);
    count = checks_filter(words, checks, count);
    int code = EXIT_USAGE;
    if (count == 0) {
        fputs("posthouse: no check has that name at this level; --list tells them\n", stderr);
    } else if (words->list) {
        report_list(stdout, words->json, checks, count);
        code = 0;
    } else {
        struct settings *settings = settings_read(plugin, words->config, stderr);
        settings_name_check("any");
        code = settings != NULL && settings_fill(settings, "/nonexistent", stderr) != NULL
                   ? run_checks(words, plugin, settings, checks, count)
                   : EXIT_CONFIG;
        settings_free(settings);
    }
    free(checks);
    return code;
}

int plugin_test_run(int argc, char **argv)
{
    struct words words;
    int code;
    if (!words_read(&words, argc, argv, &code)) {
        return code;
    }
    signal(SIGPIPE, SIG_IGN);
    struct loader *loader = loader_new(&words.path, words.path != NULL ? 1 : 0);
    const struct plugin *plugin = plugin_find(loader, words.what);
    code = plugin != NULL ? run_with(&words, plugin) : EXIT_CONFIG;
    loader_free(loader);
    return code;
}
