// SPDX-License-Identifier: Apache-2.0
//
// A metadata backend in a cloud that is a folder: `table-NAME` is a table, `denied` holds the actions that nobody may do,
// one a line, and `unclear` those of which it does not tell whether one may. It stands for a backend with access control and things to be made first, for the tests of what
// operators do about these: posthouse iam-policy, posthouse setup, posthoused --check=deep.
#include <posthouse/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cloud_config {
    const char *folder;
    const char *table;
    const char *topic_arn;
    const char *region;
    bool watch;
};

static const struct ph_option cloud_options[] = {
    PH_TEXT(struct cloud_config, folder, PH_OPTION_REQUIRED | PH_OPTION_PATH, NULL, "The cloud."),
    PH_TEXT(struct cloud_config, table, 0, "messages", "The table."),
    PH_TEXT(struct cloud_config, topic_arn, 0, NULL, "A topic, for its account."),
    PH_TEXT(struct cloud_config, region, 0, NULL, "Where it is."),
    PH_BOOLEAN(struct cloud_config, watch, 0, "no", "Whether to watch it."),
};

#define TABLE "arn:{partition}:cloud:{region}:{account}:table/{table}"

static const struct ph_right cloud_rights[] = {
    {"cloud:DescribeTable", PH_OPEN, TABLE, NULL, NULL, "Sees whether the table is there."},
    {"cloud:DescribeTable", PH_HEALTH, TABLE, NULL, NULL, "Sees whether it still is."},
    {"cloud:PutItem", PH_META_PUT, TABLE, NULL, NULL, "Stores documents."},
    {"cloud:GetItem", PH_META_GET, TABLE, NULL, NULL, "Reads them."},
    {"cloud:Watch", PH_HEALTH, "*", "watch", NULL, "Watches the cloud."},
    {"kms:Decrypt", PH_META_GET, "{key}", NULL, "cloud", "Reads what is encrypted."},
    {"kms:GenerateDataKey", PH_META_PUT, "{key}", NULL, "cloud", "Encrypts."},
    {"cloud:CreateTable", PH_SETUP, TABLE, NULL, NULL, "Makes the table."},
};

static bool cloud_lists(const struct cloud_config *config, const char *list, const char *action)
{
    char path[4096];
    char line[256];
    bool found = false;
    snprintf(path, sizeof path, "%s/%s", config->folder, list);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        found = found || strcmp(line, action) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static bool cloud_denies(const struct cloud_config *config, const char *action)
{
    return cloud_lists(config, "denied", action);
}

static void cloud_table(const struct cloud_config *config, char path[4096])
{
    snprintf(path, 4096, "%s/table-%s", config->folder, config->table);
}

// Ends every entry as the cloud wants it: denied, not found, or `outcome`.
static void cloud_end(const struct cloud_config *config, struct ph_call *call, const char *action,
                      enum ph_outcome outcome)
{
    char path[4096];
    cloud_table(config, path);
    FILE *table = fopen(path, "r");
    for (size_t i = 0; i < call->count; i++) {
        if (cloud_denies(config, action)) {
            call->host->set(call, i, PH_DENIED, 0, "%s is not allowed", action);
        } else if (table == NULL) {
            call->host->set(call, i, PH_NOT_FOUND, 0, "the table %s does not exist", config->table);
        } else {
            call->host->set(call, i, outcome, 0, NULL);
        }
    }
    if (table != NULL) {
        fclose(table);
    }
    call->host->complete(call);
}

static bool cloud_make(const char *path)
{
    FILE *file = fopen(path, "w");
    return file != NULL && fclose(file) == 0;
}

// Set while the plugin is open: what shall be there when its library was taken down in order.
static char cloud_end_mark[4096];

__attribute__((destructor)) static void cloud_taken_down(void)
{
    if (cloud_end_mark[0] != '\0') {
        cloud_make(cloud_end_mark);
    }
}

static void cloud_open(void *instance, struct ph_call *call)
{
    (void)instance;
    const struct cloud_config *config = call->count > 0 ? ((const struct ph_open *)call->entries[0])->config : NULL;
    if (config == NULL) {
        call->host->complete(call);
        return;
    }
    snprintf(cloud_end_mark, sizeof cloud_end_mark, "%s/taken-down", config->folder);
    ((struct ph_opened *)call->outputs[0])->instance = (void *)(uintptr_t)config;
    cloud_end(config, call, "cloud:DescribeTable", PH_OK);
}

static void cloud_close(void *instance, struct ph_call *call)
{
    (void)instance;
    for (size_t i = 0; i < call->count; i++) {
        call->host->set(call, i, PH_OK, 0, NULL);
    }
    call->host->complete(call);
}

static void cloud_health(void *instance, struct ph_call *call)
{
    cloud_end(instance, call, "cloud:DescribeTable", PH_OK);
}

static void cloud_put(void *instance, struct ph_call *call)
{
    cloud_end(instance, call, "cloud:PutItem", PH_OK);
}

static void cloud_get(void *instance, struct ph_call *call)
{
    cloud_end(instance, call, "cloud:GetItem", PH_NOT_FOUND);
}

static void cloud_probe(void *instance, struct ph_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        const char *action = ((const struct ph_right *)call->entries[i])->action;
        if (cloud_lists(instance, "unclear", action)) {
            call->host->set(call, i, PH_INVALID, 0, "the cloud does not tell");
        } else if (cloud_denies(instance, action)) {
            call->host->set(call, i, PH_DENIED, 0, "%s is not allowed", action);
        } else {
            call->host->set(call, i, PH_OK, 0, NULL);
        }
    }
    call->host->complete(call);
}

static bool cloud_has(const char *path)
{
    FILE *file = fopen(path, "r");
    return file != NULL && fclose(file) == 0;
}

static void cloud_setup(void *instance, struct ph_call *call)
{
    (void)instance;
    const struct ph_setup *setup = call->entries[0];
    const struct cloud_config *config = setup->config;
    struct ph_step **steps = call->host->alloc(call, 2 * sizeof(struct ph_step *));
    if (steps == NULL) {
        abort();
    }
    char path[4096];
    cloud_table(config, path);
    bool found = cloud_has(path);
    if (!found && (cloud_denies(config, "cloud:CreateTable") || !cloud_make(path))) {
        call->host->set(call, 0, PH_DENIED, 0, "cloud:CreateTable is not allowed");
        call->host->complete(call);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        steps[i] = call->host->make(call, PH_MAKE_STEP);
        if (steps[i] == NULL) {
            abort();
        }
    }
    *steps[0] = (struct ph_step){found ? PH_STEP_FOUND : PH_STEP_MADE, {"the table", 9}, {"", 0}};
    *steps[1] = (struct ph_step){PH_STEP_SKIPPED, {"expiry", 6}, {"documents stay for ever", 23}};
    *(struct ph_steps *)call->outputs[0] = (struct ph_steps){steps, 2};
    call->host->set(call, 0, PH_OK, 0, NULL);
    call->host->complete(call);
}

static const struct ph_common_operations cloud_common = {
    .open = cloud_open,
    .close = cloud_close,
    .health = cloud_health,
    .setup = cloud_setup,
#ifndef CLOUD_CANNOT_TRY
    .probe = cloud_probe,
#endif
};
static const struct ph_meta_operations cloud_operations = {.put = cloud_put, .get = cloud_get};

PH_PLUGIN(struct ph_meta_operations, .kind = PH_KIND_META, .flags = PH_PLUGIN_VOLATILE, .name = "cloud",
          .version = "1.0.0", .summary = "A cloud in a folder.", .config_size = sizeof(struct cloud_config),
          PH_OPTIONS(cloud_options), .common = &cloud_common, .operations = &cloud_operations, PH_RIGHTS(cloud_rights));
