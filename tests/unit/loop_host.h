// SPDX-License-Identifier: Apache-2.0
//
// A small host for tests of plugins that work beside the loop: makes calls and waits for them on a real loop with real
// helper threads. It loads the SQLite modules; a test of another plugin sets descriptor and options itself. Its clock can
// be moved.
#ifndef TESTS_UNIT_LOOP_HOST_H
#define TESTS_UNIT_LOOP_HOST_H

#include "plugins/sqlite/options.h"
#include "posthouse/plugin.h"

struct arena;
struct offload;

struct test_host {
    struct ph_host host;
    struct event_base *base;
    struct offload *pool;
    int64_t clock_offset; ///< ms, added to the machine's clock
    char log[16384];      ///< lines, the newest last; what does not fit is dropped
    char hints[1024];     ///< users that the plugin hinted at, each followed by a space
    const char *secret;   ///< what resolving an option gives; NULL: it fails
    int resolved;         ///< how often that was asked
};

/// A loaded module, and an instance when it is open.
struct test_plugin {
    struct test_host *host;
    const struct ph_plugin *descriptor;
    struct sqlite_config config;
    const void *options; ///< the config of another plugin; NULL: `config`
    void *instance;
    enum ph_outcome opened; ///< outcome of the last open
    char text[512];         ///< its text
};

/// A call with its entries and outputs, each `size` bytes, one behind the other.
struct test_call {
    struct ph_call call;
    struct test_host *host;
    struct arena *arena;
    int completed;
};

struct test_host *test_host_new(void);
void test_host_free(struct test_host *host);

/// Loads "storage", "meta" or "queue".
void test_plugin_load(struct test_plugin *plugin, struct test_host *host, const char *kind, const char *path);
/// Opens an instance; false: see `opened` and `text`.
bool test_plugin_open(struct test_plugin *plugin);
void test_plugin_close(struct test_plugin *plugin);

/// Starts a call; entries are copied.
struct test_call *test_call_start(struct test_plugin *plugin, enum ph_operation operation, ph_start_f *start,
                                  size_t count, const void *entries, size_t entry_size, size_t output_size);
/// Turns the loop until the call is completed, and checks that this happens once.
void test_call_wait(struct test_call *call);
/// Start and wait.
struct test_call *test_call_run(struct test_plugin *plugin, enum ph_operation operation, ph_start_f *start,
                                size_t count, const void *entries, size_t entry_size, size_t output_size);
void test_call_free(struct test_call *call);

enum ph_outcome test_outcome(const struct test_call *call, size_t index);
const char *test_text(const struct test_call *call, size_t index);

struct ph_text text_from(const char *string);
struct ph_id id_from(unsigned number);

/// A folder that is removed with its files by test_folder_remove().
char *test_folder_make(void);
void test_folder_remove(char *folder);
/// FOLDER/NAME, to be freed.
char *test_path(const char *folder, const char *name);

#endif
