// SPDX-License-Identifier: Apache-2.0
//
// core/config: whole files, the environment, secrets, what is told about mistakes, and how two
// configurations compare.
#include "tests/unit/unit.h"

#include "core/backend_settings.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/faults.h"
#include "core/loader.h"
#include "core/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- a plugin without code ---------------------------------------------------------------------------------

struct thing_config {
    const char *path;
    const char *password;
    const char *url;
    uint64_t cache;
    int64_t limit;
};

static struct ph_option thing_options[] = {
    PH_TEXT(struct thing_config, path, PH_OPTION_REQUIRED | PH_OPTION_PATH, NULL, "The file."),
    PH_TEXT(struct thing_config, password, PH_OPTION_SECRET | PH_OPTION_RELOADABLE, NULL, "The password."),
    PH_TEXT(struct thing_config, url, 0, NULL, "Where it is."),
    PH_SIZE(struct thing_config, cache, PH_OPTION_RELOADABLE, "8MiB", 65536, 1073741824, "The cache."),
    PH_INTEGER(struct thing_config, limit, 0, "10", 1, 100, "The limit."),
};
static const struct plugin thing = {
    .descriptor = {.name = "thing",
                   .options = thing_options,
                   .option_count = sizeof thing_options / sizeof thing_options[0],
                   .config_size = sizeof(struct thing_config)},
};
static const struct plugin other = {.descriptor = {.name = "other"}};

static const struct plugin *find(void *context, uint32_t kind, const char *name, char **errors_r)
{
    (void)context;
    (void)kind;
    if (strcmp(name, "thing") == 0) {
        return &thing;
    }
    if (strcmp(name, "other") == 0) {
        return &other;
    }
    *errors_r = strdup("first reason\nsecond reason");
    return NULL;
}

// --- files -------------------------------------------------------------------------------------------------

static char path[] = "/tmp/test_config.XXXXXX";

#define THREE "[meta]\nplugin = other\n[queue]\nplugin = other\n[alert]\nplugin = other\n"
#define GOOD "[storage]\nplugin = thing\npath = a.db\n" THREE

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct config *read_text(const char *text, const char *const *environment, struct findings *findings)
{
    static const char *const none[] = {NULL};
    const struct config_settings settings = {.environment = environment == NULL ? none : environment, .find = find};
    write_file(text);
    *findings = (struct findings){0};
    return config_read(path, &settings, findings);
}

// All that is told, with the file's name left out.
static char *told(struct findings *findings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    findings_print(findings, out);
    fclose(out);
    struct buffer short_text;
    buffer_init(&short_text, (size_t)1024 * 1024);
    for (const char *at = text; *at != '\0';) {
        if (strncmp(at, path, strlen(path)) == 0) {
            at += strlen(path);
        } else {
            buffer_byte(&short_text, *at);
            at++;
        }
    }
    free(text);
    buffer_byte(&short_text, '\0');
    return buffer_detach(&short_text, &size);
}

static void expect_told(const char *text, const char *const *environment, const char *expected)
{
    struct findings findings;
    struct config *config = read_text(text, environment, &findings);
    if (config->secret_count == 0) {
        config_finish(config, NULL, NULL, &findings);
    }
    char *got = told(&findings);
    assert_string_equal(got, expected);
    free(got);
    config_free(config);
    findings_free(&findings);
}

static void test_defaults(void **state)
{
    struct findings findings;
    struct config *config = read_text(GOOD, NULL, &findings);
    (void)state;
    assert_true(config_finish(config, NULL, NULL, &findings));
    assert_int_equal(findings.errors + findings.warnings, 0);
    assert_true(config->daemon.api && config->daemon.courier);
    assert_string_equal(config->daemon.state_dir, ".");
    assert_int_equal(config->daemon.log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->daemon.log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config->daemon.memory, 256 * 1024 * 1024);
    assert_int_equal(config->daemon.attempts, 5);
    assert_string_equal(config->http.listen.items[0], "127.0.0.1:8080");
    assert_int_equal(config->http.idle_timeout, 75000);
    assert_int_equal(config->http.max_body, 1024 * 1024);
    assert_int_equal(config->http.user_rate.rate, 0);
    assert_in_range(config->http.loops, 0, 4);
    const struct thing_config *filled = config->storage->config;
    assert_string_equal(filled->path, "a.db");
    assert_int_equal(filled->cache, 8 * 1024 * 1024);
    assert_null(config->storage->faults);
    assert_null(config->secret);
    assert_ptr_equal(config->storage->plugin, &thing);
    assert_int_equal(config->storage->place.line, 1);
    config_free(config);
}

static void test_everything_set(void **state)
{
    static const char text[] =
        "[daemon]\nstate_dir = /var/lib/posthouse\nplugin_path = plugins /opt/p\nroles = courier\n"
        "log_level = warn\nlog_format = json\nmemory = 64MiB\ndrain = 3s\nretention = 0\n"
        "[http]\nlisten = [::1]:0, 127.0.0.1:0\nloops = 3\nrate_per_user = 20/s\n"
        "rate_per_address = 5/s 50\ntrusted_proxies = 10.0.0.0/8\n"
        "[alarm backlog]\nmetric = queue_waiting\nabove = 100\nfor = 10m\n"
        "[alarm low]\nmetric = dead_letters\nbelow = -1\n" GOOD
        "[secret]\nplugin = thing\npath = /s\ncall.deadline = 1s\n";
    struct findings findings;
    struct config *config = read_text(text, NULL, &findings);
    (void)state;
    char *got = told(&findings);
    assert_string_equal(got, "");
    free(got);
    assert_true(config_finish(config, NULL, NULL, &findings));
    assert_string_equal(config->daemon.plugin_path.items[0], "/var/lib/posthouse/plugins");
    assert_false(config->daemon.api);
    assert_int_equal(config->daemon.log_level, LOG_LEVEL_WARN);
    assert_int_equal(config->daemon.log_format, LOG_FORMAT_JSON);
    assert_int_equal(config->daemon.retention, 0);
    assert_int_equal(config->http.loops, 3);
    assert_int_equal(config->http.user_rate.rate, 20);
    assert_int_equal(config->http.user_rate.burst, 20);
    assert_int_equal(config->http.address_rate.burst, 50);
    assert_int_equal(config->alarm_count, 2);
    assert_string_equal(config->alarms[0].name, "backlog");
    assert_true(config->alarms[0].has_above && !config->alarms[0].has_below);
    assert_int_equal(config->alarms[0].hold, 600000);
    assert_int_equal(config->alarms[1].below, -1);
    assert_string_equal(((const struct thing_config *)config->storage->config)->path, "/var/lib/posthouse/a.db");
    assert_int_equal(config->secret->policy->deadline, 1000);
    config_free(config);
}

static void test_mistakes(void **state)
{
    (void)state;
    expect_told("", NULL,
                ":1: [storage] is missing: add the section, with a key such as plugin = sqlite\n"
                ":1: [meta] is missing: add the section, with a key such as plugin = sqlite\n"
                ":1: [queue] is missing: add the section, with a key such as plugin = sqlite\n"
                ":1: [alert] is missing: add the section, with a key such as plugin = log\n");
    expect_told("[stroage]\nplugin = thing\n" GOOD "[xyz]\n[alarm]\n", NULL,
                ":1: [stroage] is no section of this program; nearest: [storage]\n"
                ":12: [xyz] is no section of this program; those are daemon, http, storage, meta, queue, alert, secret "
                "and alarm NAME\n"
                ":13: [alarm] needs a name: [alarm NAME]\n");
    expect_told("[storage]\nplugin = thing\npth = x\ncache = 12 parsecs\nlimit = 0\ncall.deadlin = 1s\n"
                "call.deadline = soon\n" THREE,
                NULL,
                ":1: storage.path is missing: The file.\n"
                ":3: storage.pth: no such key in plugin storage-thing; nearest: path\n"
                ":4: storage.cache: \"12 parsecs\" is not a size; expected a size from 64KiB to 1GiB, such as 1500, "
                "64KiB or 10MB\n"
                ":5: storage.limit: \"0\" is out of range; expected a whole number from 1 to 100\n"
                ":6: storage.call.deadlin: no such key in the daemon; nearest: call.deadline\n"
                ":7: storage.call.deadline: \"soon\" is not a duration; expected a duration from 10ms to 10m, such as "
                "500ms, 10s, 5m, 12h or 30d\n");
    expect_told("[storage]\npath = x\n" THREE, NULL,
                ":1: storage.plugin is missing: it names the backend, such as plugin = sqlite\n");
    expect_told("[storage]\nplugin = gone\nwhatever = x\n" THREE, NULL,
                ":2: storage.plugin: first reason\n:2: storage.plugin: second reason\n");
}

static void test_mistakes_of_the_daemon(void **state)
{
    (void)state;
    expect_told(
        "[daemon]\nroles = api, curier\nlog_level = inof\nmemry = 1\n[http]\nlisten = 127.0.0.1\n"
        "tls_key = k\nrate_per_user = 20\nloops = 65\nrate_per_address = 0/s\n[alarm a]\nabove = 1\n"
        "[alarm b]\nmetric = queue_waitng\n" GOOD,
        NULL,
        ":2: daemon.roles: \"curier\" is unknown; expected a list of api or courier, apart by spaces or commas; "
        "nearest: courier\n"
        ":3: daemon.log_level: \"inof\" is unknown; expected debug, info, warn or error; nearest: info\n"
        ":4: daemon.memry: no such key in [daemon]; nearest: memory\n"
        ":6: http.listen: '127.0.0.1' has no port from 0 to 65535 after its last colon\n"
        ":7: http.tls_key: TLS is not supported yet; remove the key and put a proxy that ends TLS in front\n"
        ":8: http.rate_per_user: expected requests a second, such as 20/s, and perhaps how many at once, such as "
        "\"20/s 100\"; both from 1 to 1000000\n"
        ":9: http.loops: \"65\" is out of range; expected a whole number from 0 to 64\n"
        ":10: http.rate_per_address: expected requests a second, such as 20/s, and perhaps how many at once, such "
        "as \"20/s 100\"; both from 1 to 1000000\n"
        ":11: alarm a.metric is missing: What is watched, such as queue_waiting.\n"
        ":13: [alarm b] has neither above nor below; give one of them\n"
        ":14: alarm b.metric: \"queue_waitng\" is nothing that an alarm can watch; nearest: queue_waiting\n");
    expect_told("[daemon]\nroles =\nmemory = 8MiB\n[http]\nmax_body = 9MiB\n" GOOD, NULL,
                ":2: daemon.roles: names no role; expected api, courier or both\n"
                ":5: http.max_body: is larger than daemon.memory, so the largest request could never be taken\n");
}

static void test_unreadable(void **state)
{
    struct findings findings = {0};
    (void)state;
    struct config *config = config_read("/nonexistent/x.ini", NULL, &findings);
    assert_int_equal(findings.errors, 1);
    assert_string_equal(findings.items[0].text, "cannot be read: No such file or directory");
    config_free(config);
    findings_free(&findings);
}

static void test_environment(void **state)
{
    static const char *const environment[] = {"POSTHOUSE_STORAGE_PATH=/env.db",
                                              "POSTHOUSE_QUEUE_PLUGIN=thing",
                                              "POSTHOUSE_QUEUE_PATH=${DIR}/q",
                                              "POSTHOUSE_QUEUE_CALL_DEADLINE=7s",
                                              "POSTHOUSE_SERVER=http://x",
                                              "POSTHOUSE_TOKEN_FILE=/t",
                                              "POSTHOUSE_ALARM_BACK_LOG_ABOVE=5",
                                              "POSTHOUSE_HTTP_LOOPS=2",
                                              "POSTHOUSE_DAEMON=x",
                                              "POSTHOUSE_META_FAULT_SEED=7",
                                              "DIR=/d",
                                              NULL};
    struct findings findings;
    struct config *config =
        read_text(GOOD "[alarm back-log]\nmetric = queue_waiting\nabove = 1\n", environment, &findings);
    (void)state;
    char *got = told(&findings);
    assert_null(strstr(got, "no such"));
    free(got);
    assert_int_equal(findings.errors, 0);
    config_finish(config, NULL, NULL, &findings);
    assert_string_equal(((const struct thing_config *)config->storage->config)->path, "/env.db");
    assert_string_equal(((const struct thing_config *)config->queue->config)->path, "/d/q");
    assert_int_equal(config->queue->policy->deadline, 7000);
    assert_int_equal(config->alarms[0].above, 5);
    assert_int_equal(config->http.loops, 2);
    assert_non_null(config->meta->faults);
    config_free(config);
    findings_free(&findings);

    static const char *const wrong[] = {"POSTHOUSE_STORAGE_PTH=x",  "POSTHOUSE_HTTP_LOOPS=many",
                                        "POSTHOUSE_STROAGE_PATH=x", "POSTHOUSE_STORAGE_URL=${NOT_THERE}",
                                        "POSTHOUSE_META_X=a\nb",    NULL};
    expect_told(GOOD, wrong,
                "environment POSTHOUSE_HTTP_LOOPS: http.loops: \"many\" is not a whole number; expected a whole number "
                "from 0 to 64\n"
                "environment POSTHOUSE_META_X: the value holds control characters or is not UTF-8\n"
                "environment POSTHOUSE_STORAGE_PTH: storage.pth: no such key in plugin storage-thing; nearest: path\n"
                "environment POSTHOUSE_STORAGE_URL: storage.url: the environment variable NOT_THERE is not set\n"
                "environment POSTHOUSE_STROAGE_PATH: warning: names no section and sets nothing; nearest section: "
                "[storage]\n");
}

// --- secrets -----------------------------------------------------------------------------------------------

static bool answer(void *context, const char *name, struct ph_text *value_r, const char **error_r)
{
    const char *version = context;
    static char text[64];
    if (strcmp(name, "db") != 0) {
        *error_r = "access denied";
        return false;
    }
    snprintf(text, sizeof text, "{\"password\":\"hunter2-%s\",\"size\":\"huge\"}", version);
    *value_r = (struct ph_text){text, strlen(text)};
    return true;
}

#define WITH_SECRETS                                                                                              \
    "[storage]\nplugin = thing\npath = a.db\npassword = ${secret:db#password}\nurl = x:${secret:db#password}@y\n" \
    "[secret]\nplugin = thing\npath = /s\n" THREE

static void test_secrets(void **state)
{
    struct findings findings;
    char version[] = "one";
    struct config *config = read_text(WITH_SECRETS, NULL, &findings);
    (void)state;
    assert_int_equal(findings.errors, 0);
    assert_int_equal(config->secret_count, 1);
    assert_string_equal(config->secrets[0], "db");
    assert_null(config->storage->config);
    assert_non_null(config->secret->config);
    assert_true(config_finish(config, answer, version, &findings));
    const struct thing_config *filled = config->storage->config;
    assert_string_equal(filled->password, "hunter2-one");
    assert_string_equal(filled->url, "x:hunter2-one@y");

    // Resolving one option anew, for a backend that was taken and outlives its config.
    struct config_backend *backend = config_take_backend(config, PH_KIND_STORAGE);
    config_free(config);
    const char *names[4];
    char *error = NULL;
    assert_int_equal(config_option_secrets(backend, "password", names, 4), 1);
    assert_string_equal(names[0], "db");
    assert_int_equal(config_option_secrets(backend, "password", names + 1, 1), 1);
    assert_ptr_equal(names[0], names[1]);
    assert_int_equal(config_option_secrets(backend, "password", names, 0), 0);
    assert_int_equal(config_option_secrets(backend, "limit", names, 4), 0);
    memcpy(version, "two", 4);
    char *value = config_option_resolve(backend, "password", answer, version, &error);
    assert_string_equal(value, "hunter2-two");
    config_value_free(value);
    assert_null(config_option_resolve(backend, "limit", answer, version, &error));
    assert_string_equal(error, "storage.limit is not set");
    free(error);
    assert_null(config_option_resolve(backend, "password", NULL, NULL, &error));
    assert_string_equal(error, "storage.password: secret db cannot be read");
    free(error);
    config_backend_free(backend);
    findings_free(&findings);
}

static void test_secret_mistakes(void **state)
{
    char version[] = "x";
    struct findings findings;
    (void)state;
    expect_told("[storage]\nplugin = thing\npath = a\npassword = ${secret:db}\n" THREE, NULL,
                ":4: storage.password: uses a secret, but there is no [secret] section; add one, such as [secret] with "
                "plugin = env\n");
    expect_told("[daemon]\nstate_dir = ${secret:db}\n" GOOD "[secret]\nplugin = thing\npath = ${secret:db}\n", NULL,
                ":2: daemon.state_dir: a secret can be used in [storage], [meta], [queue] and [alert] only\n"
                ":14: secret.path: the secret backend cannot take a secret from itself\n");
    struct config *config = read_text("[storage]\nplugin = thing\npath = a\npassword = ${secret:gone}\n"
                                      "cache = ${secret:db#size}\nurl = ${secret:db#no}\n"
                                      "[secret]\nplugin = thing\npath = x\n" THREE,
                                      NULL, &findings);
    assert_int_equal(config->secret_count, 2);
    assert_false(config_finish(config, answer, version, &findings));
    char *got = told(&findings);
    assert_string_equal(got, ":4: storage.password: secret gone cannot be read: access denied\n"
                             ":5: storage.cache: the value (not shown) is not a size; expected a size from 64KiB to "
                             "1GiB, such as 1500, 64KiB or 10MB\n"
                             ":6: storage.url: secret db has no key \"no\"\n");
    free(got);
    config_free(config);
    findings_free(&findings);
}

// --- comparing ---------------------------------------------------------------------------------------------

static enum config_change compare(const char *left_text, const char *right_text, char *names, size_t size)
{
    struct findings findings;
    struct config *left = read_text(left_text, NULL, &findings);
    config_finish(left, NULL, NULL, &findings);
    findings_free(&findings);
    struct config *right = read_text(right_text, NULL, &findings);
    config_finish(right, NULL, NULL, &findings);
    findings_free(&findings);
    enum config_change change = config_backend_compare(left->storage, right->storage, names, size);
    config_free(left);
    config_free(right);
    return change;
}

static void test_compare(void **state)
{
    static const struct {
        const char *text;
        enum config_change change;
        const char *names;
    } cases[] = {
        {GOOD, CONFIG_SAME, ""},
        {"[storage]\nplugin = thing\npath = a.db\nlimit = 10\n" THREE, CONFIG_SAME, ""},
        {"[storage]\nplugin = thing\npath = a.db\ncall.deadline = 9s\n" THREE, CONFIG_POLICY, "call.deadline"},
        {"[storage]\nplugin = thing\npath = a.db\npassword = p\ncache = 9MiB\n" THREE, CONFIG_RELOADABLE,
         "password, cache"},
        {"[storage]\nplugin = thing\npath = a.db\nlimit = 11\ncache = 9MiB\n" THREE, CONFIG_SWAP, "cache, limit"},
        {"[daemon]\nstate_dir = /x\n" GOOD, CONFIG_SWAP, "path"},
        {"[storage]\nplugin = thing\npath = a.db\nfault.seed = 1\n" THREE, CONFIG_SWAP, "fault"},
        {"[storage]\nplugin = other\n" THREE, CONFIG_SWAP, "plugin"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char names[128];
        assert_int_equal(compare(GOOD, cases[i].text, names, sizeof names), cases[i].change);
        assert_string_equal(names, cases[i].names);
    }
}

// --- tables, document ------------------------------------------------------------------------------------

static void test_tables(void **state)
{
    static const struct {
        const char *name;
        size_t size;
    } tables[] = {{"daemon", sizeof(struct config_daemon)},   {"http", sizeof(struct config_http)},
                  {"metrics", sizeof(struct config_metrics)}, {"tracing", sizeof(struct config_tracing)},
                  {"alarm", sizeof(struct config_alarm)},     {"backend", sizeof(struct backend_policy)}};
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct buffer error;
        buffer_init(&error, 4096);
        if (!options_table_check(config_table(tables[i].name), tables[i].size, &error)) {
            fail_msg("%s: %s", tables[i].name, buffer_string(&error));
        }
        buffer_free(&error);
    }
    assert_null(config_table("storage"));
    char *document = config_document();
    assert_non_null(strstr(document, "\n| `listen` | "));
    assert_non_null(strstr(document, "\n| `call.deadline` | "));
    assert_non_null(strstr(document, "\n| `for` | "));
    free(document);
}

// docs/configuration.md is what the tables say; make sets srcdir for its tests.
static void test_page_is_new(void **state)
{
    const char *folder = getenv("srcdir");
    char name[4096];
    (void)state;
    if (folder == NULL) {
        skip();
    }
    snprintf(name, sizeof name, "%s/docs/configuration.md", folder);
    char *document = config_document();
    size_t length = strlen(document);
    char *page = calloc(1, length + 2);
    FILE *file = fopen(name, "r");
    assert_true(page != NULL && file != NULL);
    // One byte more than the document has shows a page that is longer.
    page[fread(page, 1, length + 1, file)] = '\0';
    fclose(file);
    assert_string_equal(page, document); // ./dev docs makes it anew
    free(page);
    free(document);
}

static int make_path(void **state)
{
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state)
{
    (void)state;
    log_redact_clear();
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_everything_set),
        cmocka_unit_test(test_mistakes),    cmocka_unit_test(test_mistakes_of_the_daemon),
        cmocka_unit_test(test_unreadable),  cmocka_unit_test(test_environment),
        cmocka_unit_test(test_secrets),     cmocka_unit_test(test_secret_mistakes),
        cmocka_unit_test(test_compare),     cmocka_unit_test(test_tables),
        cmocka_unit_test(test_page_is_new),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
