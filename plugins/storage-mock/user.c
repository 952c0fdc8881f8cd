// SPDX-License-Identifier: Apache-2.0
//
// Users. One that is removed stays in the table, so that its name is known to have been used; it leaves the ordered
// list of names, and its inbox and sent list go at once.
#include "plugins/storage-mock/user.h"

#include "plugins/mock/answer.h"
#include "plugins/storage-mock/message.h"
#include "plugins/storage-mock/slots.h"

#include <stdlib.h>
#include <string.h>

static const char no_user[] = "there is no such user";

bool user_equal(const void *item, const void *key, size_t length)
{
    const struct user *user = item;
    return user->name.length == length && memcmp(user->name.bytes, key, length) == 0;
}

int user_compare(struct ph_text left, struct ph_text right)
{
    size_t common = left.length < right.length ? left.length : right.length;
    int order = common ? memcmp(left.bytes, right.bytes, common) : 0;
    if (order)
        return order;
    return left.length < right.length ? -1 : left.length > right.length;
}

struct user *user_find_any(const struct store *store, struct ph_text name)
{
    return user_from(table_find(&store->users, name.bytes, name.length));
}

struct user *user_find(const struct store *store, struct ph_text name)
{
    struct user *user = user_find_any(store, name);
    return user && !user->removed ? user : NULL;
}

// The index in store.names of the first name that is `name` or above it.
static size_t user_place(const struct store *store, struct ph_text name)
{
    size_t low = 0;
    size_t high = store->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (user_compare(store->names[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool user_reserve(struct store *store)
{
    if (!table_reserve(&store->users, store->users.count + 1))
        return false;
    if (store->name_count < store->name_capacity)
        return true;
    size_t capacity = store->name_capacity ? store->name_capacity * 2 : 16;
    struct user **names = realloc(store->names, capacity * sizeof(*names));
    if (!names)
        return false;
    store->names = names;
    store->name_capacity = capacity;
    return true;
}

// Replaces the password, wiping the old one.
static bool user_secret(struct user *user, struct ph_text password)
{
    char *copy = malloc(password.length + 1);
    if (!copy)
        return false;
    if (password.length)
        memcpy(copy, password.bytes, password.length);
    copy[password.length] = '\0';
    if (user->password.bytes) {
        explicit_bzero((char *)(uintptr_t)user->password.bytes, user->password.length);
        free((char *)(uintptr_t)user->password.bytes);
    }
    user->password = (struct ph_text){.bytes = copy, .length = password.length};
    return true;
}

void user_free(struct user *user)
{
    if (user->password.bytes)
        explicit_bzero((char *)(uintptr_t)user->password.bytes, user->password.length);
    free((char *)(uintptr_t)user->password.bytes);
    sequence_free(&user->inbox);
    sequence_free(&user->sent);
    table_free(&user->keys);
    user->magic = 0;
    free(user);
}

bool user_make(struct store *store, const struct ph_user_add *entry)
{
    if (store->users.count >= store->limit || !user_reserve(store))
        return false;
    struct user *user = calloc(1, sizeof(*user) + entry->name.length + 1);
    if (!user)
        return false;
    user->magic = USER_MAGIC;
    user->roles = entry->roles;
    user->request = entry->id;
    user->created_at = store_now(store);
    table_init(&user->keys, store->host, key_equal);
    char *name = (char *)(user + 1);
    memcpy(name, entry->name.bytes, entry->name.length);
    user->name = (struct ph_text){.bytes = name, .length = entry->name.length};
    if (!user_secret(user, entry->password)) {
        user_free(user);
        return false;
    }
    size_t at = user_place(store, user->name);
    memmove(store->names + at + 1, store->names + at, (store->name_count - at) * sizeof(*store->names));
    store->names[at] = user;
    store->name_count++;
    table_add(&store->users, name, user->name.length, user);
    return true;
}

static enum ph_outcome user_add_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_user_add *entry = call->entries[index];
    if (entry->name.length == 0)
        return answer_text(call, index, PH_INVALID, "a user needs a name");
    const struct user *user = user_find_any(store, entry->name);
    if (user && memcmp(&user->request, &entry->id, sizeof(entry->id)) == 0)
        return PH_OK;
    if (user)
        return answer_text(call, index, PH_CONFLICT, "the name is in use or was");
    if (!user_make(store, entry))
        return answer_text(call, index, PH_UNAVAILABLE, "there is no room for the user (option limit)");
    return PH_OK;
}

void storage_user_add(void *instance, struct ph_call *call)
{
    answer_each(instance, call, user_add_one);
}

static bool user_fill(struct ph_call *call, const struct user *user, bool with_password, struct ph_user *copy)
{
    copy->roles = user->roles;
    copy->created_at = user->created_at;
    return answer_copy(call, user->name, &copy->name) &&
           answer_copy(call, with_password ? user->password : (struct ph_text){0}, &copy->password);
}

static enum ph_outcome user_get_one(void *instance, struct ph_call *call, size_t index)
{
    const struct ph_user_name *entry = call->entries[index];
    const struct user *user = user_find(store_from(instance), entry->name);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, no_user);
    return user_fill(call, user, true, call->outputs[index]) ? PH_OK : PH_INTERNAL;
}

void storage_user_get(void *instance, struct ph_call *call)
{
    answer_each(instance, call, user_get_one);
}

static enum ph_outcome user_list_one(void *instance, struct ph_call *call, size_t index)
{
    const struct store *store = store_from(instance);
    const struct ph_user_list *entry = call->entries[index];
    struct ph_users *users = call->outputs[index];
    size_t at = user_place(store, entry->after);
    if (at < store->name_count && user_compare(store->names[at]->name, entry->after) == 0)
        at++;
    size_t left = store->name_count - at;
    size_t count = left < entry->limit ? left : entry->limit;
    struct ph_user **list = call->host->alloc(call, (count + 1) * sizeof(struct ph_user *));
    for (size_t i = 0; list && i < count; i++) {
        list[i] = call->host->make(call, PH_MAKE_USER);
        if (!list[i] || !user_fill(call, store->names[at + i], false, list[i]))
            return PH_INTERNAL;
    }
    if (!list)
        return PH_INTERNAL;
    users->users = list;
    users->count = count;
    users->more = left > count;
    return PH_OK;
}

void storage_user_list(void *instance, struct ph_call *call)
{
    answer_each(instance, call, user_list_one);
}

// Ends a user's sessions but the one with this token hash, if any.
static void user_end_sessions(struct store *store, struct user *user, const uint8_t *keep)
{
    struct session *next;
    for (struct session *session = user->sessions; session; session = next) {
        next = session->next;
        if (!keep || memcmp(session->token_hash, keep, sizeof(session->token_hash)) != 0)
            session_end(store, session);
    }
}

static enum ph_outcome user_password_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_user_password *entry = call->entries[index];
    struct user *user = user_find(store, entry->name);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, no_user);
    if (!user_secret(user, entry->password))
        return answer_text(call, index, PH_UNAVAILABLE, "there is no memory for it");
    user_end_sessions(store, user, entry->keep_session);
    return PH_OK;
}

void storage_user_password(void *instance, struct ph_call *call)
{
    answer_each(instance, call, user_password_one);
}

static enum ph_outcome user_remove_one(void *instance, struct ph_call *call, size_t index)
{
    struct store *store = store_from(instance);
    const struct ph_user_name *entry = call->entries[index];
    struct user *user = user_find_any(store, entry->name);
    if (!user)
        return answer_text(call, index, PH_NOT_FOUND, no_user);
    if (user->removed)
        return PH_DUPLICATE;
    user_end_sessions(store, user, NULL);
    sequence_free(&user->inbox);
    sequence_free(&user->sent);
    size_t at = user_place(store, user->name);
    store->name_count--;
    memmove(store->names + at, store->names + at + 1, (store->name_count - at) * sizeof(*store->names));
    user->removed = true;
    return PH_OK;
}

void storage_user_remove(void *instance, struct ph_call *call)
{
    answer_each(instance, call, user_remove_one);
}
