// SPDX-License-Identifier: Apache-2.0
//
// A problem may quote what a client sent, so every text is made valid UTF-8 and cut before it goes into the document.
#include "core/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/http_response.h"
#include "core/utf8.h"
#include "core/xalloc.h"

static const char type_prefix[] = "urn:posthouse:problem:";
static const char replacement[] = "\xef\xbf\xbd";

static void *or_die(void *memory)
{
    if (memory == NULL) {
        fputs("posthouse: out of memory\n", stderr);
        abort();
    }
    return memory;
}

// The text as a JSON string of at most PROBLEM_TEXT_MAX bytes, whatever bytes it holds.
static json_t *string(const char *text)
{
    struct buffer clean;
    buffer_init(&clean, PROBLEM_TEXT_MAX);
    size_t length = strnlen(text, PROBLEM_TEXT_MAX + 4);
    for (size_t at = 0; at < length;) {
        size_t step = utf8_step(text + at, length - at, NULL);
        bool fits = step > 0 ? buffer_append(&clean, text + at, step) : buffer_text(&clean, replacement);
        if (!fits) {
            break;
        }
        at += step > 0 ? step : 1;
    }
    json_t *result = or_die(json_stringn(clean.data == NULL ? "" : clean.data, clean.length));
    buffer_free(&clean);
    return result;
}

static void set(json_t *object, const char *key, json_t *value)
{
    or_die(json_object_set_new(object, key, or_die(value)) == 0 ? object : NULL);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        set(object, key, string(text));
    }
}

static json_t *errors_json(const struct problem *problem)
{
    json_t *errors = or_die(json_array());
    for (size_t i = 0; i < problem->error_count && i < PROBLEM_ERRORS_MAX; i++) {
        json_t *error = or_die(json_object());
        set_text(error, "pointer", problem->errors[i].pointer);
        set_text(error, "detail", problem->errors[i].detail);
        or_die(json_array_append_new(errors, error) == 0 ? errors : NULL);
    }
    return errors;
}

json_t *problem_json(const struct problem *problem)
{
    json_t *object = or_die(json_object());
    if (problem->type == NULL) {
        set_text(object, "type", "about:blank");
    } else {
        char *type = xasprintf("%s%s", type_prefix, problem->type);
        set_text(object, "type", type);
        free(type);
    }
    set_text(object, "title", problem->title != NULL ? problem->title : http_status_phrase(problem->status));
    set(object, "status", json_integer(problem->status));
    set_text(object, "detail", problem->detail);
    set_text(object, "request_id", problem->request_id);
    if (problem->error_count > 0) {
        set(object, "errors", errors_json(problem));
    }
    return object;
}

char *problem_text(const struct problem *problem, size_t *length_r)
{
    json_t *object = problem_json(problem);
    char *text = or_die(json_dumps(object, JSON_COMPACT));
    json_decref(object);
    *length_r = strlen(text);
    return text;
}
