// SPDX-License-Identifier: Apache-2.0
//
// Problem documents (RFC 9457): the one form in which posthouse says over HTTP that something went wrong.
// Used by the HTTP layer for what it refuses itself, and by the API for everything else.
#ifndef POSTHOUSE_CORE_PROBLEM_H
#define POSTHOUSE_CORE_PROBLEM_H

#include <jansson.h>
#include <stddef.h>

#define PROBLEM_CONTENT_TYPE "application/problem+json"
// What is longer in `detail` or in an error's texts is cut (at a character), and more errors are left out.
#define PROBLEM_TEXT_MAX 1000
#define PROBLEM_ERRORS_MAX 100

// One wrong place in the input: a JSON pointer (RFC 6901; "" is the whole document) and what is wrong there.
struct problem_error {
    const char *pointer;
    const char *detail;
};

// Texts are borrowed. NULL: `type` is "about:blank", `title` is the status's own phrase, `detail` and
// `request_id` are left out; so is `errors` with error_count 0.
struct problem {
    int status;
    const char *type; // one short name such as "outcome-unknown"; written as "urn:posthouse:problem:outcome-unknown"
    const char *title;
    const char *detail;
    const char *request_id;
    const struct problem_error *errors;
    size_t error_count;
};

// The document as a new JSON object, for the results of a batch. Bytes that are not UTF-8 become U+FFFD.
// Never NULL: running out of memory ends the process. Any thread.
json_t *problem_json(const struct problem *problem);

// The document as compact text, NUL-terminated, to be freed with free(). Never NULL. Any thread.
char *problem_text(const struct problem *problem, size_t *length_r);

#endif
