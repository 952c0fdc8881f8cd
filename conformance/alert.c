// SPDX-License-Identifier: Apache-2.0
//
// Checks of alert backends. What a channel does with an alert cannot be seen from here; that it takes every
// alert that the daemon may send can.
#include "conformance/stand.h"
#include "conformance/suites.h"

static struct ph_alert *alert(struct test *test)
{
    struct ph_alert *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_alert){.id = id_new(),
                               .sender = test_text(test, "alice"),
                               .subject = test_text(test, "fire"),
                               .body = test_text(test, "in the stable"),
                               .attributes = test_text(test, "{\"place\":\"east\"}"),
                               .accepted_at = time_wall()};
    return entry;
}

static void alert_publishes(struct test *test)
{
    struct subject *subject = subject_open(test);
    const struct ph_alert *entry = alert(test);
    test_step(test, "publish of an alert, and again");
    ask_want(ask_one(subject, PH_ALERT_PUBLISH, entry), PH_OK);
    ask_want(ask_one(subject, PH_ALERT_PUBLISH, entry), PH_OK);
}

static void alert_batch(struct test *test)
{
    enum { COUNT = 25 };
    struct subject *subject = subject_open(test);
    const void *entries[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        entries[i] = alert(test);
    }
    entries[COUNT - 1] = entries[0];
    test_step(test, "publish of 10 alerts in one call");
    want_all(ask(subject, PH_ALERT_PUBLISH, 10, entries), PH_OK);
    test_step(test, "publish of 15 alerts in calls at once, one of them twice");
    struct ask *calls[3];
    for (size_t i = 0; i < 3; i++) {
        calls[i] = ask_start(subject, PH_ALERT_PUBLISH, 5, entries + 10 + i * 5);
    }
    for (size_t i = 0; i < 3; i++) {
        ask_wait(calls[i]);
        want_all(calls[i], PH_OK);
    }
}

static void alert_texts(struct test *test)
{
    static const char odd[] = "\x01\t\r\n\x7f \xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf "
                              "\xe2\x80\xae \"'`\\%s%n{}<&>]]> \xf0\x9f\x90\x8e";
    struct subject *subject = subject_open(test);
    struct ph_alert *entry = alert(test);
    entry->subject = test_bytes(test, odd, sizeof odd - 1);
    entry->body = entry->subject;
    entry->attributes = test_text(test, "{\"\xc3\xa9 .\":\"\\u0000 \\\" \xf0\x9f\x90\x8e\"}");
    test_step(test, "publish of an alert with control characters, quotes and every range of UTF-8");
    ask_want(ask_one(subject, PH_ALERT_PUBLISH, entry), PH_OK);
    struct ph_text empty = test_text(test, "%s", "");
    entry->subject = empty;
    entry->body = empty;
    entry->attributes = empty;
    test_step(test, "publish of an alert with empty texts");
    ask_want(ask_one(subject, PH_ALERT_PUBLISH, entry), PH_OK);
}

static void alert_sizes(struct test *test)
{
    struct subject *subject = subject_open(test);
    struct ph_alert *entry = alert(test);
    size_t size = (size_t)256 * 1024;
    char *body = test_alloc(test, size + 1);
    for (size_t i = 0; i < size; i++) {
        body[i] = "\xe2\x82\xac"[i % 3];
    }
    body[size - 1] = 'x'; // 256 KiB are no multiple of three
    entry->body = (struct ph_text){.bytes = body, .length = size};
    char *subject_text = test_alloc(test, 801);
    for (size_t i = 0; i < 800; i++) {
        subject_text[i] = "\xf0\x9f\x90\x8e"[i % 4];
    }
    entry->subject = (struct ph_text){.bytes = subject_text, .length = 800};
    test_step(test, "publish of an alert with 256 KiB of body and a subject of 200 characters");
    ask_want(ask_one(subject, PH_ALERT_PUBLISH, entry), PH_OK);
}

static const struct check CHECKS[] = {
    {"alert.publishes", "publish: PH_OK; a repeat may publish twice, and is PH_OK", alert_publishes, 0},
    {"alert.batch", "THE CALL: batches and several calls at once", alert_batch, 0},
    {"alert.texts", "publish: any UTF-8", alert_texts, 0},
    {"alert.sizes", "publish: the plugin shortens what its channel cannot hold", alert_sizes, 0},
};

const struct suite SUITE_ALERT = SUITE(CHECKS);
