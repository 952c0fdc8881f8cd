// SPDX-License-Identifier: Apache-2.0
//
// See core/descriptor.h. The order is that of trust: the head, whose place never changes; the versions; the
// sizes; then what the descriptor points to. Each step is taken only if the one before found nothing.
#include "core/descriptor.h"
#include "core/buffer.h"
#include "core/loader.h"
#include "core/operation.h"
#include "core/options.h"
#include "core/resource.h"
#include "core/xalloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_LENGTH_MAX 64
#define SUMMARY_LENGTH_MAX 500
#define CONFIG_SIZE_MAX 65536
#define BATCH_MAX 65536
#define CONCURRENCY_MAX 65536
#define RESOURCE_LENGTH_MAX 500

/// Sizes of the structs in 1.0, the smallest that may come.
#define FIRST_PLUGIN_SIZE offsetof(struct ph_plugin, rights)
#define FIRST_OPTION_SIZE sizeof(struct ph_option)
#define FIRST_COMMON_SIZE offsetof(struct ph_common_operations, setup)

bool descriptor_is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < LOADER_NAME_SIZE && name[length] == '\0';
}

// The members whose place never changes, and the kind behind them.
static bool check_versions(const struct ph_plugin *head, struct buffer *errors)
{
    size_t before = errors->length;
    if (head->magic != PH_ABI_MAGIC) {
        buffer_printf(errors, "magic is 0x%08" PRIx32 ", expected 0x%08" PRIx32 "\n", head->magic,
                      (uint32_t)PH_ABI_MAGIC);
    }
    if (head->abi_major != PH_ABI_MAJOR) {
        buffer_printf(errors, "ABI major is %u, this program has %u\n", head->abi_major, PH_ABI_MAJOR);
    }
    if (head->abi_minor > PH_ABI_MINOR) {
        buffer_printf(errors, "ABI minor is %u, newer than this program's %u\n", head->abi_minor, PH_ABI_MINOR);
    }
    return errors->length == before;
}

// The same minor has the same sizes; an older one may have smaller structs.
static void check_size(const char *what, size_t found, size_t first, size_t own, bool older, struct buffer *errors)
{
    if (found == own || (older && found >= first && found < own)) {
        return;
    }
    buffer_printf(errors, "size of %s is %zu, this program has %zu\n", what, found, own);
}

static bool check_sizes(const struct ph_plugin *head, size_t readable, struct buffer *errors)
{
    size_t before = errors->length;
    bool older = head->abi_minor != PH_ABI_MINOR; // a newer one is refused anyway
    check_size("struct ph_plugin", head->plugin_size, FIRST_PLUGIN_SIZE, sizeof(struct ph_plugin), older, errors);
    check_size("struct ph_option", head->option_size, FIRST_OPTION_SIZE, sizeof(struct ph_option), older, errors);
    check_size("struct ph_common_operations", head->common_size, FIRST_COMMON_SIZE, sizeof(struct ph_common_operations),
               older, errors);
    if (readable < head->plugin_size) {
        buffer_printf(errors, "the descriptor has %zu bytes, its plugin_size says %zu\n", readable, head->plugin_size);
    }
    if (errors->length != before) {
        return false;
    }
    size_t own = operation_struct_size(head->kind);
    if (own == 0) {
        buffer_printf(errors, "kind %" PRIu32 " is unknown to this program\n", head->kind);
    } else {
        char what[64];
        snprintf(what, sizeof what, "struct ph_%s_operations", kind_name(head->kind));
        check_size(what, head->operations_size, sizeof(ph_start_f *), own, older, errors);
    }
    return errors->length == before;
}

static void check_text(const char *what, const char *text, size_t limit, struct buffer *errors)
{
    if (text == NULL || text[0] == '\0') {
        buffer_printf(errors, "%s is missing\n", what);
    } else if (strnlen(text, limit + 1) > limit) {
        buffer_printf(errors, "%s is longer than %zu bytes\n", what, limit);
    }
}

static void check_limit(const char *what, size_t value, size_t limit, struct buffer *errors)
{
    if (value > limit) {
        buffer_printf(errors, "%s is %zu, at most %zu is allowed\n", what, value, limit);
    }
}

static bool check_members(const struct ph_plugin *descriptor, struct buffer *errors)
{
    size_t before = errors->length;
    if (descriptor->name == NULL || !descriptor_is_name(descriptor->name)) {
        buffer_printf(errors, "name is missing or not 1 to %d of a-z, 0-9 and -\n", LOADER_NAME_SIZE - 1);
    }
    check_text("version", descriptor->version, VERSION_LENGTH_MAX, errors);
    check_text("summary", descriptor->summary, SUMMARY_LENGTH_MAX, errors);
    check_limit("config_size", descriptor->config_size, CONFIG_SIZE_MAX, errors);
    check_limit("option_count", descriptor->option_count, DESCRIPTOR_OPTIONS_MAX, errors);
    check_limit("batch_limit", descriptor->batch_limit, BATCH_MAX, errors);
    check_limit("concurrency", descriptor->concurrency, CONCURRENCY_MAX, errors);
    if (descriptor->option_count > 0 && descriptor->options == NULL) {
        buffer_text(errors, "options is NULL\n");
    }
    check_limit("right_count", descriptor->right_count, DESCRIPTOR_RIGHTS_MAX, errors);
    if (descriptor->right_count > 0 && descriptor->rights == NULL) {
        buffer_text(errors, "rights is NULL\n");
    }
    if (descriptor->right_count > 0) {
        bool older = descriptor->abi_minor != PH_ABI_MINOR;
        check_size("struct ph_right", descriptor->right_size, sizeof(struct ph_right), sizeof(struct ph_right), older,
                   errors);
    }
    if (descriptor->common == NULL) {
        buffer_text(errors, "common is NULL\n");
    }
    if (descriptor->operations == NULL) {
        buffer_text(errors, "operations is NULL\n");
    }
    return errors->length == before;
}

// Copies what the plugin knows and leaves the rest zero.
static void copy_tables(const struct ph_plugin *descriptor, struct plugin *plugin)
{
    memcpy(&plugin->common, descriptor->common, descriptor->common_size);
    plugin->operations = xcalloc(1, operation_struct_size(descriptor->kind));
    memcpy(plugin->operations, descriptor->operations, descriptor->operations_size);
    plugin->options = xcalloc(descriptor->option_count + 1, sizeof *plugin->options);
    for (size_t i = 0; i < descriptor->option_count; i++) {
        const char *from = (const char *)descriptor->options + i * descriptor->option_size;
        memcpy(&plugin->options[i], from, descriptor->option_size);
    }
    plugin->rights = xcalloc(descriptor->right_count + 1, sizeof *plugin->rights);
    for (size_t i = 0; i < descriptor->right_count; i++) {
        const char *from = (const char *)descriptor->rights + i * descriptor->right_size;
        memcpy(&plugin->rights[i], from, descriptor->right_size);
    }
    plugin->descriptor = *descriptor;
    plugin->descriptor.rights = plugin->rights;
    plugin->descriptor.right_size = sizeof *plugin->rights;
    plugin->descriptor.common = &plugin->common;
    plugin->descriptor.operations = plugin->operations;
    plugin->descriptor.options = plugin->options;
}

// "service:Action", as policies name it; patterns are not allowed, a right is exact.
static bool is_action(const char *action)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t service = action != NULL ? strspn(action, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;
    if (service == 0 || service > 63 || action[service] != ':') {
        return false;
    }
    size_t length = strspn(action + service + 1, letters);
    return length > 0 && length < 64 && action[service + 1 + length] == '\0';
}

// What is wrong with a right, or NULL; `fault` may be filled with the answer.
static const char *right_fault(const struct plugin *plugin, const struct ph_right *right, struct buffer *fault)
{
    const struct options_table table = {plugin->options, plugin->descriptor.option_count, sizeof *plugin->options};
    const struct operation *operation = operation_find(right->operation);
    struct resource_piece subject;
    if (!is_action(right->action)) {
        return "its action is not of the form service:Action";
    }
    if (operation == NULL || (operation->kind != 0 && operation->kind != plugin->descriptor.kind)) {
        return "its operation is none of this kind";
    }
    if (right->resource == NULL || right->resource[0] == '\0' ||
        strnlen(right->resource, RESOURCE_LENGTH_MAX + 1) > RESOURCE_LENGTH_MAX) {
        return "its resource is missing, or too long";
    }
    if (right->purpose == NULL || right->purpose[0] == '\0' ||
        strnlen(right->purpose, SUMMARY_LENGTH_MAX + 1) > SUMMARY_LENGTH_MAX) {
        return "its purpose is missing, or too long";
    }
    if (!resource_check(right->resource, &table, fault)) {
        return buffer_string(fault);
    }
    if (right->when != NULL && options_find(&table, right->when, NULL) == NULL) {
        return "the option of its `when` does not exist";
    }
    bool key = resource_subject(right->resource, &subject) && subject.part == RESOURCE_KEY;
    return key != (right->via != NULL) ? "`via` and {key} belong together" : NULL;
}

static void check_rights(const struct plugin *plugin, struct buffer *errors)
{
    for (size_t i = 0; i < plugin->descriptor.right_count; i++) {
        struct buffer fault;
        buffer_init(&fault, 1000);
        const char *text = right_fault(plugin, &plugin->rights[i], &fault);
        if (text != NULL) {
            const char *action = plugin->rights[i].action;
            bool shown = action != NULL && strnlen(action, 129) <= 128;
            buffer_printf(errors, "right %zu (%s): %s\n", i + 1, shown ? action : "?", text);
        }
        buffer_free(&fault);
    }
}

static void check_tables(const struct plugin *plugin, struct buffer *errors)
{
    for (size_t i = 0; i < operation_count; i++) {
        const struct operation *operation = &operations[i];
        bool concerns = operation->kind == 0 || operation->kind == plugin->descriptor.kind;
        if (concerns && (operation->flags & OPERATION_MANDATORY) != 0 &&
            operation_slot(operation, &plugin->common, plugin->operations) == NULL) {
            buffer_printf(errors, "the mandatory operation %s is missing\n", operation->name);
        }
    }
    const struct options_table table = {plugin->options, plugin->descriptor.option_count, sizeof *plugin->options};
    struct buffer fault;
    buffer_init(&fault, 1000);
    if (!options_table_check(&table, plugin->descriptor.config_size, &fault)) {
        const char *text = buffer_string(&fault);
        buffer_printf(errors, "%s\n", text != NULL ? text : "the table of options is not sound");
        buffer_free(&fault);
        return;
    }
    buffer_free(&fault);
    check_rights(plugin, errors);
}

bool descriptor_read(const void *raw, size_t size, struct plugin *plugin, struct buffer *errors)
{
    size_t before = errors->length;
    struct ph_plugin descriptor = {0};
    size_t head = offsetof(struct ph_plugin, flags);
    if (size < head) {
        buffer_printf(errors, "the descriptor has %zu bytes, less than the %zu of its head\n", size, head);
        return false;
    }
    memcpy(&descriptor, raw, head);
    // Sizes tell nothing more when the magic is wrong, but much when only the version is.
    bool fits = check_versions(&descriptor, errors);
    if (descriptor.magic == PH_ABI_MAGIC) {
        fits = check_sizes(&descriptor, size, errors) && fits;
    }
    if (!fits) {
        return false;
    }
    memcpy(&descriptor, raw, descriptor.plugin_size);
    if (!check_members(&descriptor, errors)) {
        return false;
    }
    copy_tables(&descriptor, plugin);
    check_tables(plugin, errors);
    if (errors->length != before) {
        descriptor_free(plugin);
        return false;
    }
    return true;
}

void descriptor_free(struct plugin *plugin)
{
    free(plugin->options);
    free(plugin->rights);
    free(plugin->operations);
    plugin->options = NULL;
    plugin->rights = NULL;
    plugin->operations = NULL;
}
