// SPDX-License-Identifier: Apache-2.0
//
// POST and GET /v1/users, DELETE /v1/users/{user}, PUT /v1/users/{user}/password.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api_handlers.h"
#include "core/api_password.h"
#include "core/api_task.h"
#include "core/message_input.h"
#include "core/message_json.h"
#include "core/session_cache.h"
#include "core/uuid.h"

#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 100

struct user_fields {
    const json_t *user, *password, *roles;
};

static const struct json_field user_table[] = {
    JSON_FIELD(struct user_fields, user, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, 1, MESSAGE_NAME_MAX),
    JSON_FIELD(struct user_fields, password, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, API_PASSWORD_MIN,
               API_PASSWORD_MAX),
    JSON_FIELD(struct user_fields, roles, JSON_FIELD_ARRAY, JSON_FIELD_STRINGS, 0, 8),
};

struct password_fields {
    const json_t *password, *current;
};

static const struct json_field password_table[] = {
    JSON_FIELD(struct password_fields, password, JSON_FIELD_STRING, JSON_FIELD_REQUIRED, API_PASSWORD_MIN,
               API_PASSWORD_MAX),
    JSON_FIELD(struct password_fields, current, JSON_FIELD_STRING, 0, 0, 1000),
};

static void write_user(struct buffer *out, struct ph_text name, uint32_t roles, int64_t created_at)
{
    buffer_text(out, "{\"user\":");
    buffer_json_string(out, name.bytes, name.length);
    buffer_text(out, (roles & PH_ROLE_OPERATOR) != 0 ? ",\"roles\":[\"operator\"]" : ",\"roles\":[]");
    if (created_at != 0) {
        buffer_text(out, ",\"created_at\":");
        message_json_time(out, created_at);
    }
    buffer_byte(out, '}');
}

// ------------------------------------------------------------------------------------------------------- create

struct creating {
    struct user_fields fields;
    struct ph_text name;
    uint32_t roles;
    struct api_password password;
};

static void user_added(struct task *task, struct api_call *call)
{
    const struct creating *creating = task->data;
    char location[32 + MESSAGE_NAME_MAX];
    struct buffer json;
    if (call->call.outcome == PH_CONFLICT) {
        task_problem(task, 409, "conflict", "The name %s is in use, or was: names of removed users stay reserved.",
                     creating->name.bytes);
        return;
    }
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The user could not be added");
        return;
    }
    snprintf(location, sizeof location, "/v1/users/%s", creating->name.bytes);
    const struct http_header header = {"Location", location};
    buffer_init(&json, 1024);
    write_user(&json, creating->name, creating->roles, 0);
    task_answer(task, 201, &json, &header, 1);
}

static void create_hashed(struct task *task, struct api_password *password)
{
    const struct creating *creating = task->data;
    struct uuid uuid;
    void *entry;
    if (!password->good) {
        task_problem(task, 500, "internal", "The password could not be hashed. The user was not added.");
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_USER_ADD, sizeof(struct ph_user_add), &entry);
    struct ph_user_add *add = entry;
    uuid_make(task_now(task), &uuid);
    memcpy(add->id.bytes, uuid.bytes, sizeof add->id.bytes);
    add->name = creating->name;
    add->password = (struct ph_text){password->stored, strlen(password->stored)};
    add->roles = creating->roles;
    task_submit(call, user_added);
}

static bool roles_read(struct task *task, const json_t *roles, uint32_t *roles_r)
{
    for (size_t i = 0; i < json_array_size(roles); i++) {
        if (strcmp(json_string_value(json_array_get(roles, i)), "operator") != 0) {
            task_invalid_one(task, "/roles", "The only role is \"operator\".");
            return false;
        }
        *roles_r = PH_ROLE_OPERATOR;
    }
    return true;
}

void api_user_create(struct task *task)
{
    struct creating *creating = task_alloc(task, sizeof *creating);
    task->data = creating;
    if (!task_fields(task, user_table, 3, &creating->fields) ||
        !roles_read(task, creating->fields.roles, &creating->roles)) {
        return;
    }
    creating->name =
        (struct ph_text){json_string_value(creating->fields.user), json_string_length(creating->fields.user)};
    if (!message_input_name(creating->name.bytes, creating->name.length)) {
        task_invalid_one(task, "/user", "A user's name has 1 to 64 of a-z 0-9 . _ @ -");
        return;
    }
    creating->password.password = json_string_value(creating->fields.password);
    creating->password.length = json_string_length(creating->fields.password);
    api_password_hash(task, &creating->password, create_hashed);
}

// --------------------------------------------------------------------------------------------------------- list

static void users_listed(struct task *task, struct api_call *call)
{
    const struct ph_users *users = call->call.output;
    const char *after = task_parameter(task, "after");
    struct buffer json;
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The users could not be read");
        return;
    }
    buffer_init(&json, API_BODY_MAX);
    buffer_text(&json, "{\"users\":[");
    for (size_t i = 0; i < users->count; i++) {
        if (i > 0) {
            buffer_byte(&json, ',');
        }
        write_user(&json, users->users[i]->name, users->users[i]->roles, users->users[i]->created_at);
    }
    buffer_text(&json, "],\"next\":");
    if (users->count > 0) {
        const struct ph_text last = users->users[users->count - 1]->name;
        buffer_json_string(&json, last.bytes, last.length);
    } else {
        buffer_json_string(&json, after != NULL ? after : "", after != NULL ? strlen(after) : 0);
    }
    buffer_byte(&json, '}');
    task_answer(task, 200, &json, NULL, 0);
}

void api_user_list(struct task *task)
{
    uint32_t limit = LIST_LIMIT;
    void *entry;
    const char *after = task_parameter(task, "after");
    if (!task_number(task, "limit", 1, LIST_LIMIT_MAX, &limit)) {
        return;
    }
    if (after != NULL && after[0] != '\0' && !message_input_name(after, strlen(after))) {
        task_invalid_one(task, "", "The parameter after must be a user's name: the next of the page before.");
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_USER_LIST, sizeof(struct ph_user_list), &entry);
    struct ph_user_list *list = entry;
    list->limit = limit;
    list->after = task_text(task, after != NULL ? after : "", after != NULL ? strlen(after) : 0);
    task_submit(call, users_listed);
}

// ------------------------------------------------------------------------------------------------------- remove

static bool path_user(struct task *task, const char **user_r)
{
    const char *user = http_segment(task->request, 2);
    if (!message_input_name(user, strlen(user))) {
        task_problem(task, 404, "not-found", "There is no such user.");
        return false;
    }
    *user_r = task_text(task, user, strlen(user)).bytes;
    return true;
}

static void user_removed(struct task *task, struct api_call *call)
{
    const uint32_t outcome = call->call.outcome;
    if (outcome == PH_OK || (outcome == PH_DUPLICATE && call->call.uncertain)) {
        session_cache_forget_user(api_sessions(task->api), task->data, NULL);
        task_answer_empty(task, 204, NULL, 0);
    } else if (outcome == PH_NOT_FOUND || outcome == PH_DUPLICATE) {
        task_problem(task, 404, "not-found", "There is no such user.");
    } else {
        task_failed(task, &call->call, "The user could not be removed");
    }
}

void api_user_remove(struct task *task)
{
    const char *user;
    void *entry;
    if (!path_user(task, &user)) {
        return;
    }
    if (strcmp(user, task->session.user) == 0) {
        task_problem(task, 409, "conflict",
                     "Operators cannot remove themselves, so that one operator always stays. Ask another operator.");
        return;
    }
    task->data = (void *)user;
    struct api_call *call = task_call(task, PH_STORAGE_USER_REMOVE, sizeof(struct ph_user_name), &entry);
    ((struct ph_user_name *)entry)->name = (struct ph_text){user, strlen(user)};
    task_submit(call, user_removed);
}

// ----------------------------------------------------------------------------------------------------- password

struct changing {
    struct password_fields fields;
    const char *user;
    bool own;
    struct api_password current;
    struct api_password fresh;
};

static void password_set(struct task *task, struct api_call *call)
{
    const struct changing *changing = task->data;
    if (call->call.outcome == PH_NOT_FOUND) {
        task_problem(task, 404, "not-found", "There is no such user.");
    } else if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The password could not be changed");
    } else {
        session_cache_forget_user(api_sessions(task->api), changing->user,
                                  changing->own ? task->session.token_hash : NULL);
        task_answer_empty(task, 204, NULL, 0);
    }
}

static void change_hashed(struct task *task, struct api_password *password)
{
    const struct changing *changing = task->data;
    void *entry;
    if (!password->good) {
        task_problem(task, 500, "internal", "The password could not be hashed. It was not changed.");
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_USER_PASSWORD, sizeof(struct ph_user_password), &entry);
    struct ph_user_password *change = entry;
    change->name = (struct ph_text){changing->user, strlen(changing->user)};
    change->password = (struct ph_text){password->stored, strlen(password->stored)};
    if (changing->own) {
        memcpy(change->keep_session, task->session.token_hash, sizeof change->keep_session);
    }
    task_submit(call, password_set);
}

static void change_hash(struct task *task)
{
    struct changing *changing = task->data;
    changing->fresh.password = json_string_value(changing->fields.password);
    changing->fresh.length = json_string_length(changing->fields.password);
    api_password_hash(task, &changing->fresh, change_hashed);
}

static void current_checked(struct task *task, struct api_password *password)
{
    if (!password->good) {
        task_problem(task, 403, "forbidden", "The current password is wrong. Nothing was changed.");
        return;
    }
    change_hash(task);
}

static void change_user_got(struct task *task, struct api_call *call)
{
    struct changing *changing = task->data;
    const struct ph_user *user = call->call.output;
    if (call->call.outcome == PH_NOT_FOUND) {
        task_problem(task, 401, "unauthorized", "The user of this session is gone.");
        return;
    }
    if (call->call.outcome != PH_OK || user->password.length >= sizeof changing->current.stored) {
        task_failed(task, &call->call, "The user could not be read");
        return;
    }
    memcpy(changing->current.stored, user->password.bytes, user->password.length);
    changing->current.password = json_string_value(changing->fields.current);
    changing->current.length = json_string_length(changing->fields.current);
    api_password_check(task, &changing->current, current_checked);
}

void api_user_password(struct task *task)
{
    struct changing *changing = task_alloc(task, sizeof *changing);
    void *entry;
    task->data = changing;
    if (!path_user(task, &changing->user)) {
        return;
    }
    changing->own = strcmp(changing->user, task->session.user) == 0;
    if (!changing->own && (task->session.roles & PH_ROLE_OPERATOR) == 0) {
        task_problem(task, 403, "forbidden", "Only operators may change the password of others.");
        return;
    }
    if (!task_fields(task, password_table, 2, &changing->fields)) {
        return;
    }
    if (!changing->own) {
        change_hash(task);
        return;
    }
    if (changing->fields.current == NULL) {
        task_invalid_one(task, "/current", "Changing your own password needs the current one.");
        return;
    }
    struct api_call *call = task_call(task, PH_STORAGE_USER_GET, sizeof(struct ph_user_name), &entry);
    ((struct ph_user_name *)entry)->name = (struct ph_text){changing->user, strlen(changing->user)};
    task_submit(call, change_user_got);
}
