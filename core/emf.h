// SPDX-License-Identifier: Apache-2.0
//
// Metrics for CloudWatch: once an interval a few lines of JSON in its embedded metric format, which CloudWatch Logs turns
// into metrics. No call to CloudWatch is made, and no right is needed.
// Source: "Specification: Embedded metric format", Amazon CloudWatch user guide.
//
// A line is a document with one set of dimensions, so each backend's state, each distribution and each AWS operation has
// a line of its own. Every line is shorter than a page, so that it goes into a pipe whole or not at all, and never makes
// the loop wait: when the reader is too slow, it is lost and counted. Everything runs on the loop's thread.
#ifndef CORE_EMF_H
#define CORE_EMF_H

#include <stdint.h>

struct clock;
struct emf;
struct event_base;
struct exchange;
struct metrics;

#define EMF_NAME_MAX 255 ///< of a namespace and of a dimension's value, in bytes

struct emf_settings {
    struct event_base *base;
    struct metrics *metrics;
    struct exchange *exchange; ///< for the states of backends
    const struct clock *clock;
    unsigned roles; ///< EXCHANGE_ROLE_…
    const char *namespace;
    const char *service;
    int64_t interval_ms;
    int descriptor; ///< where lines go; borrowed
};

/// Starts to write; the first lines come after an interval. Texts are borrowed. Never NULL.
struct emf *emf_new(const struct emf_settings *settings) __attribute__((warn_unused_result));

/// Writes the lines of the time since the last ones, at once.
void emf_write(struct emf *emf);

/// NULL is allowed.
void emf_free(struct emf *emf);

#endif
