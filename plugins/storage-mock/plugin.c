// SPDX-License-Identifier: Apache-2.0
//
// storage-mock: a complete storage backend in memory. Here: its options, how it is opened and closed, its descriptor.
#include "plugins/storage-mock/slots.h"
#include "plugins/storage-mock/store.h"
#include "plugins/storage-mock/user.h"

#include <stdlib.h>
#include <string.h>

static const struct ph_option options[] = {
    PH_INTEGER(struct store_config, limit, 0, "1000000", 1, 100000000,
               "How many messages it holds; as many keys, users and sessions."),
    PH_SIZE(struct store_config, memory, 0, "1GiB", 1 << 20, INT64_MAX,
            "How many bytes all messages together may take."),
    PH_TEXT(struct store_config, operator, PH_OPTION_SECRET, NULL,
            "A first operator as NAME:PASSWORD, since nothing is kept over a restart."),
};

// The core takes this form of a password from a volatile plugin only.
static const char plain[] = "plain:";

static bool operator_name_is_good(const char *name, size_t length)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._@-";
    return length >= 1 && length <= 64 && strspn(name, allowed) >= length;
}

// Adds the operator that the option names; gives a text when it cannot.
static const char *operator_add(struct store *store, const char *operator)
{
    const char *colon = strchr(operator, ':');
    if (!colon || !operator_name_is_good(operator, (size_t)(colon - operator)) || !colon[1])
        return "option operator must be NAME:PASSWORD, the name 1 to 64 of a-z 0-9 . _ @ -";
    size_t length = strlen(plain) + strlen(colon + 1);
    char *password = malloc(length + 1);
    if (!password)
        return "there is no memory for the operator";
    memcpy(password, plain, strlen(plain));
    memcpy(password + strlen(plain), colon + 1, strlen(colon + 1) + 1);
    struct ph_user_add entry = {.name = {.bytes = operator, .length =(size_t)(colon - operator)},
                                .password = {.bytes = password, .length = length},
                                .roles = PH_ROLE_OPERATOR};
    store->host->random(store->host, entry.id.bytes, sizeof(entry.id.bytes));
    bool made = user_make(store, &entry);
    explicit_bzero(password, length);
    free(password);
    return made ? NULL : "there is no memory for the operator";
}

static void storage_open(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_open *entry = call->entries[i];
        const struct store_config *config = entry->config;
        struct ph_opened *opened = call->outputs[i];
        struct store *store = store_new(call->host, config);
        const char *problem = store ? NULL : "there is no memory for the storage";
        if (store && config->operator)
            problem = operator_add(store, config->operator);
        if (problem) {
            store_free(store);
            store = NULL;
        }
        opened->instance = store;
        call->results[i]->outcome = problem ? PH_INVALID : PH_OK;
        call->results[i]->text = problem;
    }
    call->host->complete(call);
}

static void storage_close(void *instance, struct ph_call *call)
{
    store_free(store_from(instance));
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static void storage_health(void *instance, struct ph_call *call)
{
    const struct store *store = store_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        struct ph_health *health = call->outputs[i];
        health->detail = store->messages.count < store->limit ? "in memory; nothing is kept over a restart"
                                                              : "full: nothing is accepted until messages are purged";
        call->results[i]->outcome = PH_OK;
    }
    call->host->complete(call);
}

static const struct ph_common_operations common = {
    .open = storage_open, .close = storage_close, .health = storage_health};

static const struct ph_storage_operations operations = {
    .append = storage_append,
    .deliver = storage_deliver,
    .fail = storage_fail,
    .postpone = storage_postpone,
    .lease = storage_lease,
    .settle = storage_settle,
    .mark = storage_mark,
    .expire = storage_expire,
    .inbox_read = storage_inbox_read,
    .inbox_head = storage_inbox_head,
    .inbox_ack = storage_inbox_ack,
    .inbox_remove = storage_inbox_remove,
    .message_get = storage_message_get,
    .sent_read = storage_sent_read,
    .dead_read = storage_dead_read,
    .redrive = storage_redrive,
    .user_add = storage_user_add,
    .user_get = storage_user_get,
    .user_list = storage_user_list,
    .user_password = storage_user_password,
    .user_remove = storage_user_remove,
    .session_add = storage_session_add,
    .session_get = storage_session_get,
    .session_remove = storage_session_remove,
    .purge = storage_purge,
    .stats = storage_stats,
};

PH_PLUGIN(struct ph_storage_operations, .kind = PH_KIND_STORAGE, .flags = PH_PLUGIN_VOLATILE, .name = "mock",
          .version = "1.0.0",
          .summary = "Everything in memory: for trying, for tests, and to read how storage behaves.",
          .config_size = sizeof(struct store_config), PH_OPTIONS(options), .common = &common,
          .operations = &operations);
