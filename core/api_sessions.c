// SPDX-License-Identifier: Apache-2.0
//
// POST /v1/sessions, GET and DELETE /v1/sessions/current.
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_handlers.h"
#include "core/api_password.h"
#include "core/api_task.h"
#include "core/auth.h"
#include "core/encode.h"
#include "core/message_input.h"
#include "core/message_json.h"
#include "core/random.h"
#include "core/session_cache.h"

#define SESSION_MS (INT64_C(12) * 3600 * 1000)

struct login_fields {
    const json_t *user, *password;
};

static const struct json_field table[] = {
    JSON_FIELD(struct login_fields, user, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, 0, 1000),
    JSON_FIELD(struct login_fields, password, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, 0, 1000),
};

struct login {
    struct login_fields fields;
    struct api_password password;
    char token[ENCODE_BASE64URL_SIZE(AUTH_TOKEN_BYTES)];
};

static void cookie_write(const struct task *task, const char *token, int64_t age_s, char *out, size_t size)
{
    snprintf(out, size, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", AUTH_COOKIE, token,
             (long long)age_s, http_is_secure(task->request) ? "; Secure" : "");
}

static void session_added(struct task *task, struct api_call *call)
{
    struct login *login = task->data;
    const struct ph_session *session = call->call.output;
    char cookie[256];
    struct buffer json;
    if (call->call.outcome == PH_NOT_FOUND) {
        task_problem(task, 401, "unauthorized", "The name or the password is wrong.");
        return;
    }
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The session could not be made");
        return;
    }
    buffer_init(&json, 1024);
    buffer_printf(&json, "{\"token\":\"%s\",\"user\":", login->token);
    buffer_json_string(&json, session->user.bytes, session->user.length);
    buffer_text(&json, ",\"expires_at\":");
    message_json_time(&json, session->expires_at);
    buffer_byte(&json, '}');
    cookie_write(task, login->token, SESSION_MS / 1000, cookie, sizeof cookie);
    const struct http_header headers[] = {{"Set-Cookie", cookie}, {"Location", "/v1/sessions/current"}};
    task_answer(task, 201, &json, headers, 2);
    OPENSSL_cleanse(login->token, sizeof login->token);
}

static void password_checked(struct task *task, struct api_password *password)
{
    struct login *login = task->data;
    uint8_t token[AUTH_TOKEN_BYTES];
    void *entry;
    if (!password->good) {
        task_problem(task, 401, "unauthorized", "The name or the password is wrong.");
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_SESSION_ADD, sizeof(struct ph_session_add), &entry);
    struct ph_session_add *add = entry;
    random_bytes(token, sizeof token);
    encode_base64url(token, sizeof token, login->token);
    hash_sha256(token, sizeof token, add->token_hash);
    OPENSSL_cleanse(token, sizeof token);
    add->user = (struct ph_text){json_string_value(login->fields.user), json_string_length(login->fields.user)};
    add->lifetime_ms = SESSION_MS;
    task_submit(call, session_added);
}

static void user_got(struct task *task, struct api_call *call)
{
    struct login *login = task->data;
    const struct ph_user *user = call->call.output;
    login->password.unknown = call->call.outcome == PH_NOT_FOUND;
    if (call->call.outcome != PH_OK && !login->password.unknown) {
        task_failed(task, &call->call, "The user could not be read");
        return;
    }
    if (!login->password.unknown && user->password.length < sizeof login->password.stored) {
        memcpy(login->password.stored, user->password.bytes, user->password.length);
        login->password.stored[user->password.length] = '\0';
    }
    api_password_check(task, &login->password, password_checked);
}

void api_session_create(struct task *task)
{
    struct login *login = task_alloc(task, sizeof *login);
    void *entry;
    if (!task_fields(task, table, 2, &login->fields)) {
        return;
    }
    task->data = login;
    login->password.password = json_string_value(login->fields.password);
    login->password.length = json_string_length(login->fields.password);
    const char *name = json_string_value(login->fields.user);
    if (!message_input_name(name, json_string_length(login->fields.user))) {
        login->password.unknown = true; // no user has such a name
        api_password_check(task, &login->password, password_checked);
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_USER_GET, sizeof(struct ph_user_name), &entry);
    ((struct ph_user_name *)entry)->name = (struct ph_text){name, json_string_length(login->fields.user)};
    task_submit(call, user_got);
}

void api_session_show(struct task *task)
{
    struct buffer json;
    buffer_init(&json, 1024);
    buffer_text(&json, "{\"user\":");
    buffer_json_string(&json, task->session.user, strlen(task->session.user));
    buffer_text(&json, (task->session.roles & PH_ROLE_OPERATOR) != 0 ? ",\"roles\":[\"operator\"],\"expires_at\":"
                                                                     : ",\"roles\":[],\"expires_at\":");
    message_json_time(&json, task->session.expires_at);
    buffer_byte(&json, '}');
    task_answer(task, 200, &json, NULL, 0);
}

static void session_removed(struct task *task, struct api_call *call)
{
    char cookie[128];
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The session could not be ended");
        return;
    }
    session_cache_forget(api_sessions(task->api), task->session.token_hash);
    cookie_write(task, "", 0, cookie, sizeof cookie);
    const struct http_header header = {"Set-Cookie", cookie};
    task_answer_empty(task, 204, &header, 1);
}

void api_session_end(struct task *task)
{
    void *entry;
    struct api_call *call = task_call(task, PH_STORAGE_SESSION_REMOVE, sizeof(struct ph_session_token), &entry);
    memcpy(((struct ph_session_token *)entry)->token_hash, task->session.token_hash, HASH_SHA256_SIZE);
    session_cache_forget(api_sessions(task->api), task->session.token_hash);
    task_submit(call, session_removed);
}
