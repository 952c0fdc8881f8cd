// SPDX-License-Identifier: Apache-2.0
//
// The small host: libevent's loop, the core's offload and arenas, and a completion that is queued.
#include "tests/unit/loop_host.h"

#include "core/arena.h"
#include "core/offload.h"
#include "core/xalloc.h"

#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct test_call *call_of(struct ph_call *call)
{
    return (struct test_call *)((char *)call - offsetof(struct test_call, call));
}

static void *host_alloc(struct ph_call *call, size_t size)
{
    return arena_alloc(call_of(call)->arena, size);
}

static void *host_make(struct ph_call *call, enum ph_make type)
{
    static const size_t sizes[] = {
        [PH_MAKE_RECORD] = sizeof(struct ph_record),     [PH_MAKE_RECIPIENT] = sizeof(struct ph_recipient),
        [PH_MAKE_MARK] = sizeof(struct ph_mark),         [PH_MAKE_USER] = sizeof(struct ph_user),
        [PH_MAKE_RECEIVED] = sizeof(struct ph_received),
    };
    return host_alloc(call, sizes[type]);
}

__attribute__((format(printf, 5, 6))) static void host_set(struct ph_call *call, size_t index, enum ph_outcome outcome,
                                                           uint32_t delay_ms, const char *format, ...)
{
    struct ph_result *result = call->results[index];
    *result = (struct ph_result){.outcome = outcome, .delay_ms = delay_ms};
    if (format == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    result->text = arena_vprintf(call_of(call)->arena, format, arguments);
    va_end(arguments);
}

static void completed(evutil_socket_t socket, short events, void *context)
{
    struct test_call *call = context;
    (void)socket;
    (void)events;
    call->completed++;
}

static void host_complete(struct ph_call *call)
{
    struct test_call *own = call_of(call);
    event_base_once(own->host->base, -1, EV_TIMEOUT, completed, own, NULL);
}

// Adds to a text that is full some day.
static void add_text(char *text, size_t size, const char *more, const char *end)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, "%s%s", more, end);
}

__attribute__((format(printf, 4, 5))) static void host_log(const struct ph_host *host, enum ph_log_level level,
                                                           const struct ph_call *call, const char *format, ...)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct test_host *own = host->context;
    char line[1024];
    va_list arguments;
    (void)level;
    (void)call;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&mutex);
    add_text(own->log, sizeof(own->log), line, "\n");
    pthread_mutex_unlock(&mutex);
}

static void host_hint(const struct ph_host *host, struct ph_text user)
{
    struct test_host *own = host->context;
    assert(strlen(user.bytes) == user.length);
    add_text(own->hints, sizeof(own->hints), user.bytes, " ");
}

struct resolving {
    struct test_host *host;
    void (*done)(void *context, const char *value);
    void *context;
};

static void resolve_done(evutil_socket_t socket, short events, void *context)
{
    struct resolving resolving = *(struct resolving *)context;
    (void)socket;
    (void)events;
    free(context);
    resolving.host->resolved++;
    resolving.done(resolving.context, resolving.host->secret);
}

static void host_resolve(const struct ph_host *host, const char *option, void (*done)(void *context, const char *value),
                         void *context)
{
    struct resolving *resolving = xmalloc(sizeof(*resolving));
    assert(strcmp(option, "password") == 0);
    *resolving = (struct resolving){.host = host->context, .done = done, .context = context};
    event_base_once(host->base, -1, EV_TIMEOUT, resolve_done, resolving, NULL);
}

static int64_t clock_read(clockid_t clock, int64_t per_second)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * per_second + (int64_t)time.tv_nsec / (1000000000 / per_second);
}

static int64_t host_monotonic(const struct ph_host *host)
{
    (void)host;
    return clock_read(CLOCK_MONOTONIC, 1000000000);
}

static int64_t host_now(const struct ph_host *host)
{
    const struct test_host *own = host->context;
    return clock_read(CLOCK_REALTIME, 1000) + __atomic_load_n(&own->clock_offset, __ATOMIC_RELAXED);
}

static void host_random(const struct ph_host *host, void *bytes, size_t length)
{
    (void)host;
    FILE *file = fopen("/dev/urandom", "re");
    assert(file != NULL);
    size_t got = fread(bytes, 1, length, file);
    assert(got == length);
    fclose(file);
}

struct job {
    void (*work)(void *context);
    void (*done)(void *context);
    void *context;
};

static void job_work(void *context)
{
    struct job *job = context;
    job->work(job->context);
}

static void job_done(void *context, bool worked)
{
    struct job job = *(struct job *)context;
    free(context);
    assert(worked);
    job.done(job.context);
}

static bool host_offload(const struct ph_host *host, struct ph_text key, void (*work)(void *context),
                         void (*done)(void *context), void *context)
{
    const struct test_host *own = host->context;
    struct job *job = xmalloc(sizeof(*job));
    *job = (struct job){.work = work, .done = done, .context = context};
    if (offload_run(own->pool, key.bytes, key.length, job_work, job_done, job) != NULL)
        return true;
    free(job);
    return false;
}

struct test_host *test_host_new(void)
{
    evthread_use_pthreads();
    struct test_host *host = xcalloc(1, sizeof(*host));
    host->base = event_base_new();
    host->pool = offload_new(host->base, OFFLOAD_THREADS, 1024);
    assert(host->base != NULL && host->pool != NULL);
    host->host = (struct ph_host){
        .base = host->base,
        .section = "test",
        .context = host,
        .alloc = host_alloc,
        .make = host_make,
        .set = host_set,
        .complete = host_complete,
        .log = host_log,
        .monotonic = host_monotonic,
        .now = host_now,
        .random = host_random,
        .offload = host_offload,
        .resolve = host_resolve,
        .hint = host_hint,
    };
    return host;
}

void test_host_free(struct test_host *host)
{
    offload_free(host->pool);
    event_base_free(host->base);
    free(host);
}

void test_plugin_load(struct test_plugin *plugin, struct test_host *host, const char *kind, const char *path)
{
    char file[512];
    const char *folder = getenv("POSTHOUSE_TEST_PLUGINS");
    snprintf(file, sizeof(file), "%s/%s-sqlite/.libs/%s-sqlite.so", folder != NULL ? folder : "plugins", kind, kind);
    *plugin = (struct test_plugin){.host = host};
    void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    plugin->descriptor = dlsym(module, PH_DESCRIPTOR_NAME);
    assert(plugin->descriptor != NULL);
    plugin->config = (struct sqlite_config){
        .path = path, .busy_timeout = 3000, .cache = 1024 * 1024, .readers = 2, .checkpoint_pages = 200};
}

static void *pointers_to(struct test_call *call, void *first, size_t count, size_t size)
{
    char **pointers = arena_alloc(call->arena, (count + 1) * sizeof(char *));
    assert(pointers != NULL);
    for (size_t i = 0; i < count; i++)
        pointers[i] = size > 0 ? (char *)first + i * size : NULL;
    return pointers;
}

struct test_call *test_call_start(struct test_plugin *plugin, enum ph_operation operation, ph_start_f *start,
                                  size_t count, const void *entries, size_t entry_size, size_t output_size)
{
    struct test_call *call = xcalloc(1, sizeof(*call));
    call->host = plugin->host;
    call->arena = arena_new((size_t)64 * 1024 * 1024);
    void *entry_copies = arena_memdup(call->arena, entries, count * entry_size);
    void *outputs = arena_alloc(call->arena, count * output_size + 1);
    void *results = arena_alloc(call->arena, count * sizeof(struct ph_result) + 1);
    call->call = (struct ph_call){
        .host = &plugin->host->host,
        .operation = operation,
        .attempt = 1,
        .count = count,
        .entries = pointers_to(call, entry_copies, count, entry_size),
        .results = pointers_to(call, results, count, sizeof(struct ph_result)),
        .outputs = pointers_to(call, outputs, count, output_size),
    };
    start(plugin->instance, &call->call);
    assert(call->completed == 0);
    return call;
}

void test_call_wait(struct test_call *call)
{
    while (call->completed == 0)
        event_base_loop(call->host->base, EVLOOP_ONCE);
    assert(call->completed == 1);
}

struct test_call *test_call_run(struct test_plugin *plugin, enum ph_operation operation, ph_start_f *start,
                                size_t count, const void *entries, size_t entry_size, size_t output_size)
{
    struct test_call *call = test_call_start(plugin, operation, start, count, entries, entry_size, output_size);
    test_call_wait(call);
    return call;
}

void test_call_free(struct test_call *call)
{
    arena_free(call->arena);
    free(call);
}

enum ph_outcome test_outcome(const struct test_call *call, size_t index)
{
    return (enum ph_outcome)call->call.results[index]->outcome;
}

const char *test_text(const struct test_call *call, size_t index)
{
    const char *text = call->call.results[index]->text;
    return text != NULL ? text : "";
}

bool test_plugin_open(struct test_plugin *plugin)
{
    const void *config = &plugin->config;
    struct ph_open entry = {.config = plugin->options != NULL ? plugin->options : config};
    plugin->instance = NULL;
    struct test_call *call = test_call_run(plugin, PH_OPEN, plugin->descriptor->common->open, 1, &entry, sizeof(entry),
                                           sizeof(struct ph_opened));
    plugin->opened = test_outcome(call, 0);
    plugin->instance = ((struct ph_opened *)call->call.outputs[0])->instance;
    snprintf(plugin->text, sizeof(plugin->text), "%s", test_text(call, 0));
    test_call_free(call);
    return plugin->opened == PH_OK;
}

void test_plugin_close(struct test_plugin *plugin)
{
    struct test_call *call = test_call_run(plugin, PH_CLOSE, plugin->descriptor->common->close, 1, NULL, 0, 0);
    assert(test_outcome(call, 0) == PH_OK);
    test_call_free(call);
    plugin->instance = NULL;
}

struct ph_text text_from(const char *string)
{
    return (struct ph_text){.bytes = string, .length = strlen(string)};
}

struct ph_id id_from(unsigned number)
{
    struct ph_id id = {{0x01, 0x90}};
    for (size_t i = 0; i < 4; i++)
        id.bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    return id;
}

char *test_folder_make(void)
{
    char *folder = xstrdup("/tmp/posthouse-unit-XXXXXX");
    char *made = mkdtemp(folder);
    assert(made != NULL);
    return folder;
}

void test_folder_remove(char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory != NULL)
        closedir(directory);
    rmdir(folder);
    free(folder);
}

char *test_path(const char *folder, const char *name)
{
    return xasprintf("%s/%s", folder, name);
}
