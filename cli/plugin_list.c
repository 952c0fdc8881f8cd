// SPDX-License-Identifier: Apache-2.0
//
// See cli/plugin_list.h.
#include "cli/plugin_list.h"

#include "cli/plugin_options.h"
#include "core/buffer.h"
#include "core/loader.h"
#include <stdio.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)64 * 1024 * 1024)

static const char USAGE[] = "usage: posthouse plugin list [-c FILE] [--path FOLDER]… [--json]\n"
                            "\n"
                            "Lists the plugins in the folders of --path, in [daemon] plugin_path of FILE and in those\n"
                            "that belong to the program, in the order in which they are searched.\n";

static const char *state_of(const struct loader_entry *entry)
{
    if (entry->plugin == NULL) {
        return "refused";
    }
    return entry->needs_restart ? "changed" : entry->hidden ? "hidden" : "ready";
}

static const char *note_of(const struct loader_entry *entry)
{
    if (entry->plugin == NULL) {
        return "";
    }
    if (entry->needs_restart) {
        return "the file changed after it was loaded; restart the daemon";
    }
    return entry->hidden ? "an earlier folder has one of this name" : entry->plugin->descriptor.summary;
}

// The lines of a refusal, indented under their row.
static void print_errors(const char *errors)
{
    while (errors != NULL && *errors != '\0') {
        int length = (int)strcspn(errors, "\n");
        printf("    %.*s\n", length, errors);
        errors += length;
        errors += *errors == '\n';
    }
}

static void print_table(const struct loader_entry *entries, size_t count)
{
    size_t widths[3] = {4, 7, 4};
    for (size_t i = 0; i < count; i++) {
        size_t name = strlen(entries[i].kind) + 1 + strlen(entries[i].name);
        size_t file = strlen(entries[i].file);
        const char *version = entries[i].plugin == NULL ? "" : entries[i].plugin->descriptor.version;
        widths[0] = name > widths[0] ? name : widths[0];
        widths[1] = strlen(version) > widths[1] ? strlen(version) : widths[1];
        widths[2] = file > widths[2] ? file : widths[2];
    }
    printf("%-*s  %-*s  %-7s  %-*s  %s\n", (int)widths[0], "NAME", (int)widths[1], "VERSION", "STATE", (int)widths[2],
           "FILE", "NOTE");
    for (size_t i = 0; i < count; i++) {
        const struct loader_entry *entry = &entries[i];
        const char *version = entry->plugin == NULL ? "" : entry->plugin->descriptor.version;
        int kind = (int)strlen(entry->kind);
        printf("%s-%-*s  %-*s  %-7s  %-*s  %s\n", entry->kind, (int)widths[0] - kind - 1, entry->name, (int)widths[1],
               version, state_of(entry), (int)widths[2], entry->file, note_of(entry));
        print_errors(entry->errors);
    }
}

static void json_text(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, "\"%s\":", name);
    buffer_json_string(out, text, strlen(text));
    buffer_text(out, ",");
}

static void json_entry(const struct loader_entry *entry, struct buffer *out)
{
    buffer_text(out, "{");
    json_text(out, "kind", entry->kind);
    json_text(out, "name", entry->name);
    json_text(out, "file", entry->file);
    json_text(out, "state", state_of(entry));
    if (entry->plugin != NULL) {
        json_text(out, "version", entry->plugin->descriptor.version);
        json_text(out, "summary", entry->plugin->descriptor.summary);
    }
    buffer_text(out, "\"errors\":[");
    for (const char *at = entry->errors == NULL ? "" : entry->errors; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        buffer_text(out, at == entry->errors ? "" : ",");
        buffer_json_string(out, at, length);
        at += length;
        at += *at == '\n';
    }
    buffer_text(out, "]}");
}

static void print_json(const struct loader_entry *entries, size_t count)
{
    struct buffer out;
    buffer_init(&out, OUTPUT_MAX);
    buffer_text(&out, "{\"plugins\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_text(&out, i == 0 ? "" : ",");
        json_entry(&entries[i], &out);
    }
    buffer_text(&out, "]}");
    const char *text = buffer_string(&out);
    puts(text == NULL ? "{}" : text);
    buffer_free(&out);
}

static void print_none(struct loader *loader)
{
    size_t count = 0;
    const char *const *folders = loader_folders(loader, &count);
    fputs("no plugins found in", stderr);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", folders[i]);
    }
    fputc('\n', stderr);
}

int plugin_list_run(int argc, char **argv)
{
    struct plugin_options options;
    size_t count = 0;
    if (!plugin_options_read(&options, argc, argv, USAGE)) {
        return options.code;
    }
    if (options.first < argc) {
        fputs(USAGE, stderr);
        plugin_options_free(&options);
        return PLUGIN_EXIT_USAGE;
    }
    struct loader_entry *entries = loader_list(options.loader, &count);
    if (options.json) {
        print_json(entries, count);
    } else if (count == 0) {
        print_none(options.loader);
    } else {
        print_table(entries, count);
    }
    loader_list_free(entries, count);
    plugin_options_free(&options);
    return 0;
}
