// SPDX-License-Identifier: Apache-2.0
//
// secret-env: secrets from the environment and from files.
//
// A name that begins with `/` or `file:` is a file. Any other name is looked for in the folder of option `directory`, if
// there is one, and then in the environment. Files are read on helper threads, the environment on the loop, because
// nothing else of the process may change it there. Nothing is kept: every fetch looks anew.
#include "plugins/secret-env/file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SECRETS_MAGIC 0x73656372u

struct secrets_config {
    const char *prefix;
    const char *directory; // NULL: none
};

struct secrets {
    uint32_t magic;
    const struct secrets_config *config;
};

static const struct ph_option options[] = {
    PH_TEXT(struct secrets_config, prefix, 0, "", "What stands before a secret's name in the environment."),
    PH_TEXT(struct secrets_config, directory, PH_OPTION_PATH, NULL,
            "A folder of files named after their secrets, looked at before the environment."),
};

static struct secrets *secrets_from(void *instance)
{
    struct secrets *secrets = instance;
    assert(secrets && secrets->magic == SECRETS_MAGIC);
    return secrets;
}

// Glues two texts together in the arena; NULL when that is full.
static char *secret_join(struct ph_call *call, const char *first, const char *second)
{
    size_t length = strlen(first);
    char *both = call->host->alloc(call, length + strlen(second) + 1);
    if (!both)
        return NULL;
    memcpy(both, first, length);
    memcpy(both + length, second, strlen(second) + 1);
    return both;
}

// Whether a relative name stays below its folder.
static bool secret_name_is_inside(const char *name)
{
    for (const char *at = name; *at;) {
        size_t part = strcspn(at, "/");
        if (part == 0 || (part == 1 && at[0] == '.') || (part == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += part;
        if (*at == '/' && !*++at)
            return false;
    }
    return *name != '\0';
}

// Reads a file below the folder. A name that is not there stays open: the environment is asked next.
static void secret_from_directory(struct ph_call *call, size_t index, const char *directory, const char *name)
{
    if (!secret_name_is_inside(name)) {
        call->host->set(call, index, PH_INVALID, 0, "the secret's name %s must stay below the folder %s", name,
                        directory);
        return;
    }
    char *folder = secret_join(call, directory, "/");
    char *path = folder ? secret_join(call, folder, name) : NULL;
    if (path)
        file_fetch(call, index, path);
    else
        call->host->set(call, index, PH_INTERNAL, 0, "the call's arena is full");
}

static const char file_scheme[] = "file:";

static bool secret_is_file(const char *name)
{
    return name[0] == '/' || strncmp(name, file_scheme, strlen(file_scheme)) == 0;
}

static void secret_from_file(const struct secrets *secrets, struct ph_call *call, size_t index, const char *name)
{
    const char *path = name[0] == '/' ? name : name + strlen(file_scheme);
    if (path[0] == '/')
        file_fetch(call, index, path);
    else if (secrets->config->directory)
        secret_from_directory(call, index, secrets->config->directory, path);
    else
        call->host->set(call, index, PH_INVALID, 0, "the secret's file %s needs a full path, or option directory",
                        path);
}

static void fetch_work(void *context)
{
    struct ph_call *call = context;
    const struct secrets *secrets = secrets_from(call->data);
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_secret_name *entry = call->entries[i];
        if (secret_is_file(entry->name.bytes)) {
            secret_from_file(secrets, call, i, entry->name.bytes);
        } else if (secrets->config->directory) {
            secret_from_directory(call, i, secrets->config->directory, entry->name.bytes);
            if (call->results[i]->outcome == PH_NOT_FOUND)
                *call->results[i] = (struct ph_result){.outcome = PH_PENDING};
        }
    }
}

static void secret_from_environment(const struct secrets *secrets, struct ph_call *call, size_t index)
{
    const struct ph_secret_name *entry = call->entries[index];
    struct ph_secret *secret = call->outputs[index];
    char *name = secret_join(call, secrets->config->prefix, entry->name.bytes);
    const char *value = name && entry->name.length ? getenv(name) : NULL;
    size_t length = value ? strlen(value) : 0;
    char *copy = value && length <= SECRET_LIMIT ? secret_join(call, value, "") : NULL;
    const char *directory = secrets->config->directory;
    if (name && !value)
        call->host->set(call, index, PH_NOT_FOUND, 0, "the environment has no %s%s%s", name,
                        directory ? ", and there is no such file in " : "", directory ? directory : "");
    else if (length > SECRET_LIMIT)
        call->host->set(call, index, PH_INVALID, 0, "%s in the environment is larger than 64 KiB", name);
    else if (!copy)
        call->host->set(call, index, PH_INTERNAL, 0, "the call's arena is full");
    else
        call->results[index]->outcome = PH_OK;
    if (copy)
        secret->value = (struct ph_text){.bytes = copy, .length = length};
}

// What no file has answered comes from the environment.
static void fetch_done(void *context)
{
    struct ph_call *call = context;
    for (size_t i = 0; i < call->count; i++) {
        if (call->results[i]->outcome == PH_PENDING)
            secret_from_environment(secrets_from(call->data), call, i);
    }
    call->host->complete(call);
}

static bool fetch_needs_files(const struct secrets *secrets, const struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_secret_name *entry = call->entries[i];
        if (secrets->config->directory || secret_is_file(entry->name.bytes))
            return true;
    }
    return false;
}

static void secrets_fetch(void *instance, struct ph_call *call)
{
    struct secrets *secrets = secrets_from(instance);
    struct ph_text key = {.bytes = "", .length = 0};
    call->data = secrets;
    if (!fetch_needs_files(secrets, call)) {
        fetch_done(call);
        return;
    }
    if (call->host->offload(call->host, key, fetch_work, fetch_done, call))
        return;
    for (size_t i = 0; i < call->count; i++) {
        call->results[i]->outcome = PH_UNAVAILABLE;
        call->results[i]->text = "the helper threads are busy";
    }
    call->host->complete(call);
}

static void secrets_open(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        const struct ph_open *entry = call->entries[i];
        struct ph_opened *opened = call->outputs[i];
        struct secrets *secrets = calloc(1, sizeof(*secrets));
        if (secrets) {
            secrets->magic = SECRETS_MAGIC;
            secrets->config = entry->config;
        }
        opened->instance = secrets;
        call->results[i]->outcome = secrets ? PH_OK : PH_UNAVAILABLE;
    }
    call->host->complete(call);
}

static void secrets_close(void *instance, struct ph_call *call)
{
    struct secrets *secrets = secrets_from(instance);
    secrets->magic = 0;
    free(secrets);
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = PH_OK;
    call->host->complete(call);
}

static void secrets_health(void *instance, struct ph_call *call)
{
    const struct secrets *secrets = secrets_from(instance);
    for (size_t i = 0; i < call->count; i++) {
        struct ph_health *health = call->outputs[i];
        health->detail = secrets->config->directory ? "reads files and the environment" : "reads the environment";
        call->results[i]->outcome = PH_OK;
    }
    call->host->complete(call);
}

static const struct ph_common_operations common = {
    .open = secrets_open, .close = secrets_close, .health = secrets_health};

static const struct ph_secret_operations operations = {.fetch = secrets_fetch};

PH_PLUGIN(struct ph_secret_operations, .kind = PH_KIND_SECRET, .name = "env", .version = "1.0.0",
          .summary = "Secrets from the environment and from files.", .config_size = sizeof(struct secrets_config),
          PH_OPTIONS(options), .common = &common, .operations = &operations);
