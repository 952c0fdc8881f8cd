// SPDX-License-Identifier: Apache-2.0
//
// See request.h.
#include "plugins/queue-sqs/request.h"

#include "core/utf8.h"
#include "core/uuid.h"

void request_job(struct buffer *text, const struct ph_job *job)
{
    char id[UUID_TEXT_SIZE];
    struct uuid uuid;
    memcpy(uuid.bytes, job->id.bytes, sizeof uuid.bytes);
    uuid_format(&uuid, id);
    buffer_text(text, "{\"id\":");
    buffer_json_string(text, id, UUID_TEXT_LENGTH);
    // A trace is for people who look for a cause: a job goes without one rather than not at all.
    if (job->trace.length > 0 && job->trace.length <= SQS_JOB_MAX / 8 &&
        utf8_valid(job->trace.bytes, job->trace.length)) {
        buffer_text(text, ",\"trace\":");
        buffer_json_string(text, job->trace.bytes, job->trace.length);
    }
    buffer_byte(text, '}');
}

uint32_t request_seconds(uint32_t milliseconds, uint32_t limit)
{
    const uint32_t seconds = milliseconds / 1000 + (milliseconds % 1000 > 0 ? 1 : 0);
    return seconds < limit ? seconds : limit;
}

static void queue_url_begin(struct buffer *body, const char *queue_url)
{
    buffer_text(body, "{\"QueueUrl\":");
    buffer_json_string(body, queue_url, strlen(queue_url));
}

void request_batch_begin(struct buffer *body, const char *queue_url)
{
    queue_url_begin(body, queue_url);
    buffer_text(body, ",\"Entries\":[");
}

void request_batch_end(struct buffer *body)
{
    buffer_text(body, "]}");
}

static void entry_begin(struct buffer *body, size_t number)
{
    buffer_text(body, body->length > 0 && body->data[body->length - 1] == '}' ? ",{\"Id\":\"" : "{\"Id\":\"");
    buffer_unsigned(body, number);
    buffer_byte(body, '"');
}

void request_batch_send(struct buffer *body, size_t number, const struct ph_job *job, struct md5 *md5,
                        char md5_r[SQS_MD5_SIZE])
{
    struct buffer text;
    buffer_init(&text, SQS_JOB_MAX);
    request_job(&text, job);
    md5_hex(md5, text.data, text.length, md5_r);
    entry_begin(body, number);
    buffer_text(body, ",\"MessageBody\":");
    buffer_json_string(body, text.data, text.length);
    if (job->delay_ms > 0) {
        buffer_text(body, ",\"DelaySeconds\":");
        buffer_unsigned(body, request_seconds(job->delay_ms, SQS_DELAY_MAX_S));
    }
    buffer_byte(body, '}');
    buffer_free(&text);
}

void request_batch_refused_send(struct buffer *body, size_t number)
{
    entry_begin(body, number);
    buffer_printf(body, ",\"MessageBody\":\"a trial of the right to send\",\"DelaySeconds\":%d}", INT32_MAX);
}

static void entry_handle(struct buffer *body, size_t number, struct ph_text handle)
{
    entry_begin(body, number);
    buffer_text(body, ",\"ReceiptHandle\":");
    buffer_json_string(body, handle.bytes, handle.length);
}

void request_batch_remove(struct buffer *body, size_t number, struct ph_text handle)
{
    entry_handle(body, number, handle);
    buffer_byte(body, '}');
}

void request_batch_extend(struct buffer *body, size_t number, struct ph_text handle, uint32_t lease_s)
{
    entry_handle(body, number, handle);
    buffer_text(body, ",\"VisibilityTimeout\":");
    buffer_unsigned(body, lease_s);
    buffer_byte(body, '}');
}

void request_receive(struct buffer *body, const char *queue_url, uint32_t limit, uint32_t wait_s, uint32_t lease_s)
{
    queue_url_begin(body, queue_url);
    // The older of the two names for the same, which every emulator knows too.
    buffer_printf(body,
                  ",\"MaxNumberOfMessages\":%u,\"WaitTimeSeconds\":%u,\"VisibilityTimeout\":%u,"
                  "\"AttributeNames\":[\"ApproximateReceiveCount\"]}",
                  limit, wait_s, lease_s);
}

void request_attributes(struct buffer *body, const char *queue_url)
{
    queue_url_begin(body, queue_url);
    buffer_text(body, ",\"AttributeNames\":[\"ApproximateNumberOfMessages\",\"ApproximateNumberOfMessagesNotVisible\","
                      "\"ApproximateNumberOfMessagesDelayed\",\"RedrivePolicy\"]}");
}
