// SPDX-License-Identifier: Apache-2.0
//
// See answer.h.
#include "plugins/meta-dynamodb/answer.h"

#include "core/uuid.h"
#include <stdio.h>
#include <string.h>

#define NUMBER_DIGITS 18u

// A string member, or NULL.
static const json_t *string_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? value : NULL;
}

static bool is_text(const json_t *object, const char *name, const char *text)
{
    const json_t *value = string_of(object, name);
    return value != NULL && strcmp(json_string_value(value), text) == 0;
}

static bool read_id(const json_t *item, struct ph_id *id_r)
{
    const json_t *text = string_of(json_object_get(item, "id"), "S");
    struct uuid uuid;
    if (text == NULL || !uuid_parse(json_string_value(text), json_string_length(text), &uuid)) {
        return false;
    }
    memcpy(id_r->bytes, uuid.bytes, sizeof id_r->bytes);
    return true;
}

// A whole number of DynamoDB, which comes as text. What is not there is 0.
static bool read_number(const json_t *attribute, int64_t *number_r)
{
    const json_t *value = string_of(attribute, "N");
    *number_r = 0;
    if (attribute == NULL) {
        return true;
    }
    const char *digits = value != NULL ? json_string_value(value) : "";
    const size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (digits[i] < '0' || digits[i] > '9' || i >= NUMBER_DIGITS) {
            return false;
        }
        *number_r = *number_r * 10 + (digits[i] - '0');
    }
    return length > 0;
}

static bool object_or_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) || json_is_object(value);
}

bool answer_puts(const json_t *json, const char *table, answer_left_f *left, void *context)
{
    const json_t *unprocessed = json_object_get(json, "UnprocessedItems");
    size_t index;
    json_t *request;
    struct ph_id id;
    if (!json_is_object(json) || !object_or_nothing(unprocessed)) {
        return false;
    }
    json_array_foreach(json_object_get(unprocessed, table), index, request)
    {
        if (read_id(json_object_get(json_object_get(request, "PutRequest"), "Item"), &id)) {
            left(context, &id);
        }
    }
    return true;
}

static void read_item(const json_t *value, answer_item_f *give, void *context)
{
    struct answer_item item = {.document = {"", 0}};
    const json_t *document = string_of(json_object_get(value, "document"), "S");
    if (!read_id(value, &item.id)) {
        return;
    }
    item.sound = document != NULL && read_number(json_object_get(value, "expires_at"), &item.expires_at);
    if (document != NULL) {
        item.document = (struct ph_text){json_string_value(document), json_string_length(document)};
    }
    give(context, &item);
}

bool answer_gets(const json_t *json, const char *table, answer_item_f *item, answer_left_f *left, void *context)
{
    const json_t *responses = json_object_get(json, "Responses");
    const json_t *unprocessed = json_object_get(json, "UnprocessedKeys");
    size_t index;
    json_t *value;
    struct ph_id id;
    if (!json_is_object(responses) || !object_or_nothing(unprocessed)) {
        return false;
    }
    json_array_foreach(json_object_get(responses, table), index, value)
    {
        read_item(value, item, context);
    }
    json_array_foreach(json_object_get(json_object_get(unprocessed, table), "Keys"), index, value)
    {
        if (read_id(value, &id)) {
            left(context, &id);
        }
    }
    return true;
}

bool answer_table(const json_t *json, struct answer_table *table_r)
{
    const json_t *table = json_object_get(json, "Table");
    const json_t *status = string_of(table, "TableStatus");
    const json_t *keys = json_object_get(table, "KeySchema");
    const json_t *key = json_array_get(keys, 0);
    size_t index;
    json_t *attribute;
    if (status == NULL) {
        return false;
    }
    snprintf(table_r->status, sizeof table_r->status, "%s", json_string_value(status));
    table_r->fits = false;
    json_array_foreach(json_object_get(table, "AttributeDefinitions"), index, attribute)
    {
        table_r->fits = table_r->fits ||
                        (is_text(attribute, "AttributeName", "id") && is_text(attribute, "AttributeType", "S"));
    }
    table_r->fits = table_r->fits && json_array_size(keys) == 1 && is_text(key, "AttributeName", "id") &&
                    is_text(key, "KeyType", "HASH");
    return true;
}

// --- The checksum ------------------------------------------------------------------------------------------

// CRC-32 as IEEE 802.3 has it, four bits at a time.
static uint32_t crc_of(struct ph_text text)
{
    static const uint32_t steps[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < text.length; i++) {
        crc ^= (unsigned char)text.bytes[i];
        crc = crc >> 4 ^ steps[crc & 15];
        crc = crc >> 4 ^ steps[crc & 15];
    }
    return ~crc;
}

bool answer_checksum(struct ph_text body, struct ph_text header)
{
    uint64_t told = 0;
    if (header.length == 0) {
        return true; // some emulators send none
    }
    for (size_t i = 0; i < header.length; i++) {
        if (header.bytes[i] < '0' || header.bytes[i] > '9' || told > UINT32_MAX) {
            return false;
        }
        told = told * 10 + (uint64_t)(header.bytes[i] - '0');
    }
    return told == crc_of(body);
}
