// SPDX-License-Identifier: Apache-2.0
//
// See api_password.h.
#include "core/api_password.h"

#include <string.h>

#include "core/api_task.h"

#define PLAIN "plain:"

static void check_work(struct exchange_call *call)
{
    struct api_password *password = call->context;
    const size_t plain = strlen(PLAIN);
    if (password->unknown) {
        password_dummy(&password_cost_default, password->stored);
    }
    if (password->plain_allowed && strncmp(password->stored, PLAIN, plain) == 0) {
        password->good = strlen(password->stored + plain) == password->length &&
                         hash_equal(password->stored + plain, password->password, password->length);
        return;
    }
    password->good = password_verify(password->password, password->length, password->stored) == PASSWORD_RIGHT &&
                     !password->unknown;
}

static void hash_work(struct exchange_call *call)
{
    struct api_password *password = call->context;
    password->good = password_make(password->password, password->length, &password_cost_default, password->stored);
}

static void work_done(struct task *task, struct api_call *call)
{
    struct api_password *password = call->call.context;
    api_work_end(task->api);
    if (call->call.outcome != PH_OK) {
        task_failed(task, &call->call, "The password could not be checked");
        return;
    }
    password->next(task, password);
}

static void work_start(struct task *task, struct api_password *password, void (*work)(struct exchange_call *call),
                       void (*next)(struct task *task, struct api_password *password))
{
    if (!api_work_begin(task->api)) {
        task_retry_after(task, 503, "overloaded", 1, "Too many passwords are being checked. Try again.");
        return;
    }
    struct api_call *call = task_call(task, EXCHANGE_WORK, 0, NULL);
    password->next = next;
    call->call.context = password;
    call->call.work = work;
    task_submit(call, work_done);
}

void api_password_check(struct task *task, struct api_password *password,
                        void (*next)(struct task *task, struct api_password *password))
{
    password->plain_allowed = api_settings(task->api)->plain_passwords;
    work_start(task, password, check_work, next);
}

void api_password_hash(struct task *task, struct api_password *password,
                       void (*next)(struct task *task, struct api_password *password))
{
    work_start(task, password, hash_work, next);
}
