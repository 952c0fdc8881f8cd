// SPDX-License-Identifier: Apache-2.0
//
// See list.h.
#include "cli/list.h"

#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/exit_codes.h"
#include "core/xalloc.h"

bool list_cursor_good(const char *what, const char *cursor)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.@";
    const size_t length = strlen(cursor);
    if (length > 0 && length < LIST_CURSOR_SIZE && strspn(cursor, letters) == length) {
        return true;
    }
    options_wrong(what, "%s is no cursor: use start, end, or one that this list gave", cursor);
    return false;
}

char *list_path(const struct list_view *view, const char *after, long limit)
{
    return xasprintf("%slimit=%ld%s%s", view->path, limit, after != NULL ? "&after=" : "", after != NULL ? after : "");
}

static json_t *page_of(struct client *client, const struct list_view *view, const char *after, long limit, int *code_r)
{
    char *path = list_path(view, after, limit);
    json_t *page = client_call(client, "GET", path, NULL, view->what, code_r);
    free(path);
    return page;
}

// Prints pages until the last; `page` is the first of them.
static int print_pages(struct client *client, const struct list_view *view, const struct list_options *options,
                       json_t *page)
{
    const bool json = output_is_json(options->json);
    int code = EXIT_GOOD;
    for (bool first = true; page != NULL; first = false) {
        const json_t *rows = json_object_get(page, view->member);
        const char *next = json_string_value(json_object_get(page, "next"));
        const bool last = json_array_size(rows) < (size_t)options->limit || next == NULL;
        if (first || json_array_size(rows) > 0) {
            output_rows(rows, view->columns, view->column_count, json, view->empty);
        }
        json_t *following = NULL;
        if (!last && options->all && output_end() == EXIT_GOOD && list_cursor_good(view->what, next)) {
            following = page_of(client, view, next, options->limit, &code);
        } else if (!last && !json) {
            fputs("\nthere may be more: --all, or --after ", stdout);
            output_clean(stdout, next);
            putchar('\n');
        }
        json_decref(page);
        page = following;
    }
    return code;
}

int list_run(const struct list_view *view, const struct list_options *options)
{
    int code;
    if (options->after != NULL && !list_cursor_good(view->what, options->after)) {
        return EXIT_WRONG_USAGE;
    }
    struct client *client = client_logged_in();
    if (client == NULL) {
        return EXIT_NO_SESSION;
    }
    json_t *page = page_of(client, view, options->after, options->limit, &code);
    if (page != NULL) {
        code = print_pages(client, view, options, page);
    }
    client_free(client);
    return code != EXIT_GOOD ? code : output_end();
}
