// SPDX-License-Identifier: Apache-2.0
//
// See auth.h. Only the SHA-256 of a token is looked up or kept. A write that comes with a cookie must say that it comes
// from this origin: a browser sends cookies also for pages of others.
#include "core/auth.h"

#include <string.h>
#include <strings.h>

#include "core/api_task.h"
#include "core/clock.h"
#include "core/encode.h"
#include "core/routes.h"
#include "core/session_cache.h"

struct asking {
    uint64_t epoch;
    void (*next)(struct task *task);
};

static uint64_t now_ns(const struct task *task)
{
    return clock_monotonic_ns(api_settings(task->api)->clock);
}

// The value of our cookie; length 0 if there is none.
static struct ph_text cookie_of(const struct http_request *request)
{
    const char *header = http_header(request, "Cookie");
    const size_t name = strlen(AUTH_COOKIE);
    while (header != NULL && *header != '\0') {
        header += strspn(header, " \t;");
        const size_t length = strcspn(header, ";");
        if (length > name && header[name] == '=' && memcmp(header, AUTH_COOKIE, name) == 0) {
            return (struct ph_text){header + name + 1, length - name - 1};
        }
        header += length;
    }
    return (struct ph_text){"", 0};
}

static struct ph_text bearer_of(const struct http_request *request)
{
    const char *header = http_header(request, "Authorization");
    if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0) {
        return (struct ph_text){"", 0};
    }
    header += 7;
    header += strspn(header, " ");
    return (struct ph_text){header, strlen(header)};
}

static bool token_hash(struct ph_text token, uint8_t hash_r[HASH_SHA256_SIZE])
{
    uint8_t bytes[AUTH_TOKEN_BYTES];
    size_t length = 0;
    if (!decode_base64url(token.bytes, token.length, bytes, sizeof bytes, &length) || length != sizeof bytes) {
        return false;
    }
    hash_sha256(bytes, sizeof bytes, hash_r);
    return true;
}

// The origin of the page, if given, must be this host.
static bool origin_is_ours(const struct http_request *request)
{
    const char *site = http_header(request, "Sec-Fetch-Site");
    const char *origin = http_header(request, "Origin");
    if (origin != NULL) {
        const char *host = strstr(origin, "://");
        return host != NULL && strcasecmp(host + 3, http_authority(request)) == 0;
    }
    return site != NULL && (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0);
}

static bool cookie_may(const struct task *task)
{
    const enum http_method method = http_method(task->request);
    return method == HTTP_GET || method == HTTP_HEAD || origin_is_ours(task->request);
}

static void session_asked(struct task *task, struct api_call *call)
{
    const struct asking *asking = task->data;
    const struct ph_session *session = call->call.output;
    if (call->call.outcome == PH_NOT_FOUND) {
        task_problem(task, 401, "unauthorized", "The session has ended or never was. Log in again: POST /v1/sessions.");
        return;
    }
    if (call->call.outcome != PH_OK || session->user.length >= sizeof task->session.user) {
        task_failed(task, &call->call, "The session could not be checked");
        return;
    }
    memcpy(task->session.user, session->user.bytes, session->user.length);
    task->session.user[session->user.length] = '\0';
    task->session.roles = session->roles;
    task->session.expires_at = session->expires_at;
    session_cache_remember(api_sessions(task->api), &task->session, now_ns(task), asking->epoch);
    task->data = NULL;
    asking->next(task);
}

static void session_ask(struct task *task, void (*next)(struct task *task))
{
    struct asking *asking = task_alloc(task, sizeof *asking);
    void *entry;
    asking->next = next;
    asking->epoch = session_cache_epoch(api_sessions(task->api));
    task->data = asking;
    struct api_call *call = task_call(task, PH_STORAGE_SESSION_GET, sizeof(struct ph_session_token), &entry);
    struct ph_session_token *token = entry;
    memcpy(token->token_hash, task->session.token_hash, sizeof token->token_hash);
    task_submit(call, session_asked);
}

void auth_check(struct task *task, void (*next)(struct task *task))
{
    struct ph_text token = bearer_of(task->request);
    const bool by_cookie = token.length == 0;
    if (http_header_count(task->request, "Authorization") > 1) {
        task_problem(task, 400, "bad-request", "There is more than one Authorization header.");
        return;
    }
    if (by_cookie) {
        token = cookie_of(task->request);
    }
    if (token.length == 0) {
        task_problem(task, 401, "unauthorized",
                     "This call needs a session: log in with POST /v1/sessions and send its "
                     "token as \"Authorization: Bearer TOKEN\".");
        return;
    }
    uint8_t hash[HASH_SHA256_SIZE];
    if (!token_hash(token, hash)) {
        task_problem(task, 401, "unauthorized", "The token is not one of this service.");
        return;
    }
    if (by_cookie && !cookie_may(task)) {
        task_problem(task, 403, "forbidden", "A write with the session cookie must come from this origin.");
        return;
    }
    if (session_cache_find(api_sessions(task->api), hash, now_ns(task), task_now(task), &task->session)) {
        task->session.by_cookie = by_cookie;
        next(task);
        return;
    }
    memcpy(task->session.token_hash, hash, sizeof hash);
    task->session.by_cookie = by_cookie;
    session_ask(task, next);
}
