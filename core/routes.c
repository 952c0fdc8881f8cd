// SPDX-License-Identifier: Apache-2.0
//
// See routes.h: one table, in the order of docs/openapi.yaml.
#include "core/routes.h"

#include <string.h>

#include "core/api_handlers.h"

#define ROUTE(verb, pattern, access, flags, handler, ...)                              \
    {                                                                                  \
        HTTP_##verb, pattern, access, flags, handler, {__VA_ARGS__}, #verb " " pattern \
    }

static const struct route table[] = {
    ROUTE(POST, "/v1/sessions", ROUTE_OPEN, ROUTE_BODY, api_session_create, NULL),
    ROUTE(GET, "/v1/sessions/current", ROUTE_SESSION, 0, api_session_show, NULL),
    ROUTE(DELETE, "/v1/sessions/current", ROUTE_SESSION, 0, api_session_end, NULL),
    ROUTE(POST, "/v1/users", ROUTE_OPERATOR, ROUTE_BODY, api_user_create, NULL),
    ROUTE(GET, "/v1/users", ROUTE_OPERATOR, 0, api_user_list, "after", "limit"),
    ROUTE(DELETE, "/v1/users/{user}", ROUTE_OPERATOR, 0, api_user_remove, NULL),
    ROUTE(PUT, "/v1/users/{user}/password", ROUTE_SESSION, ROUTE_BODY, api_user_password, NULL),
    ROUTE(POST, "/v1/messages", ROUTE_SESSION, ROUTE_BODY | ROUTE_MESSAGE, api_message_send, NULL),
    ROUTE(GET, "/v1/messages", ROUTE_SESSION, 0, api_message_list, "box", "after", "limit"),
    ROUTE(POST, "/v1/messages/batch", ROUTE_SESSION, ROUTE_BODY | ROUTE_MESSAGE, api_message_batch, NULL),
    ROUTE(GET, "/v1/messages/{id}", ROUTE_SESSION, 0, api_message_show, NULL),
    ROUTE(GET, "/v1/inbox", ROUTE_SESSION, 0, api_inbox_list, "after", "limit", "wait"),
    ROUTE(POST, "/v1/inbox/ack", ROUTE_SESSION, ROUTE_BODY, api_inbox_ack, NULL),
    ROUTE(DELETE, "/v1/inbox/{id}", ROUTE_SESSION, 0, api_inbox_remove, NULL),
    ROUTE(GET, "/v1/admin/backends", ROUTE_OPERATOR, 0, api_admin_backends, NULL),
    ROUTE(GET, "/v1/admin/queue", ROUTE_OPERATOR, 0, api_admin_queue, NULL),
    ROUTE(GET, "/v1/admin/dead-letters", ROUTE_OPERATOR, 0, api_admin_dead_letters, "after", "limit"),
    ROUTE(POST, "/v1/admin/dead-letters/redrive", ROUTE_OPERATOR, ROUTE_BODY, api_admin_redrive, NULL),
    ROUTE(GET, "/healthz", ROUTE_OPEN, ROUTE_ALWAYS | ROUTE_ANY_PARAMETERS, api_health_live, NULL),
    ROUTE(GET, "/readyz", ROUTE_OPEN, ROUTE_ALWAYS | ROUTE_ANY_PARAMETERS, api_health_ready, NULL),
    ROUTE(GET, "/metrics", ROUTE_OPEN, ROUTE_ALWAYS | ROUTE_ANY_PARAMETERS, api_health_metrics, NULL),
    ROUTE(GET, "/openapi.json", ROUTE_OPEN, ROUTE_ALWAYS | ROUTE_ANY_PARAMETERS, api_openapi_show, NULL),
};
#define COUNT (sizeof table / sizeof table[0])

const char routes_wait_label[] = "GET /v1/inbox wait";

const struct route *routes_all(size_t *count_r)
{
    *count_r = COUNT;
    return table;
}

// Compares a pattern with segments: 0 no match, 1 with a wildcard, 2 literally. Every request is held against every
// pattern, so a difference must show at its first byte.
static int pattern_match(const char *pattern, const char *const *segments, size_t count)
{
    size_t i = 0;
    int match = 2;
    for (; *pattern == '/'; i++) {
        if (i >= count) {
            return 0;
        }
        pattern++;
        if (*pattern == '{') {
            match = 1;
            pattern += strcspn(pattern, "/");
            continue;
        }
        const char *segment = segments[i];
        for (; *pattern != '/' && *pattern != '\0' && *pattern == *segment; pattern++) {
            segment++;
        }
        if (*segment != '\0' || (*pattern != '/' && *pattern != '\0')) {
            return 0;
        }
    }
    return i == count ? match : 0;
}

static void allow_add(char allow_r[ROUTE_ALLOW_SIZE], const char *method)
{
    const size_t length = strlen(allow_r);
    const size_t more = strlen(method);
    if (length + more + 3 <= ROUTE_ALLOW_SIZE) {
        memcpy(allow_r + length, ", ", length > 0 ? 2 : 0);
        memcpy(allow_r + length + (length > 0 ? 2 : 0), method, more + 1);
    }
}

const struct route *routes_match(enum http_method method, const char *const *segments, size_t count,
                                 char allow_r[ROUTE_ALLOW_SIZE])
{
    const struct route *found = NULL;
    int best = 1; // a literal path wins over one with a wildcard, and hides its methods
    allow_r[0] = '\0';
    for (size_t i = 0; i < COUNT; i++) {
        const int match = pattern_match(table[i].path, segments, count);
        if (match < best) {
            continue;
        }
        if (match > best) {
            best = match;
            found = NULL;
            allow_r[0] = '\0';
        }
        allow_add(allow_r, http_method_text(table[i].method));
        if (table[i].method == HTTP_GET) {
            allow_add(allow_r, "HEAD");
        }
        if (table[i].method == method || (method == HTTP_HEAD && table[i].method == HTTP_GET)) {
            found = &table[i];
        }
    }
    return found;
}

const struct route *routes_find(const struct http_request *request, char allow_r[ROUTE_ALLOW_SIZE])
{
    const char *segments[HTTP_SEGMENTS_MAX];
    const size_t count = http_segment_count(request);
    allow_r[0] = '\0';
    if (count > HTTP_SEGMENTS_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        segments[i] = http_segment(request, i);
    }
    return routes_match(http_method(request), segments, count, allow_r);
}
