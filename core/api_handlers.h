// SPDX-License-Identifier: Apache-2.0
//
// The handlers of the API, one a route; see core/routes.c. Each answers its task exactly once, at once or later. The
// caller has checked who asks, the parameters' names and that the body is JSON.
#ifndef CORE_API_HANDLERS_H
#define CORE_API_HANDLERS_H

struct task;

// core/api_sessions.c
void api_session_create(struct task *task);
void api_session_show(struct task *task);
void api_session_end(struct task *task);

// core/api_users.c
void api_user_create(struct task *task);
void api_user_list(struct task *task);
void api_user_remove(struct task *task);
void api_user_password(struct task *task);

// core/api_messages.c
void api_message_send(struct task *task);
void api_message_list(struct task *task);
void api_message_show(struct task *task);

// core/api_batch.c
void api_message_batch(struct task *task);

// core/api_inbox.c
void api_inbox_list(struct task *task);
void api_inbox_ack(struct task *task);
void api_inbox_remove(struct task *task);

// core/api_admin.c
void api_admin_backends(struct task *task);
void api_admin_queue(struct task *task);
void api_admin_dead_letters(struct task *task);
void api_admin_redrive(struct task *task);

// core/api_health.c
void api_health_live(struct task *task);
void api_health_ready(struct task *task);
void api_health_metrics(struct task *task);

// core/api_openapi.c
void api_openapi_show(struct task *task);

#endif
