// SPDX-License-Identifier: Apache-2.0
//
// See receipt.h. Sixteen hexadecimal digits, a colon, the handle.
#include "plugins/queue-sqs/receipt.h"

#include "core/encode.h"
#include <string.h>

#define PREFIX (ENCODE_HEX_SIZE(sizeof(struct lease_reference)) - 1)

struct ph_text receipt_make(struct ph_call *call, struct lease_reference reference, struct ph_text handle)
{
    const size_t length = PREFIX + 1 + handle.length;
    char *text = call->host->alloc(call, length + 1);
    if (text == NULL) {
        return (struct ph_text){NULL, 0};
    }
    encode_hex(&reference, sizeof reference, text);
    text[PREFIX] = ':';
    memcpy(text + PREFIX + 1, handle.bytes, handle.length);
    return (struct ph_text){text, length};
}

bool receipt_read(struct ph_text receipt, struct lease_reference *reference_r, struct ph_text *handle_r)
{
    if (receipt.length <= PREFIX + 1 || receipt.bytes[PREFIX] != ':' ||
        !decode_hex(receipt.bytes, PREFIX, reference_r, sizeof *reference_r)) {
        return false;
    }
    *handle_r = (struct ph_text){receipt.bytes + PREFIX + 1, receipt.length - PREFIX - 1};
    return true;
}
