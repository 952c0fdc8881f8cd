// SPDX-License-Identifier: Apache-2.0
//
// Finds plugins, loads them and checks what they say of themselves, without running a function of theirs
// (but what a shared object runs by itself when it is loaded).
//
// Plugin N of kind K is the file K-N.so in the first of: the folders of `plugin_path`, ../lib/posthouse
// beside the executable's folder, the installed folder. A shared object is loaded once and never unloaded,
// so two instances of one plugin share it, and a file that has changed needs a restart.
#ifndef CORE_LOADER_H
#define CORE_LOADER_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct loader;

/// A loaded plugin. Everything in it is of the host's sizes: what an older plugin does not know is zero.
/// Lives as long as its loader; what the descriptor's texts point to lives for ever.
struct plugin {
    struct ph_plugin descriptor; ///< options, rights, common and operations point to the copies below
    struct ph_option *options;
    struct ph_right *rights;
    struct ph_common_operations common;
    void *operations; ///< the kind's operations struct
    char *path;       ///< the file
    dev_t device;     ///< the file as it was when it was loaded
    ino_t inode;
    struct timespec changed;
};

/// Plugin names are shorter than this, the NUL included.
#define LOADER_NAME_SIZE 64

/// A loader that looks into `path` (NULL or count 0: none) before the standard folders. Copied.
struct loader *loader_new(const char *const *path, size_t count) __attribute__((warn_unused_result));

/// Frees the loader and its plugins; the shared objects stay loaded. No instance may be open.
void loader_free(struct loader *loader);

/// Loads plugin `name` of a kind, or finds it loaded. NULL: `errors_r` is a text of one or more lines, each a
/// reason without a newline at the end of the last, to be freed with free().
const struct plugin *loader_open(struct loader *loader, uint32_t kind, const char *name, char **errors_r)
    __attribute__((warn_unused_result));

/// Loads a file; kind and name must fit the file's name K-N.so. Otherwise as loader_open().
const struct plugin *loader_open_path(struct loader *loader, const char *file, char **errors_r)
    __attribute__((warn_unused_result));

/// The function of an operation; NULL when the plugin does not offer it.
ph_start_f *plugin_slot(const struct plugin *plugin, uint32_t operation);

/// The most entries of a call (never 0), and the calls at once that make sense (never 0).
size_t plugin_batch_limit(const struct plugin *plugin);
size_t plugin_concurrency(const struct plugin *plugin);

/// True when the file on disk is no longer the one that was loaded (or is gone).
bool plugin_changed(const struct plugin *plugin);

/// One file as loader_list() found it.
struct loader_entry {
    char *file;                  ///< its path
    char kind[16];               ///< from the file's name
    char name[LOADER_NAME_SIZE]; ///< from the file's name
    const struct plugin *plugin; ///< NULL: refused
    char *errors;                ///< why it was refused, one reason a line; NULL unless refused
    bool hidden;                 ///< an earlier folder has a file of the same name, which is the one in use
    bool needs_restart;          ///< the file changed after it was loaded
};

/// Every file K-N.so of a known kind in all folders, in the order of folders, then of names. At most 1,000.
struct loader_entry *loader_list(struct loader *loader, size_t *count_r) __attribute__((warn_unused_result));
void loader_list_free(struct loader_entry *entries, size_t count);

/// The folders that are searched, in order.
const char *const *loader_folders(const struct loader *loader, size_t *count_r);

#endif
