// SPDX-License-Identifier: Apache-2.0
//
// The answers of answer.h. Whatever a mock gives out is a copy: what it keeps may change or go while the receiver
// still reads, and the instance itself may be closed before.
#include "plugins/mock/answer.h"

#include <string.h>

void answer_each(void *instance, struct ph_call *call, answer_f *one)
{
    for (size_t i = 0; i < call->count; i++)
        call->results[i]->outcome = (uint32_t)one(instance, call, i);
    call->host->complete(call);
}

enum ph_outcome answer_text(struct ph_call *call, size_t index, enum ph_outcome outcome, const char *text)
{
    call->results[index]->text = text;
    return outcome;
}

bool answer_copy(struct ph_call *call, struct ph_text text, struct ph_text *copy_r)
{
    char *copy = call->host->alloc(call, text.length + 1);
    if (!copy)
        return false;
    if (text.length)
        memcpy(copy, text.bytes, text.length);
    copy_r->bytes = copy;
    copy_r->length = text.length;
    return true;
}
