// SPDX-License-Identifier: Apache-2.0
//
// Where a plugin is tested: a loop, the host's services, opened instances (subjects) and raw calls to them
// (asks), without retries or any other policy. Every ask is checked for the rules that hold for all calls:
// completed once, not inside the start, within 20 s, no result left pending, no unknown outcome.
#ifndef CONFORMANCE_STAND_H
#define CONFORMANCE_STAND_H

#include "conformance/test.h"

struct event_base;
struct instance_call;
struct subject;

/// One call. Freed at the end of the test, or with ask_drop().
struct ask {
    struct ask *next;
    struct subject *subject;
    uint32_t operation;
    size_t count;
    struct instance_call *call;
    struct ph_call *raw;
    bool starting;
    bool early; ///< it completed inside its start
    unsigned completed;
};

/// Opens an instance; the test fails when that fails.
struct subject *subject_open(struct test *test);
/// The same with another config; NULL and the outcome when it fails.
struct subject *subject_try(struct test *test, const void *config, enum ph_outcome *outcome_r);
/// An instance that is not opened: for setup, which comes before an open.
struct subject *subject_unopened(struct test *test);
/// Closes it: every call that is out must come back within 20 s.
void subject_close(struct subject *subject);
struct test *subject_test(const struct subject *subject);

/// True when the plugin offers an operation.
bool subject_offers(const struct subject *subject, uint32_t operation);

/// Starts a call; the entries must stay.
struct ask *ask_start(struct subject *subject, uint32_t operation, size_t count, const void *const *entries);
/// Waits for its end.
void ask_wait(struct ask *ask);
/// Both. `entries` NULL: NULL pointers.
struct ask *ask(struct subject *subject, uint32_t operation, size_t count, const void *const *entries);
struct ask *ask_one(struct subject *subject, uint32_t operation, const void *entry);
/// Frees a call that is over before the end of the test.
void ask_drop(struct ask *ask);

enum ph_outcome ask_outcome(const struct ask *ask, size_t index);
void *ask_output(const struct ask *ask, size_t index);
/// The output of an ask of one, whose outcome must be `outcome`.
void *ask_want(struct ask *ask, enum ph_outcome outcome);
void want_outcome(struct ask *ask, size_t index, enum ph_outcome outcome);
void want_all(struct ask *ask, enum ph_outcome outcome);

/// Turns the loop for a time, or until a condition's next look.
void stand_turn(struct test *test, int milliseconds);
/// How often a hint came for a user since the stand was made.
unsigned stand_hints(const struct test *test, struct ph_text user);
/// Fails when the host has caught a broken rule.
void stand_want_clean(struct test *test);
/// Closes what is open, ends the loop and frees all.
void stand_end(struct test *test);

#endif
