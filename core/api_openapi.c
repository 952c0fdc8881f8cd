// SPDX-License-Identifier: Apache-2.0
//
// GET /openapi.json: the contract of this API.
#include "core/api_handlers.h"
#include "core/api_task.h"
#include "core/openapi_document.h"

void api_openapi_show(struct task *task)
{
    task_answer_text(task, 200, openapi_document, openapi_document_length, NULL, 0);
}
