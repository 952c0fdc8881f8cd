// SPDX-License-Identifier: Apache-2.0
//
// A plugin that lies on demand, so that conformance can be shown to find it. It stands in front of another one
// (the module in LIAR_MODULE, of storage or queue) and breaks the one rule that LIAR_LIE names: by changing
// what is asked before the module sees it, or the answer before the host does. Without a lie it is honest.
//
// The module must complete inside its starts, as the mocks do.
#include <dlfcn.h>
#include <posthouse/plugin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1024
#define TEXT_KEPT 1000

struct liar {
    struct ph_host host; // what the module gets
    const struct ph_plugin *module;
    const char *lie;
    void *inner; // the module's instance
    const struct ph_deliver *late;
};

// A call as the module sees it.
struct proxy {
    struct ph_call call;
    struct ph_call *outer;
    bool completed;
};

static struct ph_call *outer_of(struct ph_call *call)
{
    return ((struct proxy *)call)->outer;
}

static void *proxy_alloc(struct ph_call *call, size_t size)
{
    return outer_of(call)->host->alloc(outer_of(call), size);
}

static void *proxy_make(struct ph_call *call, enum ph_make type)
{
    return outer_of(call)->host->make(outer_of(call), type);
}

__attribute__((format(printf, 5, 6))) static void proxy_set(struct ph_call *call, size_t index, enum ph_outcome outcome,
                                                            uint32_t delay_ms, const char *format, ...)
{
    char text[256] = "";
    if (format != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
    }
    outer_of(call)->host->set(outer_of(call), index, outcome, delay_ms, "%s", text);
}

static void proxy_complete(struct ph_call *call)
{
    ((struct proxy *)call)->completed = true;
}

static void liar_forward(struct liar *liar, ph_start_f *start, struct ph_call *outer, const void *const *entries,
                         size_t count)
{
    struct proxy proxy = {.call = *outer, .outer = outer};
    proxy.call.host = &liar->host;
    proxy.call.entries = entries;
    proxy.call.count = count;
    start(liar->inner, &proxy.call);
    if (!proxy.completed) {
        fputs("liar: the module does not complete inside its start\n", stderr);
        abort();
    }
}

// --- Lies in what is asked ---------------------------------------------------------------------------------

static bool lie_is(const struct liar *liar, const char *lie)
{
    return strcmp(liar->lie, lie) == 0;
}

static void ask_append(const struct liar *liar, struct ph_message *message)
{
    if (lie_is(liar, "forgets-keys")) {
        message->idempotency_key.length = 0;
    } else if (lie_is(liar, "never-expires")) {
        message->expires_at = 0;
    } else if (lie_is(liar, "too-early")) {
        message->deliver_at = 0;
    } else if (lie_is(liar, "cuts-bodies") && message->body.length > TEXT_KEPT) {
        message->body.length = TEXT_KEPT;
    } else if (lie_is(liar, "normal-only")) {
        message->priority = PH_PRIORITY_NORMAL;
    } else if (lie_is(liar, "due-at-once")) {
        message->due_in_ms = 0;
    }
}

// Changes the copy of an entry.
static void ask_entry(const struct liar *liar, uint32_t operation, void *entry)
{
    switch (operation) {
    case PH_STORAGE_APPEND:
        ask_append(liar, entry);
        break;
    case PH_STORAGE_FAIL:
        ((struct ph_failure *)entry)->limit = lie_is(liar, "immortal") ? 1000 : ((struct ph_failure *)entry)->limit;
        break;
    case PH_STORAGE_LEASE:
        ((struct ph_lease *)entry)->lease_ms = lie_is(liar, "no-leases") ? 0 : ((struct ph_lease *)entry)->lease_ms;
        break;
    case PH_STORAGE_INBOX_READ:
        ((struct ph_read *)entry)->byte_limit = lie_is(liar, "greedy") ? UINT32_MAX
                                                                       : ((struct ph_read *)entry)->byte_limit;
        break;
    case PH_STORAGE_SESSION_ADD:
        ((struct ph_session_add *)entry)->lifetime_ms *= lie_is(liar, "long-sessions") ? 1000 : 1;
        break;
    case PH_STORAGE_PURGE:
        ((struct ph_purge *)entry)->retention_ms =
            lie_is(liar, "hasty-purge") ? 1 : ((struct ph_purge *)entry)->retention_ms;
        break;
    case PH_QUEUE_RECEIVE:
        ((struct ph_receive *)entry)->wait_ms = 0; // so that the module completes inside its start
        break;
    case PH_QUEUE_SEND:
        ((struct ph_job *)entry)->delay_ms = lie_is(liar, "no-delays") ? 0 : ((struct ph_job *)entry)->delay_ms;
        break;
    default:
        break;
    }
}

// The size of the entries that are copied; 0: they are handed on.
static size_t entry_size(uint32_t operation)
{
    switch (operation) {
    case PH_STORAGE_APPEND:
        return sizeof(struct ph_message);
    case PH_STORAGE_FAIL:
        return sizeof(struct ph_failure);
    case PH_STORAGE_LEASE:
        return sizeof(struct ph_lease);
    case PH_STORAGE_INBOX_READ:
        return sizeof(struct ph_read);
    case PH_STORAGE_SESSION_ADD:
        return sizeof(struct ph_session_add);
    case PH_STORAGE_PURGE:
        return sizeof(struct ph_purge);
    case PH_QUEUE_RECEIVE:
        return sizeof(struct ph_receive);
    case PH_QUEUE_SEND:
        return sizeof(struct ph_job);
    default:
        return 0;
    }
}

static const void *const *lie_entries(const struct liar *liar, struct ph_call *call)
{
    size_t size = entry_size(call->operation);
    const void **entries = call->host->alloc(call, (call->count + 1) * sizeof(*entries));
    for (size_t i = 0; i < call->count; i++) {
        entries[i] = call->entries[i];
        if (size > 0) {
            void *copy = call->host->alloc(call, size);
            memcpy(copy, call->entries[i], size);
            ask_entry(liar, call->operation, copy);
            entries[i] = copy;
        }
    }
    return entries;
}

// --- Lies in what is answered ------------------------------------------------------------------------------

static void answer_inbox(const struct liar *liar, struct ph_call *call, struct ph_page *page)
{
    size_t count = page->count;
    struct ph_record **records = call->host->alloc(call, (2 * count + 1) * sizeof(struct ph_record *));
    if (lie_is(liar, "rows-twice")) {
        for (size_t i = 0; i < count; i++) {
            records[2 * i] = page->records[i];
            records[2 * i + 1] = page->records[i];
        }
        page->count = 2 * count;
        page->records = records;
    } else if (lie_is(liar, "backwards")) {
        for (size_t i = 0; i < count; i++) {
            records[i] = page->records[count - 1 - i];
            records[i]->position = i + 1;
        }
        page->records = records;
    }
}

// An outcome that becomes another under a lie.
struct turn {
    const char *lie;
    uint32_t operation;
    uint32_t from;
    uint32_t to;
};

static const struct turn TURNS[] = {
    {"pending", PH_STORAGE_DELIVER, PH_OK, PH_PENDING},
    {"counts-again", PH_STORAGE_FAIL, PH_DUPLICATE, PH_OK},
    {"delivers-again", PH_STORAGE_DELIVER, PH_DUPLICATE, PH_OK},
    {"forgets-ids", PH_STORAGE_APPEND, PH_OK, PH_DUPLICATE},
    {"no-conflicts", PH_STORAGE_APPEND, PH_CONFLICT, PH_DUPLICATE},
    {"names-free", PH_STORAGE_USER_ADD, PH_CONFLICT, PH_OK},
    {"postpones-all", PH_STORAGE_POSTPONE, PH_NOT_FOUND, PH_OK},
    {"marks-all", PH_STORAGE_MARK, PH_NOT_FOUND, PH_OK},
    {"redrives-all", PH_STORAGE_REDRIVE, PH_NOT_FOUND, PH_OK},
    {"odd-outcome", PH_STORAGE_STATS, PH_OK, 77},
    {"old-receipts", PH_QUEUE_EXTEND, PH_NOT_FOUND, PH_OK},
};

static void answer_output(const struct liar *liar, struct ph_call *call, size_t index)
{
    void *output = call->outputs[index];
    switch (call->operation) {
    case PH_STORAGE_APPEND:
        ((struct ph_accepted *)output)->unknown_count =
            lie_is(liar, "nameless") ? 0 : ((struct ph_accepted *)output)->unknown_count;
        break;
    case PH_STORAGE_DELIVER:
        ((struct ph_delivery *)output)->delivered |= lie_is(liar, "says-delivered");
        break;
    case PH_STORAGE_INBOX_READ:
        answer_inbox(liar, call, output);
        break;
    case PH_STORAGE_INBOX_HEAD:
        ((struct ph_head_position *)output)->head =
            lie_is(liar, "headless") ? 0 : ((struct ph_head_position *)output)->head;
        break;
    case PH_STORAGE_INBOX_ACK:
        ((struct ph_acked *)output)->acked = lie_is(liar, "acks-all")
                                                 ? ((const struct ph_ack *)call->entries[index])->id_count
                                                 : ((struct ph_acked *)output)->acked;
        break;
    case PH_QUEUE_RECEIVE:
        for (size_t i = 0; lie_is(liar, "blank-traces") && i < ((struct ph_received_jobs *)output)->count; i++) {
            ((struct ph_received_jobs *)output)->jobs[i]->trace.length = 0;
        }
        break;
    default:
        break;
    }
}

static void lie_answers(const struct liar *liar, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        for (size_t j = 0; j < sizeof TURNS / sizeof TURNS[0]; j++) {
            const struct turn *turn = &TURNS[j];
            if (turn->operation == call->operation && lie_is(liar, turn->lie) &&
                turn->from == call->results[i]->outcome) {
                call->results[i]->outcome = turn->to;
            }
        }
        answer_output(liar, call, i);
    }
}

// --- Calls -------------------------------------------------------------------------------------------------

static void set_all(struct ph_call *call, size_t from, enum ph_outcome outcome)
{
    for (size_t i = from; i < call->count; i++) {
        call->results[i]->outcome = outcome;
    }
}

// How many entries the module gets to see; the others get the outcome `rest_r`.
static size_t lie_count(const struct liar *liar, const struct ph_call *call, enum ph_outcome *rest_r)
{
    *rest_r = PH_OK;
    if (lie_is(liar, "loses-the-last") && call->operation == PH_STORAGE_APPEND && call->count > 1) {
        return call->count - 1;
    }
    if (lie_is(liar, "does-nothing") &&
        (call->operation == PH_STORAGE_INBOX_REMOVE || call->operation == PH_QUEUE_REMOVE)) {
        return 0;
    }
    if (lie_is(liar, "a-part") && call->count > BATCH) {
        *rest_r = PH_INVALID;
        return BATCH;
    }
    return call->count;
}

static void lie_with_memory(struct liar *liar, struct ph_call *call)
{
    if (lie_is(liar, "scribbles") && call->operation == PH_STORAGE_DELIVER && call->count > 0) {
        ((struct ph_deliver *)(uintptr_t)call->entries[0])->alert_lease_ms = 7;
    }
    if (lie_is(liar, "reads-late")) {
        const volatile struct ph_deliver *late = liar->late;
        if (late != NULL && late->alert_lease_ms == 12345) {
            set_all(call, 0, PH_INTERNAL);
        }
        if (call->operation == PH_STORAGE_DELIVER && call->count > 0) {
            liar->late = call->entries[0];
        }
    }
}

static void liar_start(void *instance, struct ph_call *call)
{
    struct liar *liar = instance;
    bool queue = call->operation >= PH_QUEUE_SEND;
    size_t index = call->operation - (queue ? PH_QUEUE_SEND : PH_STORAGE_APPEND);
    ph_start_f *const *slots = liar->module->operations;
    enum ph_outcome rest;
    size_t count = lie_count(liar, call, &rest);
    lie_with_memory(liar, call);
    liar_forward(liar, slots[index], call, lie_entries(liar, call), count);
    set_all(call, count, rest);
    lie_answers(liar, call);
    const struct ph_host *host = call->host;
    bool twice = lie_is(liar, "completes-twice");
    host->complete(call);
    if (twice) {
        host->complete(call);
    }
}

static void liar_open(void *instance, struct ph_call *call)
{
    (void)instance;
    const char *module = getenv("LIAR_MODULE");
    const char *lie = getenv("LIAR_LIE");
    void *library = dlopen(module != NULL ? module : "", RTLD_NOW | RTLD_LOCAL);
    struct liar *liar = calloc(1, sizeof *liar);
    if (library == NULL || liar == NULL || call->count == 0) {
        call->host->set(call, 0, PH_INVALID, 0, "LIAR_MODULE: %s", dlerror());
        call->host->complete(call);
        free(liar);
        return;
    }
    liar->module = dlsym(library, PH_DESCRIPTOR_NAME);
    liar->lie = lie != NULL ? lie : "";
    liar->host = *call->host;
    liar->host.alloc = proxy_alloc;
    liar->host.make = proxy_make;
    liar->host.set = proxy_set;
    liar->host.complete = proxy_complete;
    liar_forward(liar, liar->module->common->open, call, call->entries, call->count);
    struct ph_opened *opened = call->outputs[0];
    liar->inner = opened->instance;
    opened->instance = liar;
    call->host->complete(call);
}

static void liar_close(void *instance, struct ph_call *call)
{
    struct liar *liar = instance;
    liar_forward(liar, liar->module->common->close, call, call->entries, call->count);
    free(liar);
    call->host->complete(call);
}

static void liar_health(void *instance, struct ph_call *call)
{
    struct liar *liar = instance;
    liar_forward(liar, liar->module->common->health, call, call->entries, call->count);
    if (lie_is(liar, "talkative") && call->count > 0) {
        ((struct ph_health *)call->outputs[0])->detail = "one line\nand another";
    }
    call->host->complete(call);
}

// The liar's own: the mocks have nothing to make.
static void liar_setup(void *instance, struct ph_call *call)
{
    (void)instance;
    static bool made; // what is there now; a check is a process
    const char *lie = getenv("LIAR_LIE");
    struct ph_step *step = call->host->make(call, PH_MAKE_STEP);
    struct ph_step **steps = call->host->alloc(call, sizeof(struct ph_step *));
    if (step == NULL || steps == NULL || call->count == 0) {
        call->host->complete(call);
        return;
    }
    step->state = made ? PH_STEP_FOUND : PH_STEP_MADE;
    step->what = (struct ph_text){"a thing", sizeof "a thing" - 1};
    step->note = (struct ph_text){"", 0};
    steps[0] = step;
    *(struct ph_steps *)call->outputs[0] = (struct ph_steps){steps, 1};
    made = lie == NULL || strcmp(lie, "makes-again") != 0;
    call->host->set(call, 0, PH_OK, 0, NULL);
    call->host->complete(call);
}

// As setup: the mocks have no rights.
static void liar_probe(void *instance, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, PH_DENIED, 0, lie_is(instance, "denies-silently") ? NULL : "it may not be told");
    }
    call->host->complete(call);
}

static const struct ph_right rights[] = {{"lie:Tell", PH_HEALTH, "*", NULL, NULL, "Lies."}};

static const struct ph_common_operations common = {
    .open = liar_open,
    .close = liar_close,
    .health = liar_health,
    .setup = liar_setup,
    .probe = liar_probe,
};

#ifdef LIAR_QUEUE
struct liar_config {
    int64_t limit; // begins as queue-mock's config
};

static const struct ph_option options[] = {
    PH_INTEGER(struct liar_config, limit, 0, "100000", 1, 1000000, "Of the module."),
};

static const struct ph_queue_operations slots = {liar_start, liar_start, liar_start, liar_start, liar_start};

PH_PLUGIN(struct ph_queue_operations, .kind = PH_KIND_QUEUE, .flags = LIAR_FLAGS, .name = "liar", .version = "1",
          .summary = "Lies.", .config_size = sizeof(struct liar_config), PH_OPTIONS(options), .common = &common,
          .operations = &slots, PH_RIGHTS(rights));
#else
struct liar_config {
    int64_t limit; // begins as storage-mock's config
    uint64_t memory;
    const char *operator;
};

static const struct ph_option options[] = {
    PH_INTEGER(struct liar_config, limit, 0, "100000", 1, 1000000, "Of the module."),
    PH_SIZE(struct liar_config, memory, 0, "1GiB", 1, INT64_MAX, "Of the module."),
    PH_TEXT(struct liar_config, operator, 0, NULL, "Of the module."),
};

static const struct ph_storage_operations slots = {
    liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start,
    liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start,
    liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, liar_start, NULL,
};

PH_PLUGIN(struct ph_storage_operations, .kind = PH_KIND_STORAGE, .flags = LIAR_FLAGS, .name = LIAR_NAME, .version = "1",
          .summary = "Lies.", .config_size = sizeof(struct liar_config), PH_OPTIONS(options), .common = &common,
          .operations = &slots, PH_RIGHTS(rights));
#endif
