// SPDX-License-Identifier: Apache-2.0
//
// The host of fake_host.h. What a plugin must not do, such as completing twice, fails the test at once.
#include "tests/unit/fake_host.h"

#include <assert.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_block {
    struct fake_block *next;
    max_align_t bytes[];
};

struct fake_work {
    struct fake_work *next;
    void (*work)(void *context);
    void (*done)(void *context);
    void *context;
};

static struct fake_host *fake_of(const struct ph_host *host)
{
    return host->context;
}

static void *fake_alloc(struct ph_call *call, size_t size)
{
    struct fake_host *fake = fake_of(call->host);
    if (size > fake->arena_left)
        return NULL;
    if (fake->arena_left != SIZE_MAX)
        fake->arena_left -= size;
    struct fake_block *block = calloc(1, sizeof(*block) + size);
    assert(block);
    block->next = fake->blocks;
    fake->blocks = block;
    return block->bytes;
}

static void *fake_make(struct ph_call *call, enum ph_make type)
{
    static const size_t sizes[] = {[PH_MAKE_RECORD] = sizeof(struct ph_record),
                                   [PH_MAKE_RECIPIENT] = sizeof(struct ph_recipient),
                                   [PH_MAKE_MARK] = sizeof(struct ph_mark),
                                   [PH_MAKE_USER] = sizeof(struct ph_user),
                                   [PH_MAKE_RECEIVED] = sizeof(struct ph_received)};
    return fake_alloc(call, sizes[type]);
}

__attribute__((format(printf, 5, 6))) static void fake_set(struct ph_call *call, size_t index, enum ph_outcome outcome,
                                                           uint32_t delay_ms, const char *format, ...)
{
    call->results[index]->outcome = outcome;
    call->results[index]->delay_ms = delay_ms;
    if (!format)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char *copy = fake_alloc(call, strlen(text) + 1);
    if (copy)
        memcpy(copy, text, strlen(text) + 1);
    call->results[index]->text = copy;
}

static void fake_complete(struct ph_call *call)
{
    struct fake_call *mine = (struct fake_call *)call;
    assert(mine->completed == 0);
    mine->completed++;
    for (size_t i = 0; i < call->count; i++)
        assert(call->results[i]->outcome != PH_PENDING);
}

__attribute__((format(printf, 4, 5))) static void fake_log(const struct ph_host *host, enum ph_log_level level,
                                                           const struct ph_call *call, const char *format, ...)
{
    struct fake_host *fake = fake_of(host);
    (void)level;
    (void)call;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(fake->log + fake->log_length, FAKE_LOG - fake->log_length - 2, format, arguments);
    va_end(arguments);
    assert(length >= 0 && fake->log_length + (size_t)length < FAKE_LOG - 2);
    fake->log_length += (size_t)length;
    fake->log[fake->log_length++] = '\n';
    fake->log[fake->log_length] = '\0';
}

static int64_t fake_now(const struct ph_host *host)
{
    return fake_of(host)->now;
}

static int64_t fake_monotonic(const struct ph_host *host)
{
    return fake_of(host)->now * 1000000;
}

static void fake_random(const struct ph_host *host, void *bytes, size_t length)
{
    struct fake_host *fake = fake_of(host);
    for (size_t i = 0; i < length; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(++fake->randomness * 167);
}

static bool fake_offload(const struct ph_host *host, struct ph_text key, void (*work)(void *context),
                         void (*done)(void *context), void *context)
{
    struct fake_host *fake = fake_of(host);
    (void)key;
    if (fake->offload_refuses)
        return false;
    struct fake_work *item = calloc(1, sizeof(*item));
    assert(item);
    item->work = work;
    item->done = done;
    item->context = context;
    struct fake_work **last = &fake->works;
    while (*last)
        last = &(*last)->next;
    *last = item;
    return true;
}

static struct ph_metric *fake_metric(const struct ph_host *host, enum ph_metric_type type, const char *name,
                                     const char *help, const char *const *labels)
{
    (void)type;
    (void)name;
    (void)help;
    (void)labels;
    return (struct ph_metric *)&fake_of(host)->measured;
}

static void fake_measure(struct ph_metric *metric, double value)
{
    if (metric)
        *(double *)(void *)metric += value;
}

struct fake_host *fake_host_new(void)
{
    struct fake_host *fake = calloc(1, sizeof(*fake));
    assert(fake);
    fake->now = 1800000000000;
    fake->arena_left = SIZE_MAX;
    fake->host = (struct ph_host){.base = event_base_new(),
                                  .section = "test",
                                  .context = fake,
                                  .alloc = fake_alloc,
                                  .make = fake_make,
                                  .set = fake_set,
                                  .complete = fake_complete,
                                  .log = fake_log,
                                  .monotonic = fake_monotonic,
                                  .now = fake_now,
                                  .random = fake_random,
                                  .offload = fake_offload,
                                  .metric = fake_metric,
                                  .measure = fake_measure};
    return fake;
}

void fake_call_init(struct fake_call *call, struct fake_host *fake, const void *const *entries, size_t count)
{
    assert(count <= FAKE_BATCH);
    memset(call, 0, sizeof(*call));
    call->fake = fake;
    for (size_t i = 0; i < count; i++) {
        call->entries[i] = entries[i];
        call->result_pointers[i] = &call->results[i];
        call->output_pointers[i] = &call->outputs[i];
    }
    call->call = (struct ph_call){.host = &fake->host,
                                  .attempt = 1,
                                  .count = count,
                                  .entries = call->entries,
                                  .results = call->result_pointers,
                                  .outputs = call->output_pointers};
}

void fake_start(struct fake_call *call, ph_start_f *start)
{
    start(call->fake->instance, &call->call);
}

void fake_turn(struct fake_host *fake)
{
    struct fake_work *item = fake->works;
    if (item) {
        fake->works = item->next;
        item->work(item->context);
        item->done(item->context);
        free(item);
    }
    event_base_loop(fake->host.base, EVLOOP_NONBLOCK);
}

void fake_until_complete(struct fake_call *call)
{
    while (!call->completed) {
        fake_turn(call->fake);
    }
}

enum ph_outcome fake_one(struct fake_host *fake, ph_start_f *start, const void *entry, void *output_r,
                         size_t output_size)
{
    struct fake_call call;
    fake_call_init(&call, fake, &entry, 1);
    fake_start(&call, start);
    while (!call.completed)
        fake_turn(fake);
    assert(output_size <= sizeof(call.outputs[0]));
    if (output_r)
        memcpy(output_r, &call.outputs[0], output_size);
    return (enum ph_outcome)call.results[0].outcome;
}

enum ph_outcome fake_open(struct fake_host *fake, const char *file, const void *config)
{
    void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    fake->plugin = dlsym(module, PH_DESCRIPTOR_NAME);
    assert(fake->plugin && fake->plugin->magic == PH_ABI_MAGIC);
    struct ph_open entry = {.config = config};
    struct ph_opened opened;
    enum ph_outcome outcome = fake_one(fake, fake->plugin->common->open, &entry, &opened, sizeof(opened));
    fake->instance = outcome == PH_OK ? opened.instance : NULL;
    return outcome;
}

void fake_host_free(struct fake_host *fake)
{
    if (fake->instance)
        assert(fake_one(fake, fake->plugin->common->close, NULL, NULL, 0) == PH_OK);
    assert(!fake->works);
    while (fake->blocks) {
        struct fake_block *block = fake->blocks;
        fake->blocks = block->next;
        free(block);
    }
    event_base_free(fake->host.base);
    free(fake);
}

void fake_log_clear(struct fake_host *fake)
{
    fake->log_length = 0;
    fake->log[0] = '\0';
}

struct ph_text text_of(const char *string)
{
    return (struct ph_text){.bytes = string, .length = strlen(string)};
}

struct ph_id id_of(uint64_t number)
{
    struct ph_id id = {{0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80}};
    for (int i = 0; i < 8; i++)
        id.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    return id;
}
