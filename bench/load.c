// SPDX-License-Identifier: Apache-2.0
//
// The bench's load: keeps CONNECTIONS keep-alive connections busy with posts for SECONDS and tells what came back, as one line
// of JSON. Closed loop: a connection sends its next request when the last one was answered, so the number of connections is
// the number of posts under way. The requests come whole, head and body, from standard input (no secret on the command
// line) and are sent in turn. The client is strict: an answer without Content-Length, with more bytes than it says, or
// with a closed connection is a failure, and the load ends with what it saw.
//
// usage: load PORT CONNECTIONS SECONDS <requests
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 10000,
    REQUESTS_MAX = 1024,
    INPUT_MAX = 1 << 20,
    ANSWER_MAX = 16384,
    SUB_BUCKETS = 64, // a bucket is at most 1/64 of its value wide
    BUCKETS = SUB_BUCKETS * 40,
    PATIENCE_MS = 10000,
};

struct request {
    const char *bytes;
    size_t length;
};

struct connection {
    int fd;
    bool busy;
    uint64_t sent_at;
    size_t have;
    char answer[ANSWER_MAX];
};

struct load {
    struct request requests[REQUESTS_MAX];
    size_t request_count;
    uint64_t next;
    uint64_t end;
    uint64_t answers;
    uint64_t accepted;
    uint64_t refused; // answers other than 202
    uint64_t failed;  // broken connections and answers
    unsigned last_refusal;
    size_t busy;
    int poll;
    uint64_t histogram[BUCKETS]; // microseconds
};

static char input[INPUT_MAX + 1];

static uint64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(2);
}

// ------------------------------------------------------------------------------------------ latencies

// Values below SUB_BUCKETS have their own bucket; above, each doubling has SUB_BUCKETS / 2 of them.
static size_t bucket_of(uint64_t value)
{
    unsigned shift = 0;
    while (value >> shift >= SUB_BUCKETS) {
        shift++;
    }
    const size_t bucket = shift * (SUB_BUCKETS / 2) + (size_t)(value >> shift);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t bucket_value(size_t bucket)
{
    if (bucket < SUB_BUCKETS) {
        return bucket;
    }
    const size_t shift = bucket / (SUB_BUCKETS / 2) - 1;
    return (uint64_t)(bucket - shift * (SUB_BUCKETS / 2)) << shift;
}

// The latency that `share` of the answers did not exceed, in milliseconds.
static double quantile(const struct load *load, double share)
{
    const double wanted = share * (double)load->answers;
    uint64_t seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += load->histogram[i];
        if (load->histogram[i] > 0 && (double)seen >= wanted) {
            return (double)bucket_value(i) / 1000.0;
        }
    }
    return 0;
}

// ------------------------------------------------------------------------------------------ requests and answers

// The value of Content-Length in the head that ends at `end`, or -1.
static long content_length(const char *head, const char *end)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *field = strcasestr(head, name);
    if (field == NULL || field >= end) {
        return -1;
    }
    char *stop;
    errno = 0;
    const long length = strtol(field + sizeof name - 1, &stop, 10);
    return errno == 0 && length >= 0 && *stop == '\r' ? length : -1;
}

static void read_requests(struct load *load)
{
    const size_t have = fread(input, 1, INPUT_MAX, stdin);
    input[have] = '\0';
    for (size_t at = 0; at < have;) {
        const char *end = strstr(input + at, "\r\n\r\n");
        const long body = end == NULL ? -1 : content_length(input + at, end);
        if (body < 0 || body > INPUT_MAX || load->request_count == REQUESTS_MAX) {
            die("standard input must hold up to 1024 whole requests with Content-Length");
        }
        const size_t length = (size_t)(end + 4 - (input + at)) + (size_t)body;
        if (at + length > have) {
            die("the last request on standard input is cut");
        }
        load->requests[load->request_count++] = (struct request){.bytes = input + at, .length = length};
        at += length;
    }
    if (load->request_count == 0) {
        die("no request on standard input");
    }
}

static bool send_next(struct load *load, struct connection *connection)
{
    const struct request *request = &load->requests[load->next++ % load->request_count];
    connection->have = 0;
    connection->sent_at = now_us();
    // A request is small and the connection idle: what does not fit into the socket's buffer is a failure.
    return send(connection->fd, request->bytes, request->length, MSG_NOSIGNAL) == (ssize_t)request->length;
}

static void give_up(struct load *load, struct connection *connection)
{
    load->failed++;
    if (connection->busy) {
        connection->busy = false;
        load->busy--;
    }
    close(connection->fd);
    connection->fd = -1;
}

// 1: the answer is whole, 0: more must come, -1: it is broken.
static int answer_state(struct connection *connection, unsigned *status_r)
{
    static const char version[] = "HTTP/1.1 ";
    connection->answer[connection->have] = '\0';
    const char *end = strstr(connection->answer, "\r\n\r\n");
    if (end == NULL) {
        return connection->have < ANSWER_MAX - 1 ? 0 : -1;
    }
    const long body = content_length(connection->answer, end);
    if (body < 0 || strncmp(connection->answer, version, sizeof version - 1) != 0) {
        return -1;
    }
    *status_r = (unsigned)strtoul(connection->answer + sizeof version - 1, NULL, 10);
    const size_t whole = (size_t)(end + 4 - connection->answer) + (size_t)body;
    if (connection->have == whole) {
        return 1;
    }
    return connection->have < whole && whole < ANSWER_MAX ? 0 : -1;
}

static void count_answer(struct load *load, const struct connection *connection, unsigned status, uint64_t now)
{
    load->answers++;
    load->histogram[bucket_of(now - connection->sent_at)]++;
    if (status == 202) {
        load->accepted++;
    } else {
        load->refused++;
        load->last_refusal = status;
    }
}

static void on_readable(struct load *load, struct connection *connection)
{
    unsigned status = 0;
    const ssize_t got =
        recv(connection->fd, connection->answer + connection->have, ANSWER_MAX - 1 - connection->have, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0 || !connection->busy) {
        give_up(load, connection);
        return;
    }
    connection->have += (size_t)got;
    const int state = answer_state(connection, &status);
    if (state < 0) {
        give_up(load, connection);
    }
    if (state <= 0) {
        return;
    }
    const uint64_t now = now_us();
    count_answer(load, connection, status, now);
    if (now >= load->end) {
        connection->busy = false;
        load->busy--;
    } else if (!send_next(load, connection)) {
        give_up(load, connection);
    }
}

// ------------------------------------------------------------------------------------------ the run

static void open_connection(struct load *load, struct connection *connection, unsigned port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        die("cannot connect");
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(load->poll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        die("cannot watch a connection");
    }
}

static void run(struct load *load)
{
    struct epoll_event events[256];
    while (load->busy > 0) {
        const int count = epoll_wait(load->poll, events, 256, PATIENCE_MS);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) { // nothing was answered for that long
            load->failed += load->busy;
            return;
        }
        for (int i = 0; i < count; i++) {
            on_readable(load, events[i].data.ptr);
        }
    }
}

static void tell(const struct load *load, double seconds)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    const double processor = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"seconds\": %.3f, \"accepted\": %llu, \"refused\": %llu, \"last_refusal\": %u, \"failed\": %llu, "
           "\"rate\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, \"cpu_seconds\": %.3f}\n",
           seconds, (unsigned long long)load->accepted, (unsigned long long)load->refused, load->last_refusal,
           (unsigned long long)load->failed, (double)load->accepted / seconds, quantile(load, 0.5),
           quantile(load, 0.99), quantile(load, 1), processor);
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 4) {
        die("usage: load PORT CONNECTIONS SECONDS <requests");
    }
    const unsigned port = (unsigned)strtoul(argv[1], NULL, 10);
    const size_t count = strtoul(argv[2], NULL, 10);
    const double seconds = strtod(argv[3], NULL);
    if (port == 0 || port > 65535 || count == 0 || count > CONNECTIONS_MAX || !(seconds > 0 && seconds < 3600)) {
        die("usage: load PORT CONNECTIONS SECONDS <requests");
    }
    read_requests(&load);
    struct connection *connections = calloc(count, sizeof *connections);
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    if (connections == NULL || load.poll < 0) {
        die("no memory or descriptors");
    }
    for (size_t i = 0; i < count; i++) {
        open_connection(&load, &connections[i], port);
    }
    const uint64_t start = now_us();
    load.end = start + (uint64_t)(seconds * 1e6);
    for (size_t i = 0; i < count; i++) {
        connections[i].busy = true;
        load.busy++;
        if (!send_next(&load, &connections[i])) {
            give_up(&load, &connections[i]);
        }
    }
    run(&load);
    tell(&load, (double)(now_us() - start) / 1e6);
    free(connections);
    return load.failed == 0 ? 0 : 1;
}
