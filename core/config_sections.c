// SPDX-License-Identifier: Apache-2.0
//
// See core/config_sections.h. The tables, and the checks that go beyond one value.
#include "core/config_sections.h"

#include "core/arena.h"
#include "core/config_private.h"
#include "core/emf.h"
#include "core/http_server.h"
#include "core/ini.h"
#include "core/meters.h"
#include "core/quantity.h"
#include "core/suggest.h"
#include "core/xalloc.h"
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char *const ROLES[] = {"api", "courier", NULL};
static const char *const LEVELS[] = {"debug", "info", "warn", "error", NULL}; // as enum log_level
static const char *const FORMATS[] = {"text", "json", NULL};                  // as enum log_format

// state_dir comes first: the paths after it are under it.
static const struct ph_option DAEMON[] = {
    PH_TEXT(struct config_daemon, state_dir, 0, ".",
            "The folder that all relative paths in this file are under, but its own."),
    {"roles", PH_OPTION_LIST, 0, PH_MEMBER(struct ph_list, struct config_daemon, roles), "api courier", 0, 0, ROLES,
     "What this daemon does: api answers HTTP, courier delivers messages."},
    PH_LIST(struct config_daemon, plugin_path, PH_OPTION_PATH, NULL,
            "Folders to look for plugins in, before those that belong to the program."),
    PH_CHOICE(struct config_daemon, log_level, PH_OPTION_RELOADABLE, "info", LEVELS,
              "The least level of lines that are logged."),
    PH_CHOICE(struct config_daemon, log_format, 0, "text", FORMATS, "How a line of the log is written."),
    PH_SIZE(struct config_daemon, memory, 0, "256MiB", 8 * MIB, 1024 * GIB,
            "Bytes of messages that may wait inside the daemon; above it, new ones are refused with 503."),
    PH_DURATION(struct config_daemon, drain, PH_OPTION_RELOADABLE, "10s", 0, HOUR,
                "How long a daemon that ends answers what has begun and finishes calls in flight."),
    PH_DURATION(struct config_daemon, retention, PH_OPTION_RELOADABLE, "30d", 0, 36500 * DAY,
                "How long a message is kept after its delivery; 0 keeps it for ever."),
    PH_INTEGER(struct config_daemon, attempts, PH_OPTION_RELOADABLE, "5", 1, 1000,
               "Failed attempts to deliver, for reasons that do not pass, after which a message is dead."),
};

static const struct ph_option HTTP[] = {
    PH_LIST(struct config_http, listen, 0, "127.0.0.1:8080",
            "Addresses to listen on, such as 127.0.0.1:8080, [::1]:8080 or *:8080."),
    PH_INTEGER(struct config_http, loops, 0, NULL, 0, HTTP_LOOPS_MAX,
               "Threads that serve HTTP; with 0 the daemon's main loop does it. Left out: 0 on one and two CPUs, else "
               "half the CPUs, at most 4."),
    PH_TEXT(struct config_http, tls_certificate, PH_OPTION_PATH, NULL, "Reserved: TLS is not supported yet."),
    PH_TEXT(struct config_http, tls_key, PH_OPTION_PATH, NULL, "Reserved: TLS is not supported yet."),
    PH_SIZE(struct config_http, max_body, PH_OPTION_RELOADABLE, "1MiB", KIB, 64 * MIB,
            "The largest body of a request, a batch too; 413 above it."),
    PH_DURATION(struct config_http, header_timeout, PH_OPTION_RELOADABLE, "10s", 100, HOUR,
                "How long a client may take to send a request's head; 408 after it."),
    PH_DURATION(struct config_http, body_timeout, PH_OPTION_RELOADABLE, "30s", 100, HOUR,
                "How long a client may take to send a request's body; 408 after it."),
    PH_DURATION(struct config_http, idle_timeout, PH_OPTION_RELOADABLE, "75s", 100, DAY,
                "How long a connection may rest between requests; keep it above that of a load balancer in front."),
    PH_INTEGER(struct config_http, max_connections, PH_OPTION_RELOADABLE, "10000", 1, 1000000,
               "Connections at once; at the limit, the one that is longest in its head is closed."),
    PH_LIST(struct config_http, trusted_proxies, PH_OPTION_RELOADABLE, NULL,
            "Addresses and networks of proxies whose X-Forwarded headers are believed, such as 10.0.0.0/8."),
    PH_TEXT(struct config_http, rate_per_user, PH_OPTION_RELOADABLE, NULL,
            "Requests of one user, such as 20/s, or \"20/s 100\" for up to 100 at once; 429 above it."),
    PH_TEXT(struct config_http, rate_per_address, PH_OPTION_RELOADABLE, NULL,
            "Requests from one address, written as rate_per_user."),
};

static const struct ph_option METRICS[] = {
    PH_BOOLEAN(struct config_metrics, emf, 0, "no",
               "Write metrics to standard output as lines that CloudWatch Logs turns into metrics."),
    PH_TEXT(struct config_metrics, namespace, 0, "posthouse", "The namespace that CloudWatch keeps them in."),
    PH_TEXT(struct config_metrics, service, 0, "posthouse",
            "The value of their dimension `service`: what this deployment is called."),
    PH_DURATION(struct config_metrics, interval, 0, "60s", SECOND, HOUR, "The time between two lines."),
};

static const struct ph_option ALARM[] = {
    PH_TEXT(struct config_alarm, metric, PH_OPTION_REQUIRED, NULL, "What is watched, such as queue_waiting."),
    PH_INTEGER(struct config_alarm, above, 0, NULL, 0, 0, "The alarm is on while the metric is above this number."),
    PH_INTEGER(struct config_alarm, below, 0, NULL, 0, 0, "The alarm is on while the metric is below this number."),
    {"for", PH_OPTION_DURATION, 0, PH_MEMBER(int64_t, struct config_alarm, hold), "0", 0, 7 * DAY, NULL,
     "How long it must stay so before the alarm is raised."},
};

const struct options_table config_daemon_table = OPTIONS_TABLE(DAEMON);
const struct options_table config_http_table = OPTIONS_TABLE(HTTP);
const struct options_table config_metrics_table = OPTIONS_TABLE(METRICS);
const struct options_table config_alarm_table = OPTIONS_TABLE(ALARM);

static bool list_holds(const struct ph_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

void config_read_daemon(struct config_reading *reading)
{
    struct config_daemon *daemon = &reading->config->daemon;
    const struct ini_section *section = ini_section_find(reading->config->mine->file, "daemon");
    config_fill(reading, "daemon", section, &config_daemon_table, &daemon->state_dir, daemon);
    daemon->api = list_holds(&daemon->roles, "api");
    daemon->courier = list_holds(&daemon->roles, "courier");
    if (!daemon->api && !daemon->courier) {
        findings_error(reading->findings, config_place(reading, section, "roles"),
                       "daemon.roles: names no role; expected api, courier or both");
    }
    if (daemon->state_dir[0] == '\0') {
        findings_error(reading->findings, config_place(reading, section, "state_dir"),
                       "daemon.state_dir: an empty path; write . for the current folder");
    }
}

// Reads "RATE/s" or "RATE/s BURST".
static bool parse_rate(const char *text, struct config_rate *rate_r)
{
    uint64_t rate = 0;
    size_t digits = strspn(text, "0123456789");
    if (!quantity_parse_unsigned(text, digits, &rate) || strncmp(text + digits, "/s", 2) != 0) {
        return false;
    }
    uint64_t burst = rate;
    const char *rest = text + digits + 2;
    if (*rest != '\0') {
        size_t blanks = strspn(rest, " \t");
        if (blanks == 0 || !quantity_parse_unsigned(rest + blanks, strlen(rest + blanks), &burst)) {
            return false;
        }
    }
    if (rate < 1 || rate > 1000000 || burst < 1 || burst > 1000000) {
        return false;
    }
    *rate_r = (struct config_rate){.rate = (uint32_t)rate, .burst = (uint32_t)burst};
    return true;
}

static void read_rate(struct config_reading *reading, const struct ini_section *section, const char *name,
                      const char *text, struct config_rate *rate_r)
{
    if (text != NULL && !parse_rate(text, rate_r)) {
        findings_error(reading->findings, config_place(reading, section, name),
                       "http.%s: expected requests a second, such as 20/s, and perhaps how many at once, such as "
                       "\"20/s 100\"; both from 1 to 1000000",
                       name);
    }
}

static int64_t loops_for_cpus(void)
{
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return cpus <= 2 ? 0 : cpus / 2 < 4 ? cpus / 2 : 4;
}

typedef bool check_item_f(const char *item, char *error_r, size_t size);

static void check_items(struct config_reading *reading, const struct ini_section *section, const char *name,
                        const struct ph_list *list, size_t limit, check_item_f *check)
{
    struct place place = config_place(reading, section, name);
    char error[256];
    if (list->count > limit) {
        findings_error(reading->findings, place, "http.%s: %zu items; at most %zu are allowed", name, list->count,
                       limit);
    }
    for (size_t i = 0; i < list->count && i < limit; i++) {
        if (!check(list->items[i], error, sizeof error)) {
            findings_error(reading->findings, place, "http.%s: %s", name, error);
        }
    }
}

static void check_http(struct config_reading *reading, const struct ini_section *section)
{
    const struct config_http *http = &reading->config->http;
    if (http->listen.count == 0 && reading->config->daemon.api) {
        findings_error(reading->findings, config_place(reading, section, "listen"),
                       "http.listen: names no address; expected one such as 127.0.0.1:8080");
    }
    check_items(reading, section, "listen", &http->listen, HTTP_LISTEN_MAX, http_listen_check);
    check_items(reading, section, "trusted_proxies", &http->trusted_proxies, HTTP_TRUSTED_MAX,
                http_trusted_proxy_check);
    const char *const tls[] = {"tls_certificate", "tls_key"};
    for (size_t i = 0; section != NULL && i < sizeof tls / sizeof tls[0]; i++) {
        if (ini_key_find(section, tls[i]) != NULL) {
            findings_error(reading->findings, config_place(reading, section, tls[i]),
                           "http.%s: TLS is not supported yet; remove the key and put a proxy that ends TLS in front",
                           tls[i]);
        }
    }
    if (http->max_body > reading->config->daemon.memory) {
        findings_error(reading->findings, config_place(reading, section, "max_body"),
                       "http.max_body: is larger than daemon.memory, so the largest request could never be taken");
    }
}

void config_read_http(struct config_reading *reading)
{
    struct config_http *http = &reading->config->http;
    const struct ini_section *section = ini_section_find(reading->config->mine->file, "http");
    config_fill(reading, "http", section, &config_http_table, &reading->config->daemon.state_dir, http);
    if (section == NULL || ini_key_find(section, "loops") == NULL) {
        http->loops = loops_for_cpus();
    }
    read_rate(reading, section, "rate_per_user", http->rate_per_user, &http->user_rate);
    read_rate(reading, section, "rate_per_address", http->rate_per_address, &http->address_rate);
    check_http(reading, section);
}

// CloudWatch takes no other names (PutMetricData: Namespace, DimensionValue).
static void check_metrics_name(struct config_reading *reading, const struct ini_section *section, const char *name,
                               const char *value, bool narrow)
{
    size_t length = strlen(value);
    bool good = length > 0 && length <= EMF_NAME_MAX && value[0] != ':' && value[strspn(value, " ")] != '\0';
    for (const char *at = value; good && *at != '\0'; at++) {
        good = *at >= ' ' && *at <= '~' && (!narrow || isalnum((unsigned char)*at) || strchr("._-/#: ", *at) != NULL);
    }
    if (!good) {
        findings_error(reading->findings, config_place(reading, section, name),
                       "metrics.%s: is no name that CloudWatch takes; expected 1 to %d %s, the first no colon", name,
                       EMF_NAME_MAX, narrow ? "letters, digits, spaces and ._-/#:" : "characters of ASCII");
    }
}

void config_read_metrics(struct config_reading *reading)
{
    struct config_metrics *metrics = &reading->config->metrics;
    const struct ini_section *section = ini_section_find(reading->config->mine->file, "metrics");
    config_fill(reading, "metrics", section, &config_metrics_table, &reading->config->daemon.state_dir, metrics);
    check_metrics_name(reading, section, "namespace", metrics->namespace, true);
    check_metrics_name(reading, section, "service", metrics->service, false);
}

static void check_alarm_metric(struct config_reading *reading, const struct ini_section *section, const char *metric)
{
    const struct ini_key *key = ini_key_find(section, "metric");
    const char *name;
    if (metric == NULL) {
        return; // reported as missing
    }
    struct suggest suggest = suggest_begin(metric);
    for (size_t i = 0; (name = meters_gauge_name(i)) != NULL; i++) {
        if (strcmp(name, metric) == 0) {
            return;
        }
        suggest_offer(&suggest, name);
    }
    const char *nearest = suggest_nearest(&suggest);
    findings_error(reading->findings, key != NULL ? key->place : section->place,
                   "%s.metric: \"%s\" is nothing that an alarm can watch; %s%s", section->name, metric,
                   nearest != NULL ? "nearest: " : "docs/metrics.md names what is", nearest != NULL ? nearest : "");
}

static void read_alarm(struct config_reading *reading, const struct ini_section *section, const char *name,
                       struct config_alarm *alarm)
{
    *alarm = (struct config_alarm){.name = name, .place = section->place};
    config_fill(reading, section->name, section, &config_alarm_table, &reading->config->daemon.state_dir, alarm);
    // config_fill() sets what the table knows and leaves the rest.
    alarm->has_above = ini_key_find(section, "above") != NULL;
    alarm->has_below = ini_key_find(section, "below") != NULL;
    check_alarm_metric(reading, section, alarm->metric);
    if (!alarm->has_above && !alarm->has_below) {
        findings_error(reading->findings, section->place, "[%s] has neither above nor below; give one of them",
                       section->name);
    }
}

void config_read_alarms(struct config_reading *reading)
{
    static const char prefix[] = "alarm ";
    struct config *config = reading->config;
    const struct ini_file *file = config->mine->file;
    config->alarms = xcalloc(CONFIG_ALARMS_MAX, sizeof *config->alarms);
    for (size_t i = 0; i < file->count; i++) {
        const struct ini_section *section = &file->sections[i];
        if (section->repeated || strncmp(section->name, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        if (config->alarm_count == CONFIG_ALARMS_MAX) {
            findings_error(reading->findings, section->place, "more than %d alarms; take some out", CONFIG_ALARMS_MAX);
            return;
        }
        read_alarm(reading, section, section->name + sizeof prefix - 1, &config->alarms[config->alarm_count]);
        config->alarm_count++;
    }
}
