// SPDX-License-Identifier: Apache-2.0
//
// See core/loader.h.
#include "core/loader.h"
#include "core/buffer.h"
#include "core/descriptor.h"
#include "core/operation.h"
#include "core/xalloc.h"
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOADER_PLUGINS_MAX 1000
#define LOADER_FOLDERS_MAX 64
#define LOADER_ERRORS_CEILING 65536
#define LOADER_PATH_SIZE 4096

struct loader {
    char **folders;
    size_t folder_count;
    struct plugin **plugins;
    size_t plugin_count;
};

// --- Folders and names -------------------------------------------------------------------------------------

static void add_folder(struct loader *loader, char *folder)
{
    if (folder == NULL || loader->folder_count == LOADER_FOLDERS_MAX) {
        free(folder);
        return;
    }
    for (size_t i = 0; i < loader->folder_count; i++) {
        if (strcmp(loader->folders[i], folder) == 0) {
            free(folder);
            return;
        }
    }
    loader->folders[loader->folder_count++] = folder;
}

// ../lib/posthouse beside the folder of the executable; NULL when the system does not tell.
static char *folder_beside_executable(void)
{
    char path[LOADER_PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0 || length == (ssize_t)sizeof path - 1) {
        return NULL;
    }
    path[length] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            return NULL;
        }
        *slash = '\0';
    }
    return xasprintf("%s/lib/posthouse", path);
}

struct loader *loader_new(const char *const *path, size_t count)
{
    struct loader *loader = xcalloc(1, sizeof *loader);
    loader->folders = xcalloc(LOADER_FOLDERS_MAX, sizeof *loader->folders);
    for (size_t i = 0; path != NULL && i < count; i++) {
        add_folder(loader, xstrdup(path[i]));
    }
    add_folder(loader, folder_beside_executable());
    add_folder(loader, xstrdup(POSTHOUSE_PLUGINS_DIR));
    return loader;
}

const char *const *loader_folders(const struct loader *loader, size_t *count_r)
{
    *count_r = loader->folder_count;
    return (const char *const *)loader->folders;
}

// Takes kind and name from a file name K-N.so; false when it is none.
static bool split_name(const char *file, uint32_t *kind_r, char name_r[LOADER_NAME_SIZE])
{
    char kind[16];
    const char *dash = strchr(file, '-');
    size_t length = strlen(file);
    if (dash == NULL || (size_t)(dash - file) >= sizeof kind || length < 4 || strcmp(file + length - 3, ".so") != 0) {
        return false;
    }
    size_t name_length = length - 3 < (size_t)(dash + 1 - file) ? 0 : length - 3 - (size_t)(dash + 1 - file);
    if (name_length >= LOADER_NAME_SIZE) {
        return false;
    }
    memcpy(kind, file, (size_t)(dash - file));
    kind[dash - file] = '\0';
    memcpy(name_r, dash + 1, name_length);
    name_r[name_length] = '\0';
    *kind_r = kind_find(kind);
    return *kind_r != 0 && descriptor_is_name(name_r);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

// --- Loading -----------------------------------------------------------------------------------------------

static bool same_file(const struct plugin *plugin, const struct stat *status)
{
    return plugin->device == status->st_dev && plugin->inode == status->st_ino &&
           plugin->changed.tv_sec == status->st_mtim.tv_sec && plugin->changed.tv_nsec == status->st_mtim.tv_nsec;
}

// Only a regular file that not everybody may write is worth running with this program's rights.
static bool check_file(const char *path, struct stat *status_r, struct buffer *errors)
{
    if (stat(path, status_r) != 0) {
        buffer_printf(errors, "%s\n", strerror(errno));
    } else if (!S_ISREG(status_r->st_mode)) {
        buffer_text(errors, "not a regular file\n");
    } else if ((status_r->st_mode & S_IWOTH) != 0) {
        buffer_text(errors, "everybody may write to the file; take that right away (chmod o-w)\n");
    } else {
        return true;
    }
    return false;
}

// The address of the descriptor and its size as the object's symbol table has it.
static const void *find_descriptor(void *handle, size_t *size_r, struct buffer *errors)
{
    const void *descriptor = dlsym(handle, PH_DESCRIPTOR_NAME);
    if (descriptor == NULL) {
        buffer_text(errors, "not a posthouse plugin: it has no symbol " PH_DESCRIPTOR_NAME "\n");
        return NULL;
    }
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    if (dladdr1(descriptor, &info, (void **)&symbol, RTLD_DL_SYMENT) == 0 || symbol == NULL ||
        ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT) {
        buffer_text(errors, "the symbol " PH_DESCRIPTOR_NAME " is not data\n");
        return NULL;
    }
    *size_r = symbol->st_size;
    return descriptor;
}

static void check_fits_name(const struct plugin *plugin, uint32_t kind, const char *name, struct buffer *errors)
{
    if (plugin->descriptor.kind != kind) {
        buffer_printf(errors, "its kind is %s, its file's name says %s\n", kind_name(plugin->descriptor.kind),
                      kind_name(kind));
    }
    if (strcmp(plugin->descriptor.name, name) != 0) {
        buffer_printf(errors, "its name is %s, its file's name says %s\n", plugin->descriptor.name, name);
    }
}

// Loads the file into `plugin`; false with lines in `errors`.
static bool load(struct plugin *plugin, uint32_t kind, const char *name, struct buffer *errors)
{
    struct stat status;
    if (!check_file(plugin->path, &status, errors)) {
        return false;
    }
    plugin->device = status.st_dev;
    plugin->inode = status.st_ino;
    plugin->changed = status.st_mtim;
    void *handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *why = dlerror();
        buffer_printf(errors, "cannot be loaded: %s\n", why != NULL ? why : "the system gives no reason");
        return false;
    }
    size_t size = 0;
    const void *raw = find_descriptor(handle, &size, errors);
    if (raw == NULL || !descriptor_read(raw, size, plugin, errors)) {
        return false;
    }
    size_t before = errors->length;
    check_fits_name(plugin, kind, name, errors);
    if (errors->length != before) {
        descriptor_free(plugin);
        return false;
    }
    return true;
}

// Puts "file: " before each line and hands the text over without its last newline.
static char *take_errors(struct buffer *errors, const char *file)
{
    struct buffer text;
    buffer_init(&text, 4 * LOADER_ERRORS_CEILING);
    const char *line = buffer_string(errors);
    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");
        buffer_printf(&text, "%s%s: %.*s", text.length > 0 ? "\n" : "", file, (int)length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    buffer_free(errors);
    char *detached = text.length > 0 ? buffer_detach(&text, &(size_t){0}) : NULL;
    buffer_free(&text);
    return detached != NULL ? detached : xasprintf("%s: cannot be loaded", file);
}

static const struct plugin *find_loaded(const struct loader *loader, const char *path)
{
    for (size_t i = 0; i < loader->plugin_count; i++) {
        if (strcmp(loader->plugins[i]->path, path) == 0) {
            return loader->plugins[i];
        }
    }
    return NULL;
}

static void plugin_free(struct plugin *plugin)
{
    descriptor_free(plugin);
    free(plugin->path);
    free(plugin);
}

static const struct plugin *open_file(struct loader *loader, const char *path, uint32_t kind, const char *name,
                                      char **errors_r)
{
    const struct plugin *known = find_loaded(loader, path);
    if (known != NULL) {
        return known;
    }
    struct plugin *plugin = xcalloc(1, sizeof *plugin);
    plugin->path = xstrdup(path);
    struct buffer errors;
    buffer_init(&errors, LOADER_ERRORS_CEILING);
    if (loader->plugin_count == LOADER_PLUGINS_MAX) {
        buffer_text(&errors, "too many plugins are loaded\n");
    } else if (load(plugin, kind, name, &errors)) {
        loader->plugins = xrealloc_array(loader->plugins, loader->plugin_count + 1, sizeof *loader->plugins);
        loader->plugins[loader->plugin_count++] = plugin;
        buffer_free(&errors);
        return plugin;
    }
    *errors_r = take_errors(&errors, path);
    plugin_free(plugin);
    return NULL;
}

void loader_free(struct loader *loader)
{
    if (loader == NULL) {
        return;
    }
    for (size_t i = 0; i < loader->plugin_count; i++) {
        plugin_free(loader->plugins[i]);
    }
    for (size_t i = 0; i < loader->folder_count; i++) {
        free(loader->folders[i]);
    }
    free(loader->plugins);
    free(loader->folders);
    free(loader);
}

static char *not_found(const struct loader *loader, const char *file)
{
    struct buffer text;
    buffer_init(&text, LOADER_ERRORS_CEILING);
    buffer_printf(&text, "%s was not found in", file);
    for (size_t i = 0; i < loader->folder_count; i++) {
        buffer_printf(&text, "%s %s", i > 0 ? "," : "", loader->folders[i]);
    }
    char *detached = buffer_detach(&text, &(size_t){0});
    buffer_free(&text);
    return detached != NULL ? detached : xasprintf("%s was not found", file);
}

const struct plugin *loader_open(struct loader *loader, uint32_t kind, const char *name, char **errors_r)
{
    *errors_r = NULL;
    if (!descriptor_is_name(name)) {
        *errors_r = xasprintf("a plugin's name is 1 to %d of a-z, 0-9 and -", LOADER_NAME_SIZE - 1);
        return NULL;
    }
    char file[LOADER_NAME_SIZE + 16];
    snprintf(file, sizeof file, "%s-%s.so", kind_name(kind), name);
    for (size_t i = 0; i < loader->folder_count; i++) {
        char *path = xasprintf("%s/%s", loader->folders[i], file);
        const struct plugin *plugin = find_loaded(loader, path);
        bool there = plugin != NULL || access(path, F_OK) == 0;
        if (there && plugin == NULL) {
            plugin = open_file(loader, path, kind, name, errors_r);
        }
        free(path);
        if (there) {
            return plugin;
        }
    }
    *errors_r = not_found(loader, file);
    return NULL;
}

const struct plugin *loader_open_path(struct loader *loader, const char *file, char **errors_r)
{
    *errors_r = NULL;
    uint32_t kind;
    char name[LOADER_NAME_SIZE];
    if (!split_name(base_name(file), &kind, name)) {
        *errors_r = xasprintf("%s: the file's name is not KIND-NAME.so with a kind of storage, meta, queue, alert or "
                              "secret",
                              file);
        return NULL;
    }
    // Without a slash the system would look in its own folders.
    char *path = xasprintf("%s%s", strchr(file, '/') == NULL ? "./" : "", file);
    const struct plugin *plugin = open_file(loader, path, kind, name, errors_r);
    free(path);
    return plugin;
}

// --- Questions ---------------------------------------------------------------------------------------------

ph_start_f *plugin_slot(const struct plugin *plugin, uint32_t operation)
{
    const struct operation *found = operation_find(operation);
    if (found == NULL || (found->kind != 0 && found->kind != plugin->descriptor.kind)) {
        return NULL;
    }
    return operation_slot(found, &plugin->common, plugin->operations);
}

size_t plugin_batch_limit(const struct plugin *plugin)
{
    return plugin->descriptor.batch_limit > 0 ? plugin->descriptor.batch_limit : 1024;
}

size_t plugin_concurrency(const struct plugin *plugin)
{
    return plugin->descriptor.concurrency > 0 ? plugin->descriptor.concurrency : 16;
}

bool plugin_changed(const struct plugin *plugin)
{
    struct stat status;
    return stat(plugin->path, &status) != 0 || !same_file(plugin, &status);
}

// --- The list ----------------------------------------------------------------------------------------------

struct listing {
    struct loader *loader;
    struct loader_entry *entries;
    size_t count;
};

static void list_file(struct listing *listing, const char *folder, const char *file)
{
    uint32_t kind;
    char name[LOADER_NAME_SIZE];
    if (listing->count == LOADER_PLUGINS_MAX || !split_name(file, &kind, name)) {
        return;
    }
    struct loader_entry entry = {.file = xasprintf("%s/%s", folder, file)};
    snprintf(entry.kind, sizeof entry.kind, "%s", kind_name(kind));
    snprintf(entry.name, sizeof entry.name, "%s", name);
    for (size_t i = 0; i < listing->count; i++) {
        const struct loader_entry *other = &listing->entries[i];
        entry.hidden = entry.hidden || (strcmp(other->kind, entry.kind) == 0 && strcmp(other->name, name) == 0);
    }
    entry.plugin = open_file(listing->loader, entry.file, kind, name, &entry.errors);
    entry.needs_restart = entry.plugin != NULL && plugin_changed(entry.plugin);
    listing->entries = xrealloc_array(listing->entries, listing->count + 1, sizeof *listing->entries);
    listing->entries[listing->count++] = entry;
}

static void list_folder(struct listing *listing, const char *folder)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        list_file(listing, folder, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

struct loader_entry *loader_list(struct loader *loader, size_t *count_r)
{
    struct listing listing = {.loader = loader};
    for (size_t i = 0; i < loader->folder_count; i++) {
        list_folder(&listing, loader->folders[i]);
    }
    *count_r = listing.count;
    return listing.entries;
}

void loader_list_free(struct loader_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].file);
        free(entries[i].errors);
    }
    free(entries);
}
