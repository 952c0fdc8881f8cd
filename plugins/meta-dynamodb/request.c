// SPDX-License-Identifier: Apache-2.0
//
// See request.h.
#include "plugins/meta-dynamodb/request.h"

#include "core/utf8.h"
#include "core/uuid.h"

// Names of attributes, the id, two numbers, and what stands around them, with room to spare.
#define ENVELOPE 512u
#define SENDER_MAX 1024u
// A full request of documents up to this size is below all limits however many of their bytes are escaped, so that these need
// not be counted.
#define SMALL ((size_t)12 << 10)
#define ESCAPED 6u
#define MILLISECONDS 1000
// The key of an item that cannot be there.
#define NOTHING "{\"id\":{\"S\":\"an id that no message has\"}}"

static const char *status_name(uint32_t status)
{
    static const char *const names[] = {"accepted", "delivered", "expired", "dead", "failed"};
    return status < sizeof names / sizeof names[0] ? names[status] : "unknown";
}

const char *request_obstacle(const struct ph_document *document)
{
    if (!utf8_valid(document->json.bytes, document->json.length) ||
        memchr(document->json.bytes, 0, document->json.length) != NULL) {
        return "the document is not sound UTF-8";
    }
    if (document->sender.length > SENDER_MAX || !utf8_valid(document->sender.bytes, document->sender.length)) {
        return "the sender's name is too long or not sound UTF-8";
    }
    if (document->json.length + document->sender.length + ENVELOPE > DYNAMODB_ITEM_MAX) {
        return "the document is larger than an item of DynamoDB may be (400 KB)";
    }
    return NULL;
}

size_t request_put_size(const struct ph_document *document)
{
    const size_t length = document->json.length + document->sender.length;
    if (length <= SMALL) {
        return ENVELOPE + ESCAPED * length;
    }
    return buffer_json_string_size(document->json.bytes, document->json.length) +
           buffer_json_string_size(document->sender.bytes, document->sender.length) + ENVELOPE;
}

static void write_id(struct buffer *body, const struct ph_id *id)
{
    char text[UUID_TEXT_SIZE];
    struct uuid uuid;
    memcpy(uuid.bytes, id->bytes, sizeof uuid.bytes);
    uuid_format(&uuid, text);
    buffer_text(body, "{\"id\":{\"S\":\"");
    buffer_append(body, text, UUID_TEXT_LENGTH);
    buffer_text(body, "\"}");
}

static void write_name(struct buffer *body, const char *name)
{
    buffer_text(body, ",\"");
    buffer_text(body, name);
    buffer_text(body, "\":");
}

static void write_text(struct buffer *body, const char *name, const char *bytes, size_t length)
{
    write_name(body, name);
    buffer_text(body, "{\"S\":");
    buffer_json_string(body, bytes, length);
    buffer_byte(body, '}');
}

static void write_number(struct buffer *body, const char *name, int64_t number)
{
    write_name(body, name);
    buffer_text(body, "{\"N\":\"");
    buffer_signed(body, number);
    buffer_text(body, "\"}");
}

static void write_comma(struct buffer *body)
{
    if (body->length > 0 && body->data[body->length - 1] != '[') {
        buffer_byte(body, ',');
    }
}

static void table_begin(struct buffer *body, const char *table)
{
    buffer_text(body, "{\"RequestItems\":{");
    buffer_json_string(body, table, strlen(table));
}

void request_puts_begin(struct buffer *body, const char *table)
{
    table_begin(body, table);
    buffer_text(body, ":[");
}

void request_puts_end(struct buffer *body)
{
    buffer_text(body, "]}}");
}

void request_put(struct buffer *body, const struct ph_document *document)
{
    const char *status = status_name(document->status);
    const int64_t expires_at = document->expires_at;
    write_comma(body);
    buffer_text(body, "{\"PutRequest\":{\"Item\":");
    write_id(body, &document->id);
    write_text(body, "document", document->json.bytes, document->json.length);
    write_text(body, "sender", document->sender.bytes, document->sender.length);
    write_text(body, "status", status, strlen(status));
    if (expires_at != 0) {
        write_number(body, "expires_at", expires_at);
        write_number(body, "ttl", expires_at / MILLISECONDS + (expires_at % MILLISECONDS > 0 ? 1 : 0));
    }
    buffer_text(body, "}}}");
}

void request_remove_nothing(struct buffer *body)
{
    buffer_text(body, "{\"DeleteRequest\":{\"Key\":" NOTHING "}}");
}

void request_gets_begin(struct buffer *body, const char *table)
{
    table_begin(body, table);
    buffer_text(body, ":{\"Keys\":[");
}

void request_gets_end(struct buffer *body, bool consistent)
{
    buffer_printf(body, "],\"ConsistentRead\":%s}}}", consistent ? "true" : "false");
}

void request_get(struct buffer *body, const struct ph_id *id)
{
    write_comma(body);
    write_id(body, id);
    buffer_byte(body, '}');
}

void request_get_nothing(struct buffer *body)
{
    buffer_text(body, NOTHING);
}

void request_table(struct buffer *body, const char *table)
{
    buffer_text(body, "{\"TableName\":");
    buffer_json_string(body, table, strlen(table));
    buffer_byte(body, '}');
}
