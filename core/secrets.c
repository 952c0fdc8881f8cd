// SPDX-License-Identifier: Apache-2.0
//
// See secrets.h.
#include "core/secrets.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "core/xalloc.h"

struct secret {
    char *name;
    char *value; // NULL: not to be had
    size_t length;
    char *error;
};

struct secrets {
    struct secret *items;
    size_t count;
};

struct fetch {
    struct secrets *secrets;
    secrets_done_f *done;
    void *context;
};

struct secrets *secrets_new(void)
{
    return xcalloc(1, sizeof(struct secrets));
}

void secrets_free(struct secrets *secrets)
{
    if (secrets == NULL) {
        return;
    }
    for (size_t i = 0; i < secrets->count; i++) {
        struct secret *secret = &secrets->items[i];
        if (secret->value != NULL) {
            OPENSSL_cleanse(secret->value, secret->length);
        }
        free(secret->value);
        free(secret->name);
        free(secret->error);
    }
    free(secrets->items);
    free(secrets);
}

static struct secret *secrets_slot(struct secrets *secrets, const char *name)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (strcmp(secrets->items[i].name, name) == 0) {
            return &secrets->items[i];
        }
    }
    secrets->items = xrealloc_array(secrets->items, secrets->count + 1, sizeof secrets->items[0]);
    secrets->items[secrets->count] = (struct secret){.name = xstrdup(name)};
    return &secrets->items[secrets->count++];
}

static void secret_store(struct secret *secret, const struct ph_result *result, const struct ph_secret *answer)
{
    if (result->outcome == PH_OK) {
        secret->value = xmalloc(answer->value.length + 1);
        memcpy(secret->value, answer->value.bytes, answer->value.length);
        secret->value[answer->value.length] = '\0';
        secret->length = answer->value.length;
    } else {
        secret->error = xstrdup(result->text != NULL ? result->text : "the secret backend gave no reason");
    }
}

static void secrets_fetched(struct backend_call *call, void *context)
{
    struct fetch *fetch = context;
    for (size_t i = 0; i < backend_call_count(call); i++) {
        const struct ph_secret_name *name = backend_call_entry(call, i);
        secret_store(secrets_slot(fetch->secrets, name->name.bytes), backend_call_result(call, i),
                     backend_call_output(call, i));
    }
    backend_call_free(call);
    fetch->done(fetch->secrets, fetch->context);
    free(fetch);
}

void secrets_fetch(struct secrets *secrets, struct backend *backend, const char *const *names, size_t count, bool fresh,
                   secrets_done_f *done, void *context)
{
    struct fetch *fetch = xmalloc(sizeof *fetch);
    *fetch = (struct fetch){.secrets = secrets, .done = done, .context = context};
    struct backend_call *call = backend_call_new(backend, PH_SECRET_FETCH, count);
    for (size_t i = 0; i < count; i++) {
        struct ph_secret_name *entry = backend_call_alloc(call, sizeof *entry);
        if (entry == NULL) {
            abort(); // a few hundred names at most: config.h bounds them
        }
        *entry = (struct ph_secret_name){.name = backend_call_text(call, names[i], strlen(names[i])), .fresh = fresh};
        backend_call_add(call, entry);
    }
    const struct backend_options options = {.deadline_ms = 15000};
    backend_submit(call, &options, secrets_fetched, fetch);
}

bool secrets_answer(void *context, const char *name, struct ph_text *value_r, const char **error_r)
{
    const struct secrets *secrets = context;
    for (size_t i = 0; i < secrets->count; i++) {
        const struct secret *secret = &secrets->items[i];
        if (strcmp(secret->name, name) == 0) {
            *value_r = (struct ph_text){secret->value, secret->length};
            *error_r = secret->error;
            return secret->value != NULL;
        }
    }
    *error_r = "it was not fetched";
    return false;
}
