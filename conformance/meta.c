// SPDX-License-Identifier: Apache-2.0
//
// Checks of metadata backends: documents, whole.
#include "conformance/stand.h"
#include "conformance/suites.h"

#include <string.h>
#include <unistd.h>

#define LARGE ((size_t)400 * 1000) // DynamoDB's limit is 400 KB for all of an item
#define ENVELOPE 2000

static struct ph_document *document(struct test *test, struct ph_id id, struct ph_text json)
{
    struct ph_document *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_document){.id = id, .json = json, .sender = test_text(test, "%s-alice", test->tag)};
    return entry;
}

static void put(struct subject *subject, struct ph_id id, struct ph_text json)
{
    ask_want(ask_one(subject, PH_META_PUT, document(subject_test(subject), id, json)), PH_OK);
}

static void want_json(struct subject *subject, struct ph_id id, struct ph_text json)
{
    struct test *test = subject_test(subject);
    struct ph_document_id *entry = test_alloc(test, sizeof *entry);
    entry->id = id;
    const struct ph_document_found *found = ask_want(ask_one(subject, PH_META_GET, entry), PH_OK);
    want_text(test, "json", found->json, json);
}

static void want_missing(struct subject *subject, struct ph_id id)
{
    struct ph_document_id *entry = test_alloc(subject_test(subject), sizeof *entry);
    entry->id = id;
    ask_want(ask_one(subject, PH_META_GET, entry), PH_NOT_FOUND);
}

static void meta_puts(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = id_new();
    struct ph_text json = test_text(test, "{\"sender\":\"alice\",\"recipients\":{\"bob\":{\"state\":\"delivered\"}}}");
    test_step(test, "get before any put, then put, put again, get");
    want_missing(subject, id);
    put(subject, id, json);
    want_json(subject, id, json);
    put(subject, id, json);
    want_json(subject, id, json);
    want_missing(subject, id_new());
}

static void meta_replaces(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = id_new();
    struct ph_id other = id_new();
    put(subject, id, test_text(test, "{\"a\":1,\"b\":2,\"long\":\"......................................\"}"));
    put(subject, other, test_text(test, "{\"other\":true}"));
    test_step(test, "put of another document with the same id");
    put(subject, id, test_text(test, "{\"c\":3}"));
    want_json(subject, id, test_text(test, "{\"c\":3}"));
    want_json(subject, other, test_text(test, "{\"other\":true}"));
}

static void meta_twins(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = id_new();
    struct ph_id other = id_new();
    const void *entries[] = {document(test, id, test_text(test, "{\"n\":1}")),
                             document(test, other, test_text(test, "{\"n\":2}")),
                             document(test, id, test_text(test, "{\"n\":3}"))};
    test_step(test, "put of one id twice in one call");
    want_all(ask(subject, PH_META_PUT, 3, entries), PH_OK);
    want_json(subject, id, test_text(test, "{\"n\":3}"));
    want_json(subject, other, test_text(test, "{\"n\":2}"));
}

static void meta_batch(struct test *test)
{
    enum { COUNT = 100 };
    struct subject *subject = subject_open(test);
    struct ph_id ids[COUNT];
    const void *entries[COUNT];
    struct ph_document_id gets[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = id_new();
        entries[i] = document(test, ids[i], test_text(test, "{\"number\":%zu}", i));
    }
    test_step(test, "put of 100 documents in one call, get of them and unknown ones between");
    want_all(ask(subject, PH_META_PUT, COUNT, entries), PH_OK);
    for (size_t i = 0; i < COUNT; i++) {
        gets[i].id = i % 3 == 1 ? id_new() : ids[COUNT - 1 - i];
        entries[i] = &gets[i];
    }
    struct ask *call = ask(subject, PH_META_GET, COUNT, entries);
    for (size_t i = 0; i < COUNT; i++) {
        want_outcome(call, i, i % 3 == 1 ? PH_NOT_FOUND : PH_OK);
        const struct ph_document_found *found = ask_output(call, i);
        if (i % 3 != 1) {
            want_text(test, "json", found->json, test_text(test, "{\"number\":%zu}", COUNT - 1 - i));
        }
    }
}

static void meta_expires(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = id_new();
    struct ph_id later = id_new();
    struct ph_text json = test_text(test, "{}");
    struct ph_document *short_lived = document(test, id, json);
    struct ph_document *long_lived = document(test, later, json);
    short_lived->expires_at = time_wall() + 600;
    long_lived->expires_at = time_wall() + 600000;
    const void *entries[] = {short_lived, long_lived};
    want_all(ask(subject, PH_META_PUT, 2, entries), PH_OK);
    test_step(test, "get before and after expires_at");
    want_json(subject, later, json);
    stand_turn(test, 1100);
    want_missing(subject, id);
    want_json(subject, later, json);
    test_step(test, "put of a document whose predecessor has expired, now without end");
    put(subject, id, json);
    want_json(subject, id, json);
    short_lived->expires_at = time_wall() - 1000;
    test_step(test, "put of a document that has expired already, over one that has not");
    ask_want(ask_one(subject, PH_META_PUT, short_lived), PH_OK);
    want_missing(subject, id);
}

static void meta_sizes(struct test *test)
{
    struct subject *subject = subject_open(test);
    static const size_t sizes[] = {0, 1, 1000, 4096, 65536, LARGE - ENVELOPE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ph_id id = id_new();
        char *bytes = test_alloc(test, sizes[i] + 16);
        memset(bytes, 'x', sizes[i] + 12);
        memcpy(bytes, "{\"text\":\"", 9);
        memcpy(bytes + 9 + sizes[i], "\"}", 3);
        test_step(test, "put and get of a document of %zu bytes", sizes[i] + 11);
        struct ph_text json = {.bytes = bytes, .length = sizes[i] + 11};
        put(subject, id, json);
        want_json(subject, id, json);
    }
}

static void meta_texts(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_id id = id_new();
    struct ph_text json = test_text(
        test, "{ \"b\" : \"\\u0000 \\ud83d\\udc0e \xf0\x9f\x90\x8e '';--%%_\", \"a\":1.50, \"b2\":\"\xc3\xa9\"}");
    test_step(test, "put and get of a document in its own order, spacing and escapes");
    put(subject, id, json);
    want_json(subject, id, json);
}

static void meta_calls(struct test *test)
{
    enum { CALLS = 10 };
    struct subject *subject = subject_open(test);
    struct ph_id ids[CALLS];
    struct ask *calls[CALLS];
    test_step(test, "ten puts at once");
    for (size_t i = 0; i < CALLS; i++) {
        ids[i] = id_new();
        const void **entries = test_alloc(test, sizeof *entries);
        entries[0] = document(test, ids[i], test_text(test, "{\"number\":%zu}", i));
        calls[i] = ask_start(subject, PH_META_PUT, 1, entries);
    }
    for (size_t i = 0; i < CALLS; i++) {
        ask_wait(calls[i]);
        ask_want(calls[i], PH_OK);
        want_json(subject, ids[i], test_text(test, "{\"number\":%zu}", i));
    }
}

static void meta_write_and_die(struct test *test, void *context)
{
    struct ph_id *ids = context;
    struct subject *subject = subject_open(test);
    for (size_t i = 0; i < 5; i++) {
        put(subject, ids[i], test_text(test, "{\"number\":%zu}", i));
    }
    _exit(0); // without a close
}

static void meta_durable(struct test *test)
{
    struct ph_id ids[5];
    for (size_t i = 0; i < 5; i++) {
        ids[i] = id_new();
    }
    child_wait(test, child_start(test, meta_write_and_die, ids));
    struct subject *subject = subject_open(test);
    test_step(test, "get of documents that a process put before it ended without a close");
    for (size_t i = 0; i < 5; i++) {
        want_json(subject, ids[i], test_text(test, "{\"number\":%zu}", i));
    }
}

static const struct check CHECKS[] = {
    {"meta.puts", "put, get: a document comes back whole; a repeat changes nothing; PH_NOT_FOUND: none", meta_puts, 0},
    {"meta.replaces", "put: replaces the document of the same id, whole", meta_replaces, 0},
    {"meta.twins", "put: entries of one call act one after the other", meta_twins, 0},
    {"meta.batch", "THE CALL: entry, output and result i belong together", meta_batch, 0},
    {"meta.expires", "get: PH_NOT_FOUND past expires_at; 0: never", meta_expires, 0},
    {"meta.sizes", "put: documents up to 400 KB", meta_sizes, 0},
    {"meta.texts", "put: the text is kept byte by byte", meta_texts, 0},
    {"meta.calls", "THE CALL: several calls at once", meta_calls, 0},
    {"meta.durable", "put: documents outlive the process that put them", meta_durable, CHECK_DURABLE},
};

const struct suite SUITE_META = SUITE(CHECKS);
