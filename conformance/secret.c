// SPDX-License-Identifier: Apache-2.0
//
// Checks of secret backends. The known secret is [conformance] secret_name and secret_value of the file of -c;
// without it, a variable of the environment that the runner sets, which a backend of the environment finds.
#include "conformance/stand.h"
#include "conformance/suites.h"

#include "core/random.h"
#include <stdlib.h>
#include <string.h>

#define VARIABLE "POSTHOUSE_CONFORMANCE_SECRET"

struct known {
    struct ph_text name;
    struct ph_text value;
};

static struct ph_secret_name *asked(struct test *test, struct ph_text name, bool fresh)
{
    struct ph_secret_name *entry = test_alloc(test, sizeof *entry);
    *entry = (struct ph_secret_name){.name = name, .fresh = fresh};
    return entry;
}

static struct subject *begin(struct test *test, struct known *known)
{
    if (test->secret_name != NULL && test->secret_value != NULL) {
        known->name = test_text(test, "%s", test->secret_name);
        known->value = test_text(test, "%s", test->secret_value);
        return subject_open(test);
    }
    known->name = test_text(test, VARIABLE);
    known->value = test_text(test, "{\"password\":\"%016llx \xc3\xa9\"}", (unsigned long long)random_u64());
    setenv(VARIABLE, known->value.bytes, 1);
    struct subject *subject = subject_open(test);
    struct ask *call = ask_one(subject, PH_SECRET_FETCH, asked(test, known->name, false));
    if (ask_outcome(call, 0) == PH_NOT_FOUND) {
        test_skip(test, "it needs a secret that exists: [conformance] secret_name and secret_value in the file of -c");
    }
    return subject;
}

static void secret_found(struct test *test)
{
    struct known known;
    struct subject *subject = begin(test, &known);
    test_step(test, "fetch of a secret that exists, fresh and not");
    const struct ph_secret *secret = ask_want(ask_one(subject, PH_SECRET_FETCH, asked(test, known.name, false)), PH_OK);
    want_true(test, text_equal(secret->value, known.value), "the value, whole");
    secret = ask_want(ask_one(subject, PH_SECRET_FETCH, asked(test, known.name, true)), PH_OK);
    want_true(test, text_equal(secret->value, known.value), "the value, whole");
}

static void secret_missing(struct test *test)
{
    struct subject *subject = subject_open(test);
    test_step(test, "fetch of a secret that does not exist");
    struct ask *call = ask_one(subject, PH_SECRET_FETCH, asked(test, test_text(test, "%s-none", test->tag), false));
    want_outcome(call, 0, PH_NOT_FOUND);
    const char *text = call->raw->results[0]->text;
    want_true(test, text != NULL && strstr(text, test->tag) != NULL, "PH_NOT_FOUND names the secret in its text");
}

static void secret_partial(struct test *test)
{
    struct known known;
    struct subject *subject = begin(test, &known);
    const void *entries[] = {asked(test, known.name, false), asked(test, test_text(test, "%s-none", test->tag), true),
                             asked(test, known.name, true)};
    test_step(test, "fetch of a secret, one that does not exist, and the first again in one call");
    struct ask *call = ask(subject, PH_SECRET_FETCH, 3, entries);
    static const enum ph_outcome wanted[] = {PH_OK, PH_NOT_FOUND, PH_OK};
    for (size_t i = 0; i < 3; i++) {
        want_outcome(call, i, wanted[i]);
        const struct ph_secret *secret = ask_output(call, i);
        want_true(test, wanted[i] != PH_OK || text_equal(secret->value, known.value), "the value, whole");
        const char *text = call->raw->results[i]->text;
        want_true(test, text == NULL || strstr(text, known.value.bytes) == NULL, "no text holds a value");
    }
}

static void secret_odd(struct test *test)
{
    static const char *const names[] = {"", "/", "..", "../../etc/passwd/none", "a=b", "%s%n", "\xc3\xa9", "a b\n"};
    struct subject *subject = subject_open(test);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        test_step(test, "fetch of the name \"%s\"", names[i]);
        struct ask *call = ask_one(subject, PH_SECRET_FETCH, asked(test, test_text(test, "%s", names[i]), false));
        enum ph_outcome outcome = ask_outcome(call, 0);
        want_true(test, outcome == PH_NOT_FOUND || outcome == PH_INVALID || outcome == PH_DENIED,
                  "PH_NOT_FOUND, PH_INVALID or PH_DENIED");
    }
}

static const struct check CHECKS[] = {
    {"secret.found", "fetch: the value, whole; fresh asks the source again", secret_found, 0},
    {"secret.missing", "fetch: PH_NOT_FOUND names the secret in its text", secret_missing, 0},
    {"secret.partial", "THE CALL: entry, output and result i belong together; no text holds a value", secret_partial,
     0},
    {"secret.odd", "fetch: a name that nothing can have is refused", secret_odd, 0},
};

const struct suite SUITE_SECRET = SUITE(CHECKS);
