// SPDX-License-Identifier: Apache-2.0
//
// See conformance/runner.h. A check's process writes its outcome into a pipe ("pass", "skip" and why, "fail"
// and three lines) and what the plugin logs into a file; a process that ends without an outcome has crashed.
#include "conformance/runner.h"

#include "conformance/settings.h"
#include "conformance/stand.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/xalloc.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTCOME_SIZE 8192
#define LOG_SHOWN 2000
#define FOLDER_SIZE 512
#define JOBS_MAX 16
#define LIMIT_MS 90000
#define LIMIT_STRESS_MS 600000

struct job {
    const struct check *check; // NULL: free
    pid_t pid;
    int pipe;
    int64_t started;
    bool killed;
    size_t length;
    char outcome[OUTCOME_SIZE];
    char folder[FOLDER_SIZE];
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

void runner_remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

// --- In the check's process --------------------------------------------------------------------------------

static void job_log_to_file(const char *folder)
{
    char path[FOLDER_SIZE + 8];
    snprintf(path, sizeof path, "%s.log", folder);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0) {
        dup2(file, STDOUT_FILENO);
        dup2(file, STDERR_FILENO);
        close(file);
    }
}

static _Noreturn void job_main(const struct runner *runner, const struct check *check, const char *folder, int report)
{
    setpgid(0, 0);
    job_log_to_file(folder);
    struct test test = {
        .check = check,
        .plugin = runner->plugin,
        .folder = folder,
        .secret_name = settings_secret_name(runner->settings),
        .secret_value = settings_secret_value(runner->settings),
        .seed = runner->seed,
        .level = runner->level,
        .isolated = settings_isolate(runner->settings),
        .report = report,
    };
    test_init(&test);
    settings_name_check(check->name);
    test.config = settings_fill(runner->settings, folder, stderr);
    if (test.config == NULL) {
        test_fail(&test, "a config struct", "none: see the log");
    }
    check->run(&test);
    stand_end(&test);
    test_pass(&test);
}

// --- In the runner -----------------------------------------------------------------------------------------

static void job_start(const struct runner *runner, struct job *job, const struct check *check)
{
    int ends[2];
    *job = (struct job){.check = check, .started = time_steady()};
    snprintf(job->folder, sizeof job->folder, "%s/%s", runner->folder, check->name);
    if (mkdir(job->folder, 0700) != 0 || pipe2(ends, O_CLOEXEC) != 0) {
        perror("posthouse: a folder and a pipe for a check");
        exit(70);
    }
    fflush(NULL);
    job->pid = fork();
    if (job->pid < 0) {
        perror("posthouse: a process for a check");
        exit(70);
    }
    if (job->pid == 0) {
        close(ends[0]);
        job_main(runner, check, job->folder, ends[1]);
    }
    setpgid(job->pid, job->pid);
    close(ends[1]);
    job->pipe = ends[0];
}

// Reads on; true at the end of the pipe.
static bool job_read(struct job *job)
{
    char dropped[256];
    size_t room = sizeof job->outcome - 1 - job->length;
    ssize_t got = read(job->pipe, room > 0 ? job->outcome + job->length : dropped, room > 0 ? room : sizeof dropped);
    if (got < 0) {
        return errno != EINTR;
    }
    job->length += room > 0 ? (size_t)got : 0;
    return got == 0;
}

static char *job_log(const struct job *job)
{
    char path[FOLDER_SIZE + 8];
    snprintf(path, sizeof path, "%s.log", job->folder);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    char *text = xcalloc(1, LOG_SHOWN + 1);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fseek(file, size > LOG_SHOWN ? size - LOG_SHOWN : 0, SEEK_SET);
    size_t got = fread(text, 1, LOG_SHOWN, file);
    text[got] = '\0';
    fclose(file);
    if (got == 0) {
        free(text);
        return NULL;
    }
    return text;
}

static char *job_line(char **rest)
{
    char *line = strsep(rest, "\n");
    return xstrdup(line != NULL ? line : "");
}

static void job_judge(struct job *job, int status, struct finding_of_check *finding)
{
    char *rest = job->outcome;
    char *first = job_line(&rest);
    if (strcmp(first, "skip") == 0) {
        finding->verdict = VERDICT_SKIPPED;
        finding->came = job_line(&rest);
    } else if (strcmp(first, "fail") == 0) {
        finding->asked = job_line(&rest);
        finding->expected = job_line(&rest);
        finding->came = job_line(&rest);
    } else if (strcmp(first, "pass") == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        finding->verdict = VERDICT_PASSED;
    } else {
        finding->asked = xstrdup(first[0] != '\0' ? "the end of the process" : "the check itself");
        finding->expected = xstrdup("a process that goes on to the end");
        finding->came = job->killed ? xstrdup("it did not end in time and was killed")
                        : WIFSIGNALED(status)
                            ? xasprintf("it was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)))
                            : xasprintf("it ended with status %d", WEXITSTATUS(status));
    }
    free(first);
}

static void job_end(const struct runner *runner, struct job *job)
{
    int status = 0;
    close(job->pipe);
    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR) {
    }
    kill(-job->pid, SIGKILL); // processes of its own that it left
    struct finding_of_check finding = {
        .check = job->check, .verdict = VERDICT_FAILED, .took_ms = time_steady() - job->started};
    job_judge(job, status, &finding);
    if (finding.verdict == VERDICT_FAILED) {
        finding.log = job_log(job);
    }
    runner->over(runner->context, &finding);
    free(finding.asked);
    free(finding.expected);
    free(finding.came);
    free(finding.log);
    runner_remove_folder(job->folder);
    job->check = NULL;
}

static void job_watch(const struct runner *runner, struct job *job)
{
    int64_t limit = runner->level >= 2 ? LIMIT_STRESS_MS : LIMIT_MS;
    if (!job->killed && time_steady() - job->started > limit) {
        job->killed = true;
        kill(-job->pid, SIGKILL);
        kill(job->pid, SIGKILL);
    }
}

// Waits until something can be read and ends the jobs that are over.
static void jobs_turn(const struct runner *runner, struct job *jobs, unsigned count)
{
    struct pollfd polled[JOBS_MAX];
    for (unsigned i = 0; i < count; i++) {
        polled[i] = (struct pollfd){.fd = jobs[i].check != NULL ? jobs[i].pipe : -1, .events = POLLIN};
    }
    if (poll(polled, count, 100) < 0 && errno != EINTR) {
        perror("posthouse: poll");
        exit(70);
    }
    for (unsigned i = 0; i < count; i++) {
        if (jobs[i].check != NULL && (polled[i].revents & (POLLIN | POLLHUP)) != 0 && job_read(&jobs[i])) {
            job_end(runner, &jobs[i]);
        } else if (jobs[i].check != NULL) {
            job_watch(runner, &jobs[i]);
        }
    }
}

// A check that need not run says why.
static const char *check_obstacle(const struct runner *runner, const struct check *check)
{
    if ((check->flags & CHECK_DURABLE) != 0 && (runner->plugin->descriptor.flags & PH_PLUGIN_VOLATILE) != 0) {
        return "the plugin is volatile: it keeps nothing over a restart";
    }
    if ((check->flags & CHECK_ISOLATED) != 0 && !settings_isolate(runner->settings)) {
        return "it needs a backend that nobody else uses: run without -c, or use ${" SETTINGS_CHECK "} in it";
    }
    return NULL;
}

static bool runner_skip(const struct runner *runner, const struct check *check)
{
    const char *obstacle = check_obstacle(runner, check);
    if (obstacle == NULL) {
        return false;
    }
    struct finding_of_check finding = {.check = check, .verdict = VERDICT_SKIPPED, .came = xstrdup(obstacle)};
    runner->over(runner->context, &finding);
    free(finding.came);
    return true;
}

void runner_run(const struct runner *runner, const struct check *const *checks, size_t count)
{
    struct job *jobs = xcalloc(JOBS_MAX, sizeof *jobs);
    unsigned places = runner->jobs < JOBS_MAX ? runner->jobs : JOBS_MAX;
    size_t next = 0;
    for (bool busy = true; busy;) {
        busy = false;
        for (unsigned i = 0; i < places; i++) {
            while (jobs[i].check == NULL && next < count) {
                const struct check *check = checks[next++];
                if (!runner_skip(runner, check)) {
                    job_start(runner, &jobs[i], check);
                }
            }
            busy = busy || jobs[i].check != NULL;
        }
        if (busy) {
            jobs_turn(runner, jobs, places);
        }
    }
    free(jobs);
}
