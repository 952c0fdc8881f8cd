// SPDX-License-Identifier: Apache-2.0
//
// As much of SQS, DynamoDB and SNS as the daemon asks under load, each answer so many milliseconds after its request.
//
//     aws_stub PORT [DELAY_MS]        0: any port; it prints "listening on 127.0.0.1:PORT" and serves until SIGTERM
//
// It is there to be cheap, so that the daemon's own work is what a bench sees: jobs are carried from SendMessageBatch to
// ReceiveMessage, documents and alerts are counted and dropped unread, signatures are not looked at, leases never end by
// themselves. tests/cloud/stub.py is the careful one. Requests read are printed at the end, by operation.
#include "bench/aws_jobs.h"
#include "core/buffer.h"
#include "plugins/aws/tree.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define ENTRIES_MAX 10
#define TARGET_MAX 80
#define JSON_TYPE "application/x-amz-json-1.0"
#define CRC32_OF_UNPROCESSED "4185382651" // of the body of BatchWriteItem's answer below

struct asked {
    struct stub *stub;
    struct evhttp_request *request;
    struct aws_tree *body; // NULL where it is not looked at
    const struct operation *operation;
    struct event *timer; // the delay, then the long poll
    bool polling;
    TAILQ_ENTRY(asked) next; // among those that poll
};

struct stub {
    struct event_base *base;
    struct evhttp *http;
    struct jobs *jobs;
    struct buffer text; // of the answer that is being written
    struct timeval delay;
    TAILQ_HEAD(, asked) polls;
};

struct operation {
    const char *target;
    void (*run)(struct asked *asked);
    bool reads; // the body
};

// --- Answers -----------------------------------------------------------------------------------------------

static void asked_end(struct asked *asked)
{
    if (asked->polling) {
        TAILQ_REMOVE(&asked->stub->polls, asked, next);
    }
    event_free(asked->timer);
    aws_tree_free(asked->body);
    free(asked);
}

static void asked_answer(struct asked *asked, int status, const char *type, const char *text, size_t length)
{
    struct evbuffer *body = evbuffer_new();
    evbuffer_add(body, text, length);
    evhttp_add_header(evhttp_request_get_output_headers(asked->request), "Content-Type", type);
    evhttp_send_reply(asked->request, status, status == 200 ? "OK" : "Bad Request", body);
    evbuffer_free(body);
    asked_end(asked);
}

static void asked_answer_text(struct asked *asked, int status, const char *type, const char *text)
{
    asked_answer(asked, status, type, text, strlen(text));
}

// The stub's one buffer, empty: an answer is written in one go.
static struct buffer *answer_begin(struct asked *asked, const char *first)
{
    struct buffer *text = &asked->stub->text;
    buffer_clear(text);
    buffer_text(text, first);
    return text;
}

static void answer_end(struct asked *asked, const char *last)
{
    struct buffer *text = &asked->stub->text;
    buffer_text(text, last);
    asked_answer(asked, 200, JSON_TYPE, text->data, text->length);
}

static const char *text_of(const struct aws_node *object, const char *name)
{
    const struct aws_node *value = aws_node_member(object, name);
    return aws_node_is(value, AWS_NODE_STRING) ? value->text : "";
}

static int number_of(const struct aws_node *object, const char *name, int missing)
{
    const struct aws_node *value = aws_node_member(object, name);
    return aws_node_is(value, AWS_NODE_NUMBER) ? (int)strtol(value->text, NULL, 10) : missing;
}

static const struct aws_node *first_entry(const struct asked *asked)
{
    return aws_node_first(aws_node_member(aws_tree_root(asked->body), "Entries"));
}

// {"Id":"…" of an entry, without the end.
static void write_id(struct buffer *text, const struct aws_node *entry)
{
    buffer_text(text, text->data[text->length - 1] == '[' ? "{\"Id\":\"" : ",{\"Id\":\"");
    buffer_text(text, text_of(entry, "Id"));
    buffer_byte(text, '"');
}

static void write_number(struct buffer *text, const char *before, uint64_t number)
{
    buffer_text(text, before);
    buffer_unsigned(text, number);
    buffer_byte(text, '"');
}

// --- SQS ---------------------------------------------------------------------------------------------------

static void receive_answer(struct asked *asked);

static void wake_polls(struct stub *stub)
{
    struct asked *asked;
    while (jobs_waiting(stub->jobs) > 0 && (asked = TAILQ_FIRST(&stub->polls)) != NULL) {
        receive_answer(asked);
    }
}

static void run_send(struct asked *asked)
{
    struct stub *stub = asked->stub;
    struct buffer *text = answer_begin(asked, "{\"Successful\":[");
    for (const struct aws_node *entry = first_entry(asked); entry != NULL; entry = entry->next) {
        const char *body = text_of(entry, "MessageBody");
        const struct job *job = jobs_put(stub->jobs, body, strlen(body));
        write_id(text, entry);
        write_number(text, ",\"MessageId\":\"m", job->number);
        buffer_text(text, ",\"MD5OfMessageBody\":\"");
        buffer_text(text, job->md5);
        buffer_text(text, "\"}");
    }
    answer_end(asked, "]}");
    wake_polls(stub);
}

static void receive_answer(struct asked *asked)
{
    struct buffer *text = answer_begin(asked, "{\"Messages\":[");
    const int limit = number_of(aws_tree_root(asked->body), "MaxNumberOfMessages", 1);
    char receipt[JOB_RECEIPT_SIZE];
    const struct job *job;
    for (int i = 0; i < limit && i < ENTRIES_MAX && (job = jobs_take(asked->stub->jobs, receipt)) != NULL; i++) {
        write_number(text, i > 0 ? ",{\"MessageId\":\"m" : "{\"MessageId\":\"m", job->number);
        buffer_text(text, ",\"ReceiptHandle\":\"");
        buffer_text(text, receipt);
        buffer_text(text, "\",\"MD5OfBody\":\"");
        buffer_text(text, job->md5);
        buffer_text(text, "\",\"Body\":");
        buffer_append(text, job->escaped, job->escaped_length);
        write_number(text, ",\"Attributes\":{\"ApproximateReceiveCount\":\"", job->receives);
        buffer_text(text, "}}");
    }
    answer_end(asked, "]}");
}

static void run_receive(struct asked *asked)
{
    const int wait = number_of(aws_tree_root(asked->body), "WaitTimeSeconds", 0);
    if (jobs_waiting(asked->stub->jobs) > 0 || wait <= 0 || asked->polling) {
        receive_answer(asked);
        return;
    }
    asked->polling = true;
    TAILQ_INSERT_TAIL(&asked->stub->polls, asked, next);
    evtimer_add(asked->timer, &(struct timeval){.tv_sec = wait});
}

static void run_removal(struct asked *asked, bool back)
{
    struct stub *stub = asked->stub;
    struct buffer *text = answer_begin(asked, "{\"Successful\":[");
    for (const struct aws_node *entry = first_entry(asked); entry != NULL; entry = entry->next) {
        if (!back) {
            jobs_remove(stub->jobs, text_of(entry, "ReceiptHandle"));
        } else if (number_of(entry, "VisibilityTimeout", 0) == 0) {
            jobs_give_back(stub->jobs, text_of(entry, "ReceiptHandle"));
        }
        write_id(text, entry);
        buffer_byte(text, '}');
    }
    answer_end(asked, "]}");
    wake_polls(stub);
}

static void run_remove(struct asked *asked)
{
    run_removal(asked, false);
}

static void run_change(struct asked *asked)
{
    run_removal(asked, true);
}

static void run_attributes(struct asked *asked)
{
    struct buffer *text = answer_begin(asked, "{\"Attributes\":{");
    write_number(text, "\"ApproximateNumberOfMessages\":\"", jobs_waiting(asked->stub->jobs));
    write_number(text, ",\"ApproximateNumberOfMessagesNotVisible\":\"", jobs_taken(asked->stub->jobs));
    answer_end(asked,
               ",\"ApproximateNumberOfMessagesDelayed\":\"0\","
               "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:eu-west-1:123456789012:dead\\\","
               "\\\"maxReceiveCount\\\":1000}\"}}");
}

// --- DynamoDB and SNS --------------------------------------------------------------------------------------

static void run_put(struct asked *asked)
{
    evhttp_add_header(evhttp_request_get_output_headers(asked->request), "x-amz-crc32", CRC32_OF_UNPROCESSED);
    asked_answer_text(asked, 200, JSON_TYPE, "{\"UnprocessedItems\":{}}");
}

static void run_get(struct asked *asked)
{
    asked_answer_text(asked, 200, JSON_TYPE, "{\"Responses\":{},\"UnprocessedKeys\":{}}");
}

static void run_describe(struct asked *asked)
{
    asked_answer_text(
        asked, 200, JSON_TYPE,
        "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"
        "\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"S\"}]}}");
}

static void run_describe_ttl(struct asked *asked)
{
    asked_answer_text(asked, 200, JSON_TYPE,
                      "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\",\"AttributeName\":\"ttl\"}}");
}

static void run_topic(struct asked *asked)
{
    asked_answer_text(asked, 200, "text/xml",
                      "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes/></GetTopicAttributesResult>"
                      "</GetTopicAttributesResponse>");
}

static void run_unknown(struct asked *asked)
{
    asked_answer_text(asked, 400, JSON_TYPE,
                      "{\"__type\":\"UnknownOperationException\",\"message\":\"not in this stub\"}");
}

// --- Requests ----------------------------------------------------------------------------------------------

static const struct operation operations[] = {
    {"AmazonSQS.SendMessageBatch", run_send, true},
    {"AmazonSQS.ReceiveMessage", run_receive, true},
    {"AmazonSQS.DeleteMessageBatch", run_remove, true},
    {"AmazonSQS.ChangeMessageVisibilityBatch", run_change, true},
    {"AmazonSQS.GetQueueAttributes", run_attributes, false},
    {"DynamoDB_20120810.BatchWriteItem", run_put, false},
    {"DynamoDB_20120810.BatchGetItem", run_get, false},
    {"DynamoDB_20120810.DescribeTable", run_describe, false},
    {"DynamoDB_20120810.DescribeTimeToLive", run_describe_ttl, false},
    {"", run_topic, false}, // SNS says what it wants in a form; only its attributes are asked here
    {NULL, run_unknown, false},
};
static unsigned long long counts[sizeof operations / sizeof *operations];

static const struct operation *operation_of(struct evhttp_request *request)
{
    const char *target = evhttp_find_header(evhttp_request_get_input_headers(request), "X-Amz-Target");
    size_t at = 0;
    while (operations[at].target != NULL && strcmp(operations[at].target, target != NULL ? target : "") != 0) {
        at++;
    }
    counts[at]++;
    return &operations[at];
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct asked *asked = context;
    asked->operation->run(asked);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct stub *stub = context;
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    const size_t length = evbuffer_get_length(input);
    struct asked *asked = calloc(1, sizeof *asked);
    asked->stub = stub;
    asked->request = request;
    asked->operation = operation_of(request);
    if (asked->operation->reads) {
        asked->body = aws_tree_read((const char *)evbuffer_pullup(input, -1), length);
    }
    asked->timer = evtimer_new(stub->base, on_time, asked);
    if (stub->delay.tv_sec == 0 && stub->delay.tv_usec == 0) {
        on_time(-1, 0, asked);
    } else {
        evtimer_add(asked->timer, event_base_init_common_timeout(stub->base, &stub->delay));
    }
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    event_base_loopbreak(context);
}

static bool stub_listen(struct stub *stub, const char *port)
{
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    struct evhttp_bound_socket *bound = NULL;
    if (*port != '\0' && *end == '\0' && number <= 65535) {
        bound = evhttp_bind_socket_with_handle(stub->http, "127.0.0.1", (uint16_t)number);
    }
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    if (bound == NULL || getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length) != 0) {
        fprintf(stderr, "aws_stub: cannot listen on 127.0.0.1:%s\n", port);
        return false;
    }
    printf("listening on 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    struct stub stub = {.base = event_base_new()};
    const long delay_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 10;
    stub.delay = (struct timeval){.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    stub.http = evhttp_new(stub.base);
    stub.jobs = jobs_new();
    buffer_init(&stub.text, SIZE_MAX);
    TAILQ_INIT(&stub.polls);
    evhttp_set_gencb(stub.http, on_request, &stub);
    evhttp_set_max_body_size(stub.http, (ev_ssize_t)16 << 20);
    if (!stub_listen(&stub, argc > 1 ? argv[1] : "0")) {
        return 1;
    }
    struct event *ends[] = {evsignal_new(stub.base, SIGTERM, on_signal, stub.base),
                            evsignal_new(stub.base, SIGINT, on_signal, stub.base)};
    evsignal_add(ends[0], NULL);
    evsignal_add(ends[1], NULL);
    event_base_dispatch(stub.base);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i] > 0) {
            printf("%llu %s\n", counts[i], operations[i].target != NULL ? operations[i].target : "unknown");
        }
    }
    event_free(ends[0]);
    event_free(ends[1]);
    jobs_free(stub.jobs);
    buffer_free(&stub.text);
    return 0;
}
