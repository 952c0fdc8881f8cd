// SPDX-License-Identifier: Apache-2.0
//
// Accepting, the table of connections, deadlines and the end of a drain, for one event_base.
#include "core/http_loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/http_connection.h"
#include "core/xalloc.h"

#define NS_PER_SECOND 1000000000
// Accepted in one turn, so that those who are connected get theirs.
#define ACCEPT_MAX 64
// Without a descriptor, the queue is looked at again after this time.
#define ACCEPT_AGAIN_US 100000
#define OUT_MAX 65536

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t http_loop_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

const char *http_loop_date(struct http_loop *loop)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != loop->date_second) {
        loop->date_second = now.tv_sec;
        http_date(now.tv_sec, loop->date);
    }
    return loop->date;
}

void http_loop_notice(struct http_loop *loop, const char *text)
{
    int64_t second = http_loop_now() / NS_PER_SECOND;
    if (second != loop->notice_second && loop->shared->on_notice != NULL) {
        loop->notice_second = second;
        loop->shared->on_notice(loop->shared->context, text);
    }
}

// ---- the table ----

static void grow(struct http_loop *loop)
{
    uint32_t capacity = loop->slot_capacity == 0 ? 64 : loop->slot_capacity * 2;
    loop->slots = xrealloc_array(loop->slots, capacity, sizeof(*loop->slots));
    loop->slot_capacity = capacity;
}

void http_loop_enlist(struct http_loop *loop, struct http_connection *connection)
{
    uint32_t index;
    if (loop->slot_free > 0) {
        index = loop->slot_free - 1;
        loop->slot_free = loop->slots[index].next_free;
    } else {
        if (loop->slot_count == loop->slot_capacity) {
            grow(loop);
        }
        index = loop->slot_count++;
        loop->slots[index].generation = 0;
    }
    loop->slots[index].connection = connection;
    connection->slot = index;
    http_count(&loop->counters.accepted, 1);
}

// Whether the last connection of a draining loop has gone.
static void check_drained(struct http_loop *loop)
{
    if (!loop->draining || loop->drained) {
        return;
    }
    for (uint32_t i = 0; i < loop->slot_count; i++) {
        if (loop->slots[i].connection != NULL) {
            return;
        }
    }
    loop->drained = true;
    loop->shared->on_drained(loop);
}

void http_loop_delist(struct http_loop *loop, struct http_connection *connection)
{
    struct http_slot *slot = &loop->slots[connection->slot];
    assert(slot->connection == connection);
    slot->connection = NULL;
    slot->generation++;
    slot->next_free = loop->slot_free;
    loop->slot_free = connection->slot + 1;
    atomic_fetch_sub_explicit(&loop->shared->open, 1, memory_order_relaxed);
    check_drained(loop);
}

uint64_t http_loop_handle(struct http_loop *loop, const struct http_connection *connection)
{
    uint32_t generation = ++loop->slots[connection->slot].generation;
    return (uint64_t)generation << 32 | (connection->slot + 1);
}

struct http_request *http_loop_find(const struct http_loop *loop, uint64_t handle)
{
    uint32_t index = (uint32_t)handle;
    if (index == 0 || index > loop->slot_count) {
        return NULL;
    }
    const struct http_slot *slot = &loop->slots[index - 1];
    if (slot->connection == NULL || slot->generation != (uint32_t)(handle >> 32)) {
        return NULL;
    }
    struct http_request *request = slot->connection->request;
    return request != NULL && request->handle == handle ? request : NULL;
}

// ---- deadlines ----

static void set_timer(struct http_loop *loop, int64_t deadline_ns)
{
    int64_t wait = deadline_ns - http_loop_now();
    wait = wait > 0 ? wait + 999 : 0; // rounded up: an early ring would find nothing
    struct timeval delay = {(time_t)(wait / NS_PER_SECOND), (suseconds_t)(wait % NS_PER_SECOND / 1000)};
    loop->timer_at = deadline_ns;
    evtimer_add(&loop->timer, &delay);
}

void http_loop_arm(struct http_loop *loop, int64_t deadline_ns)
{
    if (deadline_ns < loop->timer_at) {
        set_timer(loop, deadline_ns);
    }
}

static void expire(struct http_loop *loop, enum http_phase phase, int64_t now)
{
    struct http_connection *first;
    while ((first = TAILQ_FIRST(&loop->phases[phase])) != NULL && first->deadline_ns <= now) {
        http_connection_expire(first); // leaves the phase
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct http_loop *loop = context;
    assert(loop->magic == HTTP_LOOP_MAGIC);
    (void)fd;
    (void)what;
    loop->timer_at = INT64_MAX;
    int64_t now = http_loop_now();
    int64_t next = INT64_MAX;
    for (int phase = 0; phase < HTTP_PHASE_TIMED; phase++) {
        expire(loop, (enum http_phase)phase, now);
    }
    for (int phase = 0; phase < HTTP_PHASE_TIMED; phase++) {
        struct http_connection *first = TAILQ_FIRST(&loop->phases[phase]);
        if (first != NULL && first->deadline_ns < next) {
            next = first->deadline_ns;
        }
    }
    if (next != INT64_MAX) {
        set_timer(loop, next);
    }
}

// ---- accepting ----

// At the cap: the connection that is longest in its head makes room; it is what an attacker has most of.
static bool make_room(struct http_loop *loop)
{
    struct http_connection *oldest = TAILQ_FIRST(&loop->phases[HTTP_PHASE_HEAD]);
    http_count(&loop->counters.refused, 1);
    if (oldest != NULL) {
        http_connection_discard(oldest);
    }
    return oldest != NULL;
}

// Best effort: one try, on a socket whose buffer is empty.
static void turn_away(struct http_loop *loop, int fd)
{
    struct problem problem = {.status = http_fault_status(HTTP_FAULT_CONNECTIONS),
                              .type = http_fault_type(HTTP_FAULT_CONNECTIONS),
                              .detail = http_fault_detail(HTTP_FAULT_CONNECTIONS)};
    char id[HTTP_REQUEST_ID_MAX + 1];
    http_message_random_id(id);
    problem.request_id = id;
    size_t length;
    char *text = problem_text(&problem, &length);
    struct http_header headers[] = {{"Content-Type", PROBLEM_CONTENT_TYPE}, {"Retry-After", "1"}};
    struct http_response response = {.status = problem.status,
                                     .headers = headers,
                                     .header_count = 2,
                                     .body_length = length,
                                     .request_id = id,
                                     .date = http_loop_date(loop),
                                     .close = true};
    buffer_clear(&loop->out);
    if (http_response_write(&loop->out, &response) && buffer_append(&loop->out, text, length)) {
        ssize_t sent = send(fd, loop->out.data, loop->out.length, MSG_NOSIGNAL);
        (void)sent;
    }
    free(text);
    close(fd);
}

static void welcome(struct http_loop *loop, int fd, const struct sockaddr *peer)
{
    struct http_shared *shared = loop->shared;
    size_t before = atomic_fetch_add_explicit(&shared->open, 1, memory_order_relaxed);
    if (before >= shared->limits.connections_max && !make_room(loop)) {
        atomic_fetch_sub_explicit(&shared->open, 1, memory_order_relaxed);
        turn_away(loop, fd);
        return;
    }
    http_connection_open(loop, fd, peer);
}

static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM;
}

static void pause_accepting(struct http_loop *loop, int error)
{
    char text[160];
    snprintf(text, sizeof(text), "cannot accept connections: %s; trying again", strerror(error));
    http_loop_notice(loop, text);
    for (size_t i = 0; i < loop->acceptor_count; i++) {
        event_del(&loop->acceptors[i].event);
    }
    struct timeval delay = {0, ACCEPT_AGAIN_US};
    evtimer_add(&loop->accept_again, &delay);
}

static void accept_some(struct http_acceptor *acceptor, int most)
{
    for (int i = 0; i < most; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof(peer);
        int fd = accept4(acceptor->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(acceptor->loop, fd, (const struct sockaddr *)&peer);
        } else if (errno == EAGAIN) {
            return;
        } else if (!is_passing(errno)) {
            pause_accepting(acceptor->loop, errno);
            return;
        }
    }
}

static void on_connect(evutil_socket_t fd, short what, void *context)
{
    struct http_acceptor *acceptor = context;
    assert(acceptor->loop->magic == HTTP_LOOP_MAGIC && acceptor->fd == fd);
    (void)what;
    accept_some(acceptor, ACCEPT_MAX);
}

static void start_accepting(struct http_loop *loop)
{
    for (size_t i = 0; i < loop->acceptor_count; i++) {
        event_add(&loop->acceptors[i].event, NULL);
    }
}

static void on_accept_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    start_accepting(context);
}

static void stop_accepting(struct http_loop *loop)
{
    event_del(&loop->accept_again);
    for (size_t i = 0; i < loop->acceptor_count; i++) {
        event_del(&loop->acceptors[i].event);
        close(loop->acceptors[i].fd);
    }
    loop->acceptor_count = 0;
}

// ---- life ----

int http_loop_init(struct http_loop *loop, struct http_shared *shared, size_t index, struct event_base *base)
{
    memset(loop, 0, sizeof(*loop));
    loop->magic = HTTP_LOOP_MAGIC;
    loop->index = index;
    loop->shared = shared;
    loop->base = base;
    loop->timer_at = INT64_MAX;
    loop->date_second = -1;
    loop->notice_second = -1;
    buffer_init(&loop->out, OUT_MAX);
    for (int phase = 0; phase < HTTP_PHASE_TIMED; phase++) {
        TAILQ_INIT(&loop->phases[phase]);
    }
    evtimer_assign(&loop->timer, base, on_timer, loop);
    evtimer_assign(&loop->accept_again, base, on_accept_again, loop);
    loop->scratch = xmalloc(HTTP_READ_MAX);
    loop->mailbox = mailbox_create(base, NULL, NULL);
    return loop->mailbox == NULL ? -1 : 0;
}

void http_loop_listen(struct http_loop *loop, int fd)
{
    assert(loop->acceptor_count < HTTP_LISTEN_MAX);
    struct http_acceptor *acceptor = &loop->acceptors[loop->acceptor_count++];
    acceptor->loop = loop;
    acceptor->fd = fd;
    event_assign(&acceptor->event, loop->base, fd, EV_READ | EV_PERSIST, on_connect, acceptor);
}

void http_loop_open(struct http_loop *loop)
{
    atomic_store(&loop->thread, (unsigned long)pthread_self());
    start_accepting(loop);
}

void http_loop_drain(struct http_loop *loop)
{
    if (loop->draining) {
        return;
    }
    // Who has connected before now is served once more: the kernel would reset what is left in the queue.
    for (size_t i = 0; i < loop->acceptor_count; i++) {
        accept_some(&loop->acceptors[i], INT_MAX);
    }
    stop_accepting(loop);
    loop->draining = true;
    for (uint32_t i = 0; i < loop->slot_count; i++) {
        if (loop->slots[i].connection != NULL) {
            http_connection_drain(loop->slots[i].connection);
        }
    }
    check_drained(loop);
}

void http_loop_close(struct http_loop *loop)
{
    stop_accepting(loop);
    atomic_store(&loop->thread, (unsigned long)pthread_self());
    loop->drained = true; // nobody waits any more
    // What is still in the mailbox may answer a request: first the letters, then the connections.
    if (loop->mailbox != NULL) {
        mailbox_deliver(loop->mailbox);
    }
    for (uint32_t i = 0; i < loop->slot_count; i++) {
        if (loop->slots[i].connection != NULL) {
            http_connection_cut(loop->slots[i].connection);
        }
    }
    event_del(&loop->timer); // last: an answer may have set it again
}

void http_loop_clear(struct http_loop *loop)
{
    mailbox_destroy(&loop->mailbox);
    for (uint32_t i = 0; i < loop->slot_count; i++) {
        if (loop->slots[i].connection != NULL) {
            http_connection_discard(loop->slots[i].connection);
        }
    }
    free(loop->slots);
    free(loop->scratch);
    buffer_free(&loop->out);
    loop->magic = 0;
}

// ---- for the handler ----

size_t http_loop_index(const struct http_loop *loop)
{
    return loop->index;
}

struct event_base *http_loop_base(const struct http_loop *loop)
{
    return loop->base;
}

bool http_loop_is_mine(const struct http_loop *loop)
{
    return atomic_load_explicit(&loop->thread, memory_order_relaxed) == (unsigned long)pthread_self();
}

void http_loop_set_data(struct http_loop *loop, void *data)
{
    loop->data = data;
}

void *http_loop_data(const struct http_loop *loop)
{
    return loop->data;
}

struct mailbox *http_loop_mailbox(const struct http_loop *loop)
{
    return loop->mailbox;
}
