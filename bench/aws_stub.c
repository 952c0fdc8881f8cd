// SPDX-License-Identifier: Apache-2.0
//
// As much of SQS, DynamoDB and SNS as the daemon asks under load, each answer so many milliseconds after its request.
//
//     aws_stub PORT [DELAY_MS]        0: any port; it prints "listening on 127.0.0.1:PORT" and serves until SIGTERM
//
// It is there to be cheap, so that the daemon's own work is what a bench sees: it serves through posthouse's own HTTP layer,
// all delays and long polls are behind one timer of libevent, jobs are carried from SendMessageBatch to ReceiveMessage,
// documents and alerts are counted and dropped unread, signatures are not looked at, leases never end by themselves.
// tests/cloud/stub.py is the careful one. Requests read are printed at the end, by operation.
#include "bench/aws_jobs.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/http_server.h"
#include "core/timers.h"
#include "core/xalloc.h"
#include "plugins/aws/tree.h"

#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define ENTRIES_MAX 10
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)
#define CRC32_OF_UNPROCESSED "4185382651" // of the body of BatchWriteItem's answer below

struct stub {
    struct event_base *base;
    struct http_server *http;
    struct timers *timers;
    struct jobs *jobs;
    struct buffer text; // of the answer that is being written
    uint64_t delay_ns;
    TAILQ_HEAD(, asked) polls; // the oldest first
    SLIST_HEAD(, asked) spare; // answered
    SLIST_HEAD(, asked) all;
};

// A request until its answer; kept for another one then.
struct asked {
    struct stub *stub;
    struct http_request *request;
    const struct operation *operation;
    struct timer timer; // the delay, then the long poll
    int limit;          // of ReceiveMessage
    TAILQ_ENTRY(asked) next_poll;
    SLIST_ENTRY(asked) next_spare;
    SLIST_ENTRY(asked) next_of_all;
};

struct operation {
    const char *target;
    void (*run)(struct asked *asked, const struct aws_node *body);
    bool reads; // the body; NULL is passed else
};

static struct asked *of_timer(struct timer *timer)
{
    return (struct asked *)((char *)timer - offsetof(struct asked, timer));
}

// --- Answers -----------------------------------------------------------------------------------------------

static const struct http_header json_headers[] = {{"Content-Type", "application/x-amz-json-1.0"},
                                                  {"x-amz-crc32", CRC32_OF_UNPROCESSED}};
static const struct http_header xml_header = {"Content-Type", "text/xml"};

static void asked_answer(struct asked *asked, int status, const struct http_header *headers, size_t header_count,
                         const char *text, size_t length)
{
    struct http_request *request = asked->request;
    SLIST_INSERT_HEAD(&asked->stub->spare, asked, next_spare);
    http_respond(request, status, headers, header_count, text, length);
}

static void asked_answer_json(struct asked *asked, int status, const char *text)
{
    asked_answer(asked, status, json_headers, 1, text, strlen(text));
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
    asked_answer(asked, 200, json_headers, 1, text->data, text->length);
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

static const struct aws_node *first_entry(const struct aws_node *body)
{
    return aws_node_first(aws_node_member(body, "Entries"));
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
        TAILQ_REMOVE(&stub->polls, asked, next_poll);
        timers_clear(stub->timers, &asked->timer);
        receive_answer(asked);
    }
}

static void run_send(struct asked *asked, const struct aws_node *body)
{
    struct stub *stub = asked->stub;
    struct buffer *text = answer_begin(asked, "{\"Successful\":[");
    for (const struct aws_node *entry = first_entry(body); entry != NULL; entry = entry->next) {
        const char *message = text_of(entry, "MessageBody");
        const struct job *job = jobs_put(stub->jobs, message, strlen(message));
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
    const struct job *job;
    for (int i = 0; i < asked->limit && i < ENTRIES_MAX && (job = jobs_take(asked->stub->jobs)) != NULL; i++) {
        write_number(text, i > 0 ? ",{\"MessageId\":\"m" : "{\"MessageId\":\"m", job->number);
        buffer_text(text, ",\"ReceiptHandle\":\"");
        job_write_receipt(job, text);
        buffer_text(text, "\",\"MD5OfBody\":\"");
        buffer_text(text, job->md5);
        buffer_text(text, "\",\"Body\":");
        buffer_append(text, job->escaped.data, job->escaped.length);
        write_number(text, ",\"Attributes\":{\"ApproximateReceiveCount\":\"", job->receives);
        buffer_text(text, "}}");
    }
    answer_end(asked, "]}");
}

static void on_poll_end(struct timer *timer)
{
    struct asked *asked = of_timer(timer);
    TAILQ_REMOVE(&asked->stub->polls, asked, next_poll);
    receive_answer(asked);
}

static void run_receive(struct asked *asked, const struct aws_node *body)
{
    struct stub *stub = asked->stub;
    const int wait = number_of(body, "WaitTimeSeconds", 0);
    asked->limit = number_of(body, "MaxNumberOfMessages", 1);
    if (jobs_waiting(stub->jobs) > 0 || wait <= 0) {
        receive_answer(asked);
        return;
    }
    TAILQ_INSERT_TAIL(&stub->polls, asked, next_poll);
    asked->timer.expired = on_poll_end;
    timers_set(stub->timers, &asked->timer, clock_monotonic_ns(clock_system()) + (uint64_t)wait * NS_PER_SECOND);
}

static void run_removal(struct asked *asked, const struct aws_node *body, bool back)
{
    struct stub *stub = asked->stub;
    struct buffer *text = answer_begin(asked, "{\"Successful\":[");
    for (const struct aws_node *entry = first_entry(body); entry != NULL; entry = entry->next) {
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

static void run_remove(struct asked *asked, const struct aws_node *body)
{
    run_removal(asked, body, false);
}

static void run_change(struct asked *asked, const struct aws_node *body)
{
    run_removal(asked, body, true);
}

static void run_attributes(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    struct buffer *text = answer_begin(asked, "{\"Attributes\":{");
    write_number(text, "\"ApproximateNumberOfMessages\":\"", jobs_waiting(asked->stub->jobs));
    write_number(text, ",\"ApproximateNumberOfMessagesNotVisible\":\"", jobs_taken(asked->stub->jobs));
    answer_end(asked,
               ",\"ApproximateNumberOfMessagesDelayed\":\"0\","
               "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:eu-west-1:123456789012:dead\\\","
               "\\\"maxReceiveCount\\\":1000}\"}}");
}

// --- DynamoDB and SNS --------------------------------------------------------------------------------------

static void run_put(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    static const char text[] = "{\"UnprocessedItems\":{}}";
    asked_answer(asked, 200, json_headers, 2, text, sizeof text - 1);
}

static void run_get(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    asked_answer_json(asked, 200, "{\"Responses\":{},\"UnprocessedKeys\":{}}");
}

static void run_describe(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    asked_answer_json(
        asked, 200,
        "{\"Table\":{\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"
        "\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"S\"}]}}");
}

static void run_describe_ttl(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    asked_answer_json(asked, 200,
                      "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\",\"AttributeName\":\"ttl\"}}");
}

static void run_topic(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    static const char text[] =
        "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes/></GetTopicAttributesResult>"
        "</GetTopicAttributesResponse>";
    asked_answer(asked, 200, &xml_header, 1, text, sizeof text - 1);
}

static void run_unknown(struct asked *asked, const struct aws_node *body)
{
    (void)body;
    asked_answer_json(asked, 400, "{\"__type\":\"UnknownOperationException\",\"message\":\"not in this stub\"}");
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

static const struct operation *operation_of(struct http_request *request)
{
    const char *target = http_header(request, "X-Amz-Target");
    size_t at = 0;
    while (operations[at].target != NULL && strcmp(operations[at].target, target != NULL ? target : "") != 0) {
        at++;
    }
    counts[at]++;
    return &operations[at];
}

static void asked_run(struct asked *asked)
{
    struct aws_tree *tree = NULL;
    if (asked->operation->reads) {
        tree = aws_tree_read(http_body(asked->request), http_body_length(asked->request));
    }
    asked->operation->run(asked, aws_tree_root(tree));
    aws_tree_free(tree);
}

static void on_delay_end(struct timer *timer)
{
    asked_run(of_timer(timer));
}

static struct asked *asked_new(struct stub *stub)
{
    struct asked *asked = SLIST_FIRST(&stub->spare);
    if (asked != NULL) {
        SLIST_REMOVE_HEAD(&stub->spare, next_spare);
    } else {
        asked = xcalloc(1, sizeof *asked);
        asked->stub = stub;
        SLIST_INSERT_HEAD(&stub->all, asked, next_of_all);
    }
    return asked;
}

static void on_request(void *context, struct http_request *request)
{
    struct stub *stub = context;
    struct asked *asked = asked_new(stub);
    asked->request = request;
    asked->operation = operation_of(request);
    if (stub->delay_ns == 0) {
        asked_run(asked);
    } else {
        asked->timer.expired = on_delay_end;
        timers_set(stub->timers, &asked->timer, clock_monotonic_ns(clock_system()) + stub->delay_ns);
    }
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    event_base_loopbreak(context);
}

// --- The program -------------------------------------------------------------------------------------------

static bool stub_listen(struct stub *stub, const char *port)
{
    char address[32], error[200];
    const char *const listen = address;
    struct http_server_config config = {
        .listen = &listen, .listen_count = 1, .base = stub->base, .on_request = on_request, .context = stub};
    snprintf(address, sizeof address, "127.0.0.1:%s", port);
    http_limits_default(&config.limits);
    config.limits.body_max = (size_t)16 << 20;
    config.limits.intake_max = (size_t)1 << 30;
    if (http_server_create(&config, &stub->http, error, sizeof error) != HTTP_SERVER_OK ||
        http_server_start(stub->http, error, sizeof error) != HTTP_SERVER_OK) {
        fprintf(stderr, "aws_stub: %s\n", error);
        return false;
    }
    printf("listening on %s\n", http_server_address(stub->http, 0));
    return fflush(stdout) == 0;
}

static void serve(struct event_base *base)
{
    struct event *ends[] = {evsignal_new(base, SIGTERM, on_signal, base), evsignal_new(base, SIGINT, on_signal, base)};
    evsignal_add(ends[0], NULL);
    evsignal_add(ends[1], NULL);
    event_base_dispatch(base);
    event_free(ends[0]);
    event_free(ends[1]);
}

static void print_counts(void)
{
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i] > 0) {
            printf("%llu %s\n", counts[i], operations[i].target != NULL ? operations[i].target : "unknown");
        }
    }
}

static void stub_end(struct stub *stub)
{
    http_server_destroy(&stub->http);
    timers_free(stub->timers);
    struct asked *asked;
    while ((asked = SLIST_FIRST(&stub->all)) != NULL) {
        SLIST_REMOVE_HEAD(&stub->all, next_of_all);
        free(asked);
    }
    jobs_free(stub->jobs);
    buffer_free(&stub->text);
    event_base_free(stub->base);
}

int main(int argc, char **argv)
{
    struct stub stub = {.base = event_base_new()};
    const long delay_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 10;
    stub.delay_ns = delay_ms > 0 ? (uint64_t)delay_ms * NS_PER_MS : 0;
    stub.timers = timers_new(stub.base, clock_system());
    stub.jobs = jobs_new();
    buffer_init(&stub.text, SIZE_MAX);
    TAILQ_INIT(&stub.polls);
    SLIST_INIT(&stub.spare);
    SLIST_INIT(&stub.all);
    const bool listening = stub_listen(&stub, argc > 1 ? argv[1] : "0");
    if (listening) {
        serve(stub.base);
        print_counts();
    }
    stub_end(&stub);
    return listening ? EXIT_SUCCESS : EXIT_FAILURE;
}
