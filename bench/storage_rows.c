// SPDX-License-Identifier: Apache-2.0
//
// What the storage of a configuration does a second by itself, called as the daemon calls it but without HTTP, queue and
// courier: batches of an operation, several calls under way. One line of JSON tells the rate and this process's CPU.
//
// usage: storage_rows INI users
//        storage_rows INI append|deliver FIRST COUNT BATCH CALLS   messages by number; to append FIRST+COUNT after FIRST
//        storage_rows INI read|get FIRST COUNT BATCH CALLS         pages of 50 of one inbox each; messages by number
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/backend.h"
#include "core/findings.h"
#include "core/loader.h"
#include "core/log.h"
#include "core/runtime.h"
#include "core/xalloc.h"

enum { USERS = 1000, SENDERS = 100, BODY = 200, PAGE = 50, ALL_AT_ONCE = 100, LIMIT_MS = 30000 };

static char body[BODY];

struct run;

/// An operation that can be measured: fills one entry, for message or inbox number `number`.
struct operation {
    const char *name;
    enum ph_operation operation;
    const void *(*entry)(struct backend_call *call, unsigned long number);
};

struct run {
    struct backend *storage;
    const struct operation *operation;
    unsigned long next;
    unsigned long end;
    unsigned long batch;
    unsigned long records;
    size_t under_way;
    bool done;
};

// ------------------------------------------------------------------------------------------ entries

static void *entry_new(struct backend_call *call, size_t size)
{
    void *entry = backend_call_alloc(call, size);
    if (entry == NULL) {
        fputs("storage_rows: a batch is too large\n", stderr);
        exit(EXIT_FAILURE);
    }
    return entry;
}

static struct ph_text text(struct backend_call *call, const char *string)
{
    return backend_call_text(call, string, strlen(string));
}

static struct ph_text user(struct backend_call *call, unsigned long number)
{
    char name[32];
    snprintf(name, sizeof name, "rider-%03lu", number % USERS);
    return text(call, name);
}

// Ids rise with time, as those of the daemon do.
static struct ph_id id_of(unsigned long number)
{
    struct ph_id id = {{0x01, 0x90}};
    for (size_t i = 0; i < 8; i++) {
        id.bytes[8 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
    return id;
}

static const void *append_entry(struct backend_call *call, unsigned long number)
{
    struct ph_text *recipient = entry_new(call, sizeof *recipient);
    struct ph_message *entry = entry_new(call, sizeof *entry);
    *recipient = user(call, number * 7919); // a prime: everybody's turn comes, neighbours differ
    *entry = (struct ph_message){.id = id_of(number),
                                 .sender = user(call, number % SENDERS),
                                 .recipients = recipient,
                                 .recipient_count = 1,
                                 .subject = text(call, "a letter"),
                                 .body = {.bytes = body, .length = BODY},
                                 .content_type = text(call, "text/plain"),
                                 .attributes = text(call, ""),
                                 .trace = text(call, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                                 .due_in_ms = 10000};
    return entry;
}

static const void *deliver_entry(struct backend_call *call, unsigned long number)
{
    struct ph_deliver *entry = entry_new(call, sizeof *entry);
    entry->id = id_of(number);
    return entry;
}

static const void *read_entry(struct backend_call *call, unsigned long number)
{
    struct ph_read *entry = entry_new(call, sizeof *entry);
    *entry = (struct ph_read){.user = user(call, number * 7919), .limit = PAGE, .byte_limit = 1 << 20};
    return entry;
}

static const void *get_entry(struct backend_call *call, unsigned long number)
{
    struct ph_pick *entry = entry_new(call, sizeof *entry);
    *entry = (struct ph_pick){.user = user(call, number % SENDERS), .id = id_of(number)};
    return entry;
}

static const void *user_entry(struct backend_call *call, unsigned long number)
{
    struct ph_user_add *entry = entry_new(call, sizeof *entry);
    *entry = (struct ph_user_add){.id = id_of(number), .name = user(call, number), .password = text(call, "none")};
    return entry;
}

static const struct operation operations[] = {
    {"users", PH_STORAGE_USER_ADD, user_entry},     {"append", PH_STORAGE_APPEND, append_entry},
    {"deliver", PH_STORAGE_DELIVER, deliver_entry}, {"read", PH_STORAGE_INBOX_READ, read_entry},
    {"get", PH_STORAGE_MESSAGE_GET, get_entry},
};

// ------------------------------------------------------------------------------------------ the run

static void run_fill(struct run *run);

static void run_done(struct backend_call *call, void *context)
{
    struct run *run = context;
    for (size_t i = 0; i < backend_call_count(call); i++) {
        const struct ph_result *result = backend_call_result(call, i);
        if (result->outcome != PH_OK) {
            fprintf(stderr, "storage_rows: %s ended %u: %s\n", run->operation->name, result->outcome,
                    result->text == NULL ? "" : result->text);
            exit(EXIT_FAILURE);
        }
        if (run->operation->operation == PH_STORAGE_INBOX_READ) {
            const struct ph_page *page = backend_call_output(call, i);
            run->records += page->count;
        }
    }
    backend_call_free(call);
    run->under_way--;
    run_fill(run);
    run->done = run->under_way == 0;
}

static void run_submit(struct run *run)
{
    const unsigned long left = run->end - run->next;
    const unsigned long count = left < run->batch ? left : run->batch;
    struct backend_call *call = backend_call_new(run->storage, run->operation->operation, count);
    for (unsigned long i = 0; i < count; i++) {
        backend_call_add(call, run->operation->entry(call, run->next++));
    }
    run->under_way++;
    backend_submit(call, NULL, run_done, run);
}

static void run_fill(struct run *run)
{
    if (run->next < run->end) {
        run_submit(run);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void measure(struct runtime *runtime, struct run *run, unsigned long calls)
{
    const unsigned long count = run->end - run->next;
    const double wall = seconds(CLOCK_MONOTONIC);
    const double processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned long i = 0; i < calls; i++) {
        run_fill(run);
    }
    runtime_run_until(runtime, &run->done, 0);
    const double took = seconds(CLOCK_MONOTONIC) - wall;
    printf("{\"operation\": \"%s\", \"count\": %lu, \"seconds\": %.3f, \"rate\": %.1f, \"cpu_us\": %.2f, \"records\": "
           "%lu}\n",
           run->operation->name, count, took, (double)count / took,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - processor) * 1e6 / (double)count, run->records);
}

static void opened(struct backend *backend, const struct ph_result *result, void *context)
{
    (void)backend;
    if (result->outcome != PH_OK) {
        fprintf(stderr, "storage_rows: the storage did not open: %s\n", result->text == NULL ? "" : result->text);
        exit(EXIT_FAILURE);
    }
    *(bool *)context = true;
}

static struct backend *open_storage(struct runtime *runtime, const char *file)
{
    struct findings findings = {0};
    bool done = false;
    log_set_level(LOG_LEVEL_WARN);
    const bool good = runtime_configure(runtime, file, &findings);
    findings_print(&findings, stderr);
    findings_free(&findings);
    if (!good) {
        exit(EXIT_FAILURE);
    }
    struct backend *storage = runtime_backend(runtime, PH_KIND_STORAGE, NULL, NULL);
    backend_open(storage, opened, &done);
    if (!runtime_run_until(runtime, &done, LIMIT_MS)) {
        fputs("storage_rows: the storage did not open in time\n", stderr);
        exit(EXIT_FAILURE);
    }
    return storage;
}

static unsigned long number(char **argv, int index)
{
    char *end;
    const unsigned long value = strtoul(argv[index], &end, 10);
    if (*end != '\0' || end == argv[index]) {
        fprintf(stderr, "storage_rows: %s is no number\n", argv[index]);
        exit(EXIT_FAILURE);
    }
    return value;
}

int main(int argc, char **argv)
{
    struct run run = {.batch = ALL_AT_ONCE, .end = USERS};
    unsigned long calls = 1;
    for (size_t i = 0; argc > 2 && i < sizeof operations / sizeof operations[0]; i++) {
        run.operation = strcmp(argv[2], operations[i].name) == 0 ? &operations[i] : run.operation;
    }
    if (run.operation == NULL || argc != (run.operation == &operations[0] ? 3 : 7)) {
        fputs("usage: storage_rows INI users | append|deliver|read|get FIRST COUNT BATCH CALLS\n", stderr);
        return 2;
    }
    if (argc == 7) {
        run.next = number(argv, 3);
        run.end = run.next + number(argv, 4);
        run.batch = number(argv, 5);
        calls = number(argv, 6);
    }
    memset(body, 'x', sizeof body);
    struct runtime *runtime = runtime_new();
    run.storage = runtime == NULL ? NULL : open_storage(runtime, argv[1]);
    if (run.storage == NULL) {
        return EXIT_FAILURE;
    }
    measure(runtime, &run, calls);
    runtime_free(runtime, LIMIT_MS);
    return 0;
}
