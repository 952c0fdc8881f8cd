// SPDX-License-Identifier: Apache-2.0
//
// Lists by cursor: the inbox, what was sent, dead letters. All read a page from a position and answer with the items and
// the next cursor, which is never null.
#ifndef CORE_API_LIST_H
#define CORE_API_LIST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/cursor.h"
#include "posthouse/plugin.h"

struct exchange_call;
struct task;

#define API_LIST_LIMIT 50
#define API_LIST_LIMIT_MAX 100
#define API_LIST_BYTES (2u * 1024 * 1024) // of texts in one page

struct api_list {
    enum cursor_list list;
    uint32_t operation;
    const char *member; ///< "messages"
    void (*item)(struct buffer *out, const struct ph_record *record);
    const char *what; ///< "The list could not be read"
};

/// Answers a list call: parameters after and limit. `user` is the list's owner, or "".
void api_list_answer(struct task *task, const struct api_list *list, const char *user);

/// The pieces, for the inbox. Reads after and limit; false after a 422. `end_r`: after=end was asked for.
bool api_list_read(struct task *task, enum cursor_list list, const char *user, struct ph_read *read_r, bool *end_r);

/// Answers with a page; `after` is where it was read from.
void api_list_page(struct task *task, const struct api_list *list, const char *user, const struct ph_page *page,
                   uint64_t after);

/// Reads the ids in an array of a body, sorted and distinct; false after a 422.
bool api_read_ids(struct task *task, const json_t *array, struct ph_id **ids_r, size_t *count_r);

#endif
