// SPDX-License-Identifier: Apache-2.0
//
// core/loader.h and core/descriptor.h: which files become plugins, and what is said of those that do not.
#include "tests/unit/unit.h"

#include "core/buffer.h"
#include "core/descriptor.h"
#include "core/loader.h"
#include "tests/unit/plugins/script.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/posthouse-loader-XXXXXX";

static void copy_file(const char *from, const char *to, char path_r[256])
{
    snprintf(path_r, 256, "%s/%s", folder, to);
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(path_r, "wb");
    assert_non_null(in);
    assert_non_null(out);
    char bytes[65536];
    size_t length;
    while ((length = fread(bytes, 1, sizeof bytes, in)) > 0) {
        assert_int_equal(fwrite(bytes, 1, length, out), length);
    }
    fclose(in);
    fclose(out);
    chmod(path_r, 0644);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[256];
    static const char *const names[] = {"queue-other.so", "queue-text.so", "queue-pipe.so", "queue-script.so"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static struct loader *loader_of(const char *first)
{
    const char *path[] = {first};
    return loader_new(path, 1);
}

static void test_loads_and_finds_again(void **state)
{
    (void)state;
    struct loader *loader = loader_of(SCRIPT_FOLDER);
    char *errors;
    const struct plugin *plugin = loader_open(loader, PH_KIND_QUEUE, "script", &errors);
    assert_non_null(plugin);
    assert_string_equal(plugin->descriptor.name, "script");
    assert_int_equal(plugin->descriptor.option_count, 2);
    assert_string_equal(plugin->descriptor.options[1].name, "patience");
    assert_non_null(plugin_slot(plugin, PH_QUEUE_SEND));
    assert_non_null(plugin_slot(plugin, PH_OPEN));
    assert_null(plugin_slot(plugin, PH_META_PUT));
    assert_int_equal(plugin_batch_limit(plugin), 8);
    assert_int_equal(plugin_concurrency(plugin), 2);
    assert_false(plugin_changed(plugin));
    assert_ptr_equal(loader_open(loader, PH_KIND_QUEUE, "script", &errors), plugin);
    assert_ptr_equal(loader_open_path(loader, SCRIPT_FOLDER "/queue-script.so", &errors), plugin);
    loader_free(loader);
}

static void test_loads_a_plugin_of_an_older_minor(void **state)
{
    (void)state;
    struct loader *loader = loader_of(SCRIPT_FOLDER);
    char *errors;
    const struct plugin *plugin = loader_open(loader, PH_KIND_QUEUE, "older", &errors);
    assert_non_null(plugin);
    assert_int_equal(plugin->descriptor.abi_minor, 0);
    assert_int_equal(plugin->descriptor.right_count, 0);
    assert_non_null(plugin_slot(plugin, PH_QUEUE_SEND));
    assert_null(plugin_slot(plugin, PH_SETUP));
    assert_null(plugin_slot(plugin, PH_PROBE));
    plugin = loader_open(loader, PH_KIND_QUEUE, "script", &errors);
    assert_non_null(plugin);
    assert_int_equal(plugin->descriptor.right_count, 2);
    assert_string_equal(plugin->rights[1].action, "play:Build");
    assert_non_null(plugin_slot(plugin, PH_SETUP));
    loader_free(loader);
}

static void refused(const struct plugin *plugin, char *errors, const char *const *parts)
{
    assert_null(plugin);
    assert_non_null(errors);
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (strstr(errors, parts[i]) == NULL) {
            fail_msg("\"%s\" is not in: %s", parts[i], errors);
        }
    }
    free(errors);
}
#define REFUSED(plugin, errors, ...) refused(plugin, errors, (const char *const[]){__VA_ARGS__, NULL})

static void test_names_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    struct loader *loader = loader_of(SCRIPT_FOLDER);
    char *errors;
    const struct plugin *plugin = loader_open(loader, PH_KIND_QUEUE, "missing", &errors);
    REFUSED(plugin, errors, "queue-missing.so was not found in " SCRIPT_FOLDER ", ");
    plugin = loader_open(loader, PH_KIND_QUEUE, "../script", &errors);
    REFUSED(plugin, errors, "a plugin's name is");
    plugin = loader_open(loader, PH_KIND_QUEUE, "empty", &errors);
    REFUSED(plugin, errors, "queue-empty.so: not a posthouse plugin: it has no symbol ph_plugin_descriptor");
    plugin = loader_open(loader, PH_KIND_QUEUE, "future", &errors);
    REFUSED(plugin, errors, "queue-future.so: ABI major is 2, this program has 1\n",
            "queue-future.so: ABI minor is 5, newer than this program's 2\n",
            "queue-future.so: size of struct ph_plugin is ");
    plugin = loader_open_path(loader, "/tmp/libfoo.so", &errors);
    REFUSED(plugin, errors, "the file's name is not KIND-NAME.so");
    char path[256];
    copy_file(SCRIPT_FOLDER "/queue-script.so", "queue-other.so", path);
    plugin = loader_open_path(loader, path, &errors);
    REFUSED(plugin, errors, "its name is script, its file's name says other");
    chmod(path, 0646);
    plugin = loader_open_path(loader, path, &errors);
    REFUSED(plugin, errors, "everybody may write to the file");
    copy_file("/proc/self/cmdline", "queue-text.so", path);
    plugin = loader_open_path(loader, path, &errors);
    REFUSED(plugin, errors, "cannot be loaded");
    snprintf(path, sizeof path, "%s/queue-pipe.so", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    plugin = loader_open_path(loader, path, &errors);
    REFUSED(plugin, errors, "not a regular file");
    loader_free(loader);
}

static void test_lists_and_sees_changed_files(void **state)
{
    (void)state;
    char path[256];
    copy_file(SCRIPT_FOLDER "/queue-script.so", "queue-script.so", path);
    const char *folders[] = {folder, SCRIPT_FOLDER};
    struct loader *loader = loader_new(folders, 2);
    size_t count;
    struct loader_entry *entries = loader_list(loader, &count);
    size_t mine = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].file, path) == 0) {
            assert_non_null(entries[i].plugin);
            assert_false(entries[i].hidden);
            assert_false(entries[i].needs_restart);
            mine++;
        } else if (strcmp(entries[i].file, SCRIPT_FOLDER "/queue-script.so") == 0) {
            assert_true(entries[i].hidden);
            mine++;
        } else if (strcmp(entries[i].file, SCRIPT_FOLDER "/queue-future.so") == 0) {
            assert_null(entries[i].plugin);
            assert_non_null(entries[i].errors);
            mine++;
        }
    }
    assert_int_equal(mine, 3);
    loader_list_free(entries, count);
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    entries = loader_list(loader, &count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].needs_restart, strcmp(entries[i].file, path) == 0);
    }
    loader_list_free(entries, count);
    loader_free(loader);
}

// --- Descriptors that no compiler would make ---------------------------------------------------------------

static void nothing(void *instance, struct ph_call *call)
{
    (void)instance;
    call->host->complete(call);
}

static const struct ph_common_operations common = {.open = nothing, .close = nothing, .health = nothing};
static const struct ph_meta_operations operations = {.put = nothing, .get = nothing};
static const struct ph_option option = PH_TEXT(struct script_config, greeting, 0, "x", "Says something.");

static struct ph_plugin sound(void)
{
    return (struct ph_plugin){.magic = PH_ABI_MAGIC,
                              .abi_major = PH_ABI_MAJOR,
                              .abi_minor = PH_ABI_MINOR,
                              .plugin_size = sizeof(struct ph_plugin),
                              .option_size = sizeof(struct ph_option),
                              .operations_size = sizeof(struct ph_meta_operations),
                              .common_size = sizeof(struct ph_common_operations),
                              .kind = PH_KIND_META,
                              .name = "test",
                              .version = "1",
                              .summary = "A test.",
                              .config_size = sizeof(struct script_config),
                              .options = &option,
                              .option_count = 1,
                              .common = &common,
                              .operations = &operations};
}

static void check(const struct ph_plugin *descriptor, const char *wanted)
{
    struct plugin plugin = {0};
    struct buffer errors;
    buffer_init(&errors, 10000);
    bool read = descriptor_read(descriptor, sizeof *descriptor, &plugin, &errors);
    assert_int_equal(read, wanted == NULL);
    if (wanted != NULL) {
        assert_string_equal(buffer_string(&errors), wanted);
    }
    descriptor_free(&plugin);
    buffer_free(&errors);
}

static void test_names_what_is_wrong_with_rights(void **state)
{
    (void)state;
    static const struct {
        struct ph_right right;
        const char *wanted;
    } cases[] = {
        {{"x:Put", PH_META_PUT, "arn:{partition}:x:{region}:{account}:{greeting}/{greeting/}", NULL, NULL, "Puts."},
         NULL},
        {{"kms:Use", PH_META_GET, "{key}", "greeting", "x", "Reads."}, NULL},
        {{"x:Get", PH_HEALTH, "*", NULL, NULL, "Looks."}, NULL},
        {{"x:*", PH_META_PUT, "*", NULL, NULL, "All."},
         "right 1 (x:*): its action is not of the form service:Action\n"},
        {{NULL, PH_META_PUT, "*", NULL, NULL, "All."}, "right 1 (?): its action is not of the form service:Action\n"},
        {{"x:Put", PH_QUEUE_SEND, "*", NULL, NULL, "All."}, "right 1 (x:Put): its operation is none of this kind\n"},
        {{"x:Put", PH_META_PUT, "", NULL, NULL, "All."}, "right 1 (x:Put): its resource is missing, or too long\n"},
        {{"x:Put", PH_META_PUT, "a{b", NULL, NULL, "All."}, "right 1 (x:Put): a brace without its other\n"},
        {{"x:Put", PH_META_PUT, "a}b", NULL, NULL, "All."}, "right 1 (x:Put): a brace without its other\n"},
        {{"x:Put", PH_META_PUT, "{}", NULL, NULL, "All."}, "right 1 (x:Put): a brace without its other\n"},
        {{"x:Put", PH_META_PUT, "{grating}", NULL, NULL, "All."},
         "right 1 (x:Put): {grating} is no option of the plugin\n"},
        {{"x:Put", PH_META_PUT, "*", "grating", NULL, "All."},
         "right 1 (x:Put): the option of its `when` does not exist\n"},
        {{"x:Put", PH_META_PUT, "{key}", NULL, NULL, "All."}, "right 1 (x:Put): `via` and {key} belong together\n"},
        {{"x:Put", PH_META_PUT, "*", NULL, NULL, NULL}, "right 1 (x:Put): its purpose is missing, or too long\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ph_plugin descriptor = sound();
        descriptor.right_size = sizeof(struct ph_right);
        descriptor.rights = &cases[i].right;
        descriptor.right_count = 1;
        check(&descriptor, cases[i].wanted);
    }
    struct ph_plugin descriptor = sound();
    descriptor.rights = &cases[0].right;
    descriptor.right_count = 257;
    check(&descriptor, "right_count is 257, at most 256 is allowed\n"
                       "size of struct ph_right is 0, this program has 48\n");
    descriptor = sound();
    descriptor.right_size = sizeof(struct ph_right);
    descriptor.right_count = 1;
    check(&descriptor, "rights is NULL\n");
}

static void test_reads_sound_descriptors_only(void **state)
{
    (void)state;
    struct ph_plugin descriptor = sound();
    check(&descriptor, NULL);
    descriptor.magic = 7;
    check(&descriptor, "magic is 0x00000007, expected 0x70684f55\n");
    descriptor = sound();
    descriptor.kind = 9;
    check(&descriptor, "kind 9 is unknown to this program\n");
    descriptor = sound();
    descriptor.name = "Test";
    descriptor.summary = NULL;
    descriptor.common = NULL;
    check(&descriptor, "name is missing or not 1 to 63 of a-z, 0-9 and -\nsummary is missing\ncommon is NULL\n");
    descriptor = sound();
    const struct ph_common_operations no_close = {.open = nothing};
    descriptor.common = &no_close;
    const struct ph_meta_operations no_get = {.put = nothing};
    descriptor.operations = &no_get;
    check(&descriptor, "the mandatory operation close is missing\nthe mandatory operation health is missing\n"
                       "the mandatory operation get is missing\n");
    descriptor = sound();
    struct ph_option twice[] = {option, option};
    descriptor.options = twice;
    descriptor.option_count = 2;
    check(&descriptor, "option greeting: it is there twice\n");
    descriptor = sound();
    descriptor.option_count = 100000;
    check(&descriptor, "option_count is 100000, at most 256 is allowed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_and_finds_again),           cmocka_unit_test(test_loads_a_plugin_of_an_older_minor),
        cmocka_unit_test(test_names_what_is_wrong_with_a_file), cmocka_unit_test(test_lists_and_sees_changed_files),
        cmocka_unit_test(test_reads_sound_descriptors_only),    cmocka_unit_test(test_names_what_is_wrong_with_rights),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
