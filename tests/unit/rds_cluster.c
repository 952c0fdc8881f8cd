// SPDX-License-Identifier: Apache-2.0
//
// See rds_cluster.h.
#include "tests/unit/unit.h"

#include "tests/unit/rds_cluster.h"
#include <event2/event.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 20

extern const struct ph_plugin ph_plugin_descriptor;

static char *folder;
static char port[16];

static bool is_installed(void)
{
    glob_t found;
    bool there = glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0;
    if (there)
        globfree(&found);
    return there || getenv("POSTGRES_BIN") != NULL;
}

// Its output goes to a file beside the folder, since a server that is started here keeps it open.
void cluster_run(const char *command)
{
    char script[256], output[256], name[32];
    const char *source = getenv("srcdir");
    posix_spawn_file_actions_t actions;
    pid_t process;
    int status;
    snprintf(script, sizeof(script), "%s/tests/cluster/postgres", source != NULL ? source : ".");
    snprintf(output, sizeof(output), "%s.out", folder);
    snprintf(name, sizeof(name), "%s", command);
    char *arguments[] = {script, name, folder, NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    assert_int_equal(posix_spawn(&process, script, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    if (waitpid(process, &status, 0) != process || status != 0)
        fail_msg("%s %s failed; its words are in %s", script, command, output);
}

static void read_line(const char *file, char *line, int size)
{
    FILE *stream = fopen(file, "re");
    if (stream == NULL || fgets(line, size, stream) == NULL)
        fail_msg("%s cannot be read", file);
    fclose(stream);
    line[strcspn(line, "\n")] = '\0';
}

int cluster_set_up(void **state)
{
    char file[256];
    (void)state;
    if (!is_installed())
        return 0;
    folder = test_folder_make();
    cluster_run("make");
    snprintf(file, sizeof(file), "%s/port", folder);
    read_line(file, port, sizeof(port));
    return 0;
}

int cluster_tear_down(void **state)
{
    char output[256];
    (void)state;
    if (folder == NULL)
        return 0;
    cluster_run("remove");
    snprintf(output, sizeof(output), "%s.out", folder);
    remove(output);
    free(folder);
    folder = NULL;
    return 0;
}

bool cluster_needed(void)
{
    if (folder == NULL)
        skip();
    return folder != NULL;
}

const char *cluster_folder(void)
{
    return folder;
}

const char *cluster_port(void)
{
    return port;
}

static const char *url(const char *user, const char *host, const char *database)
{
    static char text[512];
    snprintf(text, sizeof(text), "host=%s port=%s user=%s dbname=%s", host, port, user, database);
    return text;
}

const char *cluster_url(const char *database)
{
    return url("posthouse", folder, database);
}

const char *cluster_tcp_url(const char *database)
{
    return url("posthouse", "127.0.0.1", database);
}

int cluster_server(void)
{
    char file[256];
    char line[32];
    snprintf(file, sizeof(file), "%s/data/postmaster.pid", folder);
    read_line(file, line, sizeof(line));
    return (int)strtol(line, NULL, 10);
}

PGconn *cluster_connect(const char *database)
{
    PGconn *connection = PQconnectdb(url("postgres", folder, database));
    if (PQstatus(connection) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(connection));
    return connection;
}

const char *cluster_ask(PGconn *connection, const char *sql)
{
    static char answer[1024];
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    snprintf(answer, sizeof(answer), "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return answer;
}

const char *cluster_tell(const char *sql)
{
    PGconn *connection = cluster_connect("posthouse");
    const char *answer = cluster_ask(connection, sql);
    PQfinish(connection);
    return answer;
}

void cluster_wait(struct test_host *host, bool (*ready)(void *context), void *context)
{
    const struct timeval moment = {0, 50000};
    int64_t end = host->host.monotonic(&host->host) + PATIENCE_S * INT64_C(1000000000);
    // What is put off to the end of a turn is done before the first look.
    do {
        if (host->host.monotonic(&host->host) > end)
            fail_msg("waited in vain; the log says:\n%s", host->log);
        event_base_loopexit(host->base, &moment);
        event_base_loop(host->base, EVLOOP_ONCE);
    } while (!ready(context));
}

struct question {
    const char *sql;
    const char *wanted;
};

static bool is_answered(void *context)
{
    const struct question *question = context;
    return strcmp(cluster_tell(question->sql), question->wanted) == 0;
}

void cluster_until(struct test_host *host, const char *sql, const char *wanted)
{
    struct question question = {.sql = sql, .wanted = wanted};
    cluster_wait(host, is_answered, &question);
}

void cluster_plugin(struct test_plugin *plugin, struct test_host *host, struct rds_config *config, const char *where)
{
    *config = (struct rds_config){.url = where,
                                  .writers = 1,
                                  .couriers = 1,
                                  .readers = 1,
                                  .connect_timeout = 5000,
                                  .statement_timeout = 30000,
                                  .lock_timeout = 20000,
                                  .network_timeout = 10000};
    *plugin = (struct test_plugin){.host = host, .descriptor = &ph_plugin_descriptor, .options = config};
}
