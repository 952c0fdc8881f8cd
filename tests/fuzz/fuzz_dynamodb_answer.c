// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes what reads DynamoDB's answers. An item that is handed over is marked sound only with a document and a time.
#include "plugins/meta-dynamodb/answer.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_left(void *context, const struct ph_id *id)
{
    uint8_t *sum = context;
    *sum ^= id->bytes[0];
}

static void on_item(void *context, const struct answer_item *item)
{
    uint8_t *sum = context;
    assert(item->document.bytes != NULL && item->expires_at >= 0);
    *sum ^= item->document.length > 0 ? (uint8_t)item->document.bytes[item->document.length - 1] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer_table table;
    uint8_t sum = 0;
    json_t *json = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    answer_puts(json, "t", on_left, &sum);
    answer_gets(json, "t", on_item, on_left, &sum);
    if (answer_table(json, &table)) {
        assert(strlen(table.status) < sizeof table.status);
    }
    json_decref(json);
    const size_t half = size / 2;
    answer_checksum((struct ph_text){(const char *)data, half},
                    (struct ph_text){(const char *)data + half, size - half});
    return 0;
}
