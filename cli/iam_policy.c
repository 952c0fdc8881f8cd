// SPDX-License-Identifier: Apache-2.0
//
// See cli/iam_policy.h. The rights of all plugins become grants; grants of one kind whose actions have the same
// resources (and conditions) share a statement. Everything is sorted, so that equal configurations give equal text.
#include "cli/iam_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit_codes.h"
#include "cli/options.h"
#include "core/aws_name.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/findings.h"
#include "core/rights.h"
#include "core/xalloc.h"

#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)
#define KEY_ORDER 99

struct grant {
    unsigned order; // of its statement
    const char *sid;
    const char *action;
    const char *resource;
    char *through; // the service's name in kms:ViaService; NULL: no condition
};

struct policy {
    struct grant *grants;
    size_t count;
};

static const char *const sids[] = {
    [PH_KIND_STORAGE] = "Messages", [PH_KIND_META] = "Documents", [PH_KIND_QUEUE] = "Jobs",
    [PH_KIND_ALERT] = "Alerts",     [PH_KIND_SECRET] = "Secrets",
};

// --- Grants ------------------------------------------------------------------------------------------------

static int compare_texts(const char *left, const char *right)
{
    return strcmp(left != NULL ? left : "", right != NULL ? right : "");
}

static int compare_grants(const void *a, const void *b)
{
    const struct grant *left = a;
    const struct grant *right = b;
    int order = left->order < right->order ? -1 : left->order > right->order;
    order = order != 0 ? order : strcmp(left->action, right->action);
    order = order != 0 ? order : strcmp(left->resource, right->resource);
    return order != 0 ? order : compare_texts(left->through, right->through);
}

static char *through_of(const struct rights_need *need)
{
    return need->right->via == NULL
               ? NULL
               : xasprintf("%s.%s.%s", need->right->via, need->region, aws_name_suffix(need->region));
}

// Sorted, each grant once.
static struct policy policy_of(const struct rights *rights)
{
    struct policy policy = {.grants = xcalloc(rights->count + 1, sizeof(struct grant))};
    for (size_t i = 0; i < rights->count; i++) {
        const struct rights_need *need = &rights->needs[i];
        bool key = need->right->via != NULL;
        policy.grants[i] = (struct grant){.order = key ? KEY_ORDER : need->section->kind,
                                          .sid = key ? "Key" : sids[need->section->kind],
                                          .action = need->right->action,
                                          .resource = need->resource,
                                          .through = through_of(need)};
    }
    qsort(policy.grants, rights->count, sizeof(struct grant), compare_grants);
    for (size_t i = 0; i < rights->count; i++) {
        if (policy.count > 0 && compare_grants(&policy.grants[policy.count - 1], &policy.grants[i]) == 0) {
            free(policy.grants[i].through);
        } else {
            policy.grants[policy.count++] = policy.grants[i];
        }
    }
    return policy;
}

static void policy_free(struct policy *policy)
{
    for (size_t i = 0; i < policy->count; i++) {
        free(policy->grants[i].through);
    }
    free(policy->grants);
}

// How many grants from `first` on are of its action (and statement).
static size_t run_of(const struct policy *policy, size_t first)
{
    size_t length = 1;
    const struct grant *grants = policy->grants;
    while (first + length < policy->count && grants[first + length].order == grants[first].order &&
           strcmp(grants[first + length].action, grants[first].action) == 0) {
        length++;
    }
    return length;
}

// True when two actions have the same resources and conditions.
static bool same_scope(const struct policy *policy, size_t left, size_t right)
{
    size_t length = run_of(policy, left);
    if (run_of(policy, right) != length || policy->grants[left].order != policy->grants[right].order) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        const struct grant *one = &policy->grants[left + i];
        const struct grant *other = &policy->grants[right + i];
        if (strcmp(one->resource, other->resource) != 0 || compare_texts(one->through, other->through) != 0) {
            return false;
        }
    }
    return true;
}

// --- Text --------------------------------------------------------------------------------------------------

struct list {
    struct buffer *out;
    const char *before; // NULL: nothing was written
};

// Another item of a JSON list, unless it is the one that was just written.
static void list_add(struct list *list, const char *item)
{
    if (list->before != NULL && strcmp(list->before, item) == 0) {
        return;
    }
    buffer_text(list->out, list->before == NULL ? "\n        " : ",\n        ");
    buffer_json_string(list->out, item, strlen(item));
    list->before = item;
}

static void write_actions(const struct policy *policy, size_t first, struct buffer *out)
{
    struct list list = {.out = out};
    buffer_text(out, "      \"Action\": [");
    for (size_t i = first; i < policy->count; i += run_of(policy, i)) {
        if (same_scope(policy, first, i)) {
            list_add(&list, policy->grants[i].action);
        }
    }
    buffer_text(out, "\n      ],\n");
}

static void write_resources(const struct policy *policy, size_t first, struct buffer *out)
{
    struct list list = {.out = out};
    buffer_text(out, "      \"Resource\": [");
    for (size_t i = first; i < first + run_of(policy, first); i++) {
        list_add(&list, policy->grants[i].resource);
    }
    buffer_text(out, "\n      ]");
}

static void write_condition(const struct policy *policy, size_t first, struct buffer *out)
{
    struct list list = {.out = out};
    bool pattern = false;
    for (size_t i = first; i < first + run_of(policy, first); i++) {
        pattern = pattern || (policy->grants[i].through != NULL && strchr(policy->grants[i].through, '*') != NULL);
    }
    if (policy->grants[first].through == NULL) {
        return;
    }
    buffer_printf(out, ",\n      \"Condition\": {\"%s\": {\"kms:ViaService\": [",
                  pattern ? "StringLike" : "StringEquals");
    for (size_t i = first; i < first + run_of(policy, first); i++) {
        list_add(&list, policy->grants[i].through);
    }
    buffer_text(out, "\n      ]}}");
}

// The statements of a policy whose first one is at `first`: an action that shares the scope of an earlier one is in it.
static bool begins_statement(const struct policy *policy, size_t first)
{
    for (size_t i = 0; i < first; i += run_of(policy, i)) {
        if (same_scope(policy, i, first)) {
            return false;
        }
    }
    return true;
}

static void write_policy(const struct policy *policy, struct buffer *out)
{
    const char *sid = "";
    unsigned number = 1;
    buffer_text(out, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [");
    bool any = false;
    for (size_t i = 0; i < policy->count; i += run_of(policy, i)) {
        if (!begins_statement(policy, i)) {
            continue;
        }
        number = strcmp(sid, policy->grants[i].sid) == 0 ? number + 1 : 1;
        sid = policy->grants[i].sid;
        buffer_printf(out, "%s\n    {\n      \"Sid\": \"%s", any ? "," : "", sid);
        if (number > 1) {
            buffer_unsigned(out, number);
        }
        buffer_text(out, "\",\n      \"Effect\": \"Allow\",\n");
        write_actions(policy, i, out);
        write_resources(policy, i, out);
        write_condition(policy, i, out);
        buffer_text(out, "\n    }");
        any = true;
    }
    buffer_text(out, any ? "\n  ]\n}\n" : "]\n}\n");
}

// --- The command -------------------------------------------------------------------------------------------

static int print_policy(const struct config *config, const struct rights_settings *settings)
{
    struct buffer out;
    struct rights *rights = rights_of(config, settings);
    struct policy policy = policy_of(rights);
    buffer_init(&out, OUTPUT_MAX);
    write_policy(&policy, &out);
    const char *text = buffer_string(&out);
    bool good = text != NULL && fputs(text, stdout) != EOF && fflush(stdout) == 0;
    for (size_t i = 0; i < rights->note_count; i++) {
        fprintf(stderr, "posthouse: note: %s\n", rights->notes[i]);
    }
    if (policy.count == 0) {
        fputs("posthouse: note: none of these plugins needs a right\n", stderr);
    }
    policy_free(&policy);
    rights_free(rights);
    buffer_free(&out);
    return good ? EXIT_GOOD : EXIT_FAILED;
}

static int read_and_print(const char *file, const struct rights_settings *settings)
{
    struct findings findings = {0};
    struct config *config = config_read(file, NULL, &findings);
    const bool good = findings.errors == 0;
    findings_print(&findings, stderr);
    int code = good ? print_policy(config, settings) : CONFIG_EXIT;
    findings_free(&findings);
    config_free(config);
    return code;
}

int iam_policy_run(int argc, char **argv)
{
    struct rights_settings settings = {.setup = false};
    const char *file = NULL;
    int code;
    const struct options_entry entries[] = {
        {.name = "config",
         .argument = "FILE",
         .letter = 'c',
         .text = &file,
         .help = "the configuration; must be given"},
        {.name = "region", .argument = "REGION", .text = &settings.region, .help = "where the resources are"},
        {.name = "account", .argument = "NUMBER", .text = &settings.account, .help = "the account that owns them"},
        {.name = "partition", .argument = "NAME", .text = &settings.partition, .help = "aws, aws-cn, aws-us-gov, …"},
        {.name = "key", .argument = "ARN", .text = &settings.key, .help = "the KMS key of yours that encrypts them"},
        {.name = "setup", .flag = &settings.setup, .help = "with the rights of posthouse setup"},
    };
    const struct options_command command = {
        .name = "iam-policy",
        .operands = "",
        .about =
            "Prints the IAM policy, as JSON, that exactly this configuration needs and no more. It asks nobody: "
            "actions\n"
            "and resources come from the plugins' own tables (posthouse plugin describe shows them). What the file\n"
            "does not tell is \"*\", and a note on stderr says so.\n",
        .entries = entries,
        .count = sizeof entries / sizeof entries[0],
    };
    if (!options_read(&command, argc, argv, NULL, &code)) {
        return code;
    }
    if (file == NULL) {
        return options_wrong("iam-policy", "a configuration is needed: -c FILE");
    }
    return read_and_print(file, &settings);
}
