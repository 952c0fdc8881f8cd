// SPDX-License-Identifier: Apache-2.0
//
// See cli/plugin_describe.h.
#include "cli/plugin_describe.h"

#include "cli/plugin_options.h"
#include "core/buffer.h"
#include "core/loader.h"
#include "core/operation.h"
#include "core/options_describe.h"
#include "core/suggest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)

static const char USAGE[] = "usage: posthouse plugin describe KIND-NAME|FILE.so [-c FILE] [--path FOLDER]… [--json]\n"
                            "\n"
                            "Tells what a plugin says of itself, which options its section of the configuration takes\n"
                            "and which rights it needs, such as posthouse plugin describe storage-sqlite.\n";

static const char *const KINDS[] = {
    [PH_KIND_STORAGE] = "storage", [PH_KIND_META] = "meta",     [PH_KIND_QUEUE] = "queue",
    [PH_KIND_ALERT] = "alert",     [PH_KIND_SECRET] = "secret",
};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

static bool is_file(const char *what)
{
    size_t length = strlen(what);
    return strchr(what, '/') != NULL || (length > 3 && strcmp(what + length - 3, ".so") == 0);
}

// Splits KIND-NAME; 0 when it does not begin with a kind.
static uint32_t split_kind(const char *what, const char **name_r)
{
    for (uint32_t kind = PH_KIND_STORAGE; kind < KIND_COUNT; kind++) {
        size_t length = strlen(KINDS[kind]);
        if (strncmp(what, KINDS[kind], length) == 0 && what[length] == '-') {
            *name_r = what + length + 1;
            return kind;
        }
    }
    return 0;
}

static void print_nearest(struct loader *loader, const char *what)
{
    size_t count = 0;
    struct loader_entry *entries = loader_list(loader, &count);
    char(*names)[80] = calloc(count + 1, sizeof *names);
    struct suggest suggest = suggest_begin(what);
    for (size_t i = 0; names != NULL && i < count; i++) {
        snprintf(names[i], sizeof names[i], "%s-%s", entries[i].kind, entries[i].name);
        suggest_offer(&suggest, names[i]);
    }
    const char *nearest = suggest_nearest(&suggest);
    if (nearest != NULL && strcmp(nearest, what) != 0) {
        fprintf(stderr, "nearest: %s\n", nearest);
    }
    free(names);
    loader_list_free(entries, count);
}

static const struct plugin *find(struct loader *loader, const char *what)
{
    char *errors = NULL;
    const char *name = NULL;
    uint32_t kind = split_kind(what, &name);
    const struct plugin *plugin = NULL;
    if (is_file(what)) {
        plugin = loader_open_path(loader, what, &errors);
    } else if (kind != 0) {
        plugin = loader_open(loader, kind, name, &errors);
    } else {
        fprintf(stderr, "%s is neither a file nor KIND-NAME; the kinds are storage, meta, queue, alert and secret\n",
                what);
    }
    if (errors != NULL) {
        fprintf(stderr, "%s\n", errors);
    }
    free(errors);
    if (plugin == NULL && !is_file(what)) {
        print_nearest(loader, what);
    }
    return plugin;
}

static struct options_table table_of(const struct plugin *plugin)
{
    return (struct options_table){plugin->descriptor.options, plugin->descriptor.option_count,
                                  sizeof(struct ph_option)};
}

// The names of the operations that it offers, apart by `between`, each in `quote`.
static void write_operations(const struct plugin *plugin, const char *between, const char *quote, struct buffer *out)
{
    bool first = true;
    for (size_t i = 0; i < operation_count; i++) {
        const struct operation *operation = &operations[i];
        bool of_kind = operation->kind == 0 || operation->kind == plugin->descriptor.kind;
        if (of_kind && plugin_slot(plugin, operation->number) != NULL) {
            buffer_printf(out, "%s%s%s%s", first ? "" : between, quote, operation->name, quote);
            first = false;
        }
    }
}

static void write_rights_text(const struct plugin *plugin, struct buffer *out)
{
    for (size_t i = 0; i < plugin->descriptor.right_count; i++) {
        const struct ph_right *right = &plugin->rights[i];
        buffer_printf(out, "%s  %s for %s%s%s\n      on %s\n      %s\n",
                      i == 0 ? "\nRights (posthouse iam-policy makes a policy of them):\n\n" : "", right->action,
                      operation_name(right->operation), right->when != NULL ? ", with " : "",
                      right->when != NULL ? right->when : "", right->resource, right->purpose);
    }
}

static void write_text(const struct plugin *plugin, struct buffer *out)
{
    const struct ph_plugin *descriptor = &plugin->descriptor;
    const struct options_table table = table_of(plugin);
    buffer_printf(out, "%s-%s %s\n%s\n\n", KINDS[descriptor->kind], descriptor->name, descriptor->version,
                  descriptor->summary);
    buffer_printf(out, "File        %s\nABI         %u.%u\nBatches     up to %zu entries, %zu calls at once\n",
                  plugin->path, (unsigned)descriptor->abi_major, (unsigned)descriptor->abi_minor,
                  plugin_batch_limit(plugin), plugin_concurrency(plugin));
    if ((descriptor->flags & PH_PLUGIN_VOLATILE) != 0) {
        buffer_text(out, "Durability  none: nothing is kept over a restart\n");
    }
    buffer_text(out, "Operations  ");
    write_operations(plugin, ", ", "", out);
    buffer_printf(out, "\n\nOptions of its section:\n\n  plugin\n      %s; required\n", descriptor->name);
    options_describe_text(&table, out);
    write_rights_text(plugin, out);
    buffer_text(out,
                "\nKeys with a dot (call.…, breaker.…, fault.…) are the daemon's and the same for every backend.\n");
}

static void json_text(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, "\"%s\":", name);
    buffer_json_string(out, text, strlen(text));
    buffer_text(out, ",");
}

static void write_rights_json(const struct plugin *plugin, struct buffer *out)
{
    buffer_text(out, "[");
    for (size_t i = 0; i < plugin->descriptor.right_count; i++) {
        const struct ph_right *right = &plugin->rights[i];
        buffer_text(out, i > 0 ? ",{" : "{");
        json_text(out, "action", right->action);
        json_text(out, "operation", operation_name(right->operation));
        json_text(out, "resource", right->resource);
        if (right->when != NULL) {
            json_text(out, "when", right->when);
        }
        if (right->via != NULL) {
            json_text(out, "via", right->via);
        }
        buffer_text(out, "\"purpose\":");
        buffer_json_string(out, right->purpose, strlen(right->purpose));
        buffer_text(out, "}");
    }
    buffer_text(out, "]");
}

static void write_json(const struct plugin *plugin, struct buffer *out)
{
    const struct ph_plugin *descriptor = &plugin->descriptor;
    const struct options_table table = table_of(plugin);
    buffer_text(out, "{");
    json_text(out, "kind", KINDS[descriptor->kind]);
    json_text(out, "name", descriptor->name);
    json_text(out, "version", descriptor->version);
    json_text(out, "summary", descriptor->summary);
    json_text(out, "file", plugin->path);
    buffer_printf(out, "\"abi\":\"%u.%u\",\"volatile\":%s,\"batch_limit\":%zu,\"concurrency\":%zu,\"operations\":[",
                  (unsigned)descriptor->abi_major, (unsigned)descriptor->abi_minor,
                  (descriptor->flags & PH_PLUGIN_VOLATILE) != 0 ? "true" : "false", plugin_batch_limit(plugin),
                  plugin_concurrency(plugin));
    write_operations(plugin, ",", "\"", out);
    buffer_text(out, "],\"options\":");
    options_describe_json(&table, out);
    buffer_text(out, ",\"rights\":");
    write_rights_json(plugin, out);
    buffer_text(out, "}\n");
}

int plugin_describe_run(int argc, char **argv)
{
    struct plugin_options options;
    struct buffer out;
    if (!plugin_options_read(&options, argc, argv, USAGE)) {
        return options.code;
    }
    if (options.first + 1 != argc) {
        fputs(USAGE, stderr);
        plugin_options_free(&options);
        return PLUGIN_EXIT_USAGE;
    }
    buffer_init(&out, OUTPUT_MAX);
    const struct plugin *plugin = find(options.loader, argv[options.first]);
    if (plugin != NULL && options.json) {
        write_json(plugin, &out);
    } else if (plugin != NULL) {
        write_text(plugin, &out);
    }
    const char *text = buffer_string(&out);
    fputs(text == NULL ? "" : text, stdout);
    buffer_free(&out);
    plugin_options_free(&options);
    return plugin == NULL ? PLUGIN_EXIT_FAILED : 0;
}
