// SPDX-License-Identifier: Apache-2.0
//
// A mutex, a singly linked list with its tail, and an eventfd. The consumer reads the eventfd before it takes the list:
// an item pushed in between finds either the list not empty (and is taken) or empty (and writes the eventfd again), so
// none is left behind.
#include "core/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/xalloc.h"

#define MAILBOX_MAGIC 0x6d61696cU
#define SENDER_MAGIC 0x736e6472U

struct mailbox {
    unsigned magic;
    int fd;
    struct event *event;
    mailbox_receive receive;
    void *context;
    pthread_mutex_t lock;
    struct mailbox_item *first; // under the lock, as `last`
    struct mailbox_item *last;  // nothing while `first` is NULL
};

struct mailbox_sender {
    unsigned magic;
    struct mailbox *mailbox;
    struct event *flush;
    struct mailbox_item *first;
    struct mailbox_item *last;
};

static void run_each(struct mailbox_item *item)
{
    while (item != NULL) {
        struct mailbox_item *next = item->next;
        item->run(item);
        item = next;
    }
}

void mailbox_deliver(struct mailbox *mailbox)
{
    assert(mailbox->magic == MAILBOX_MAGIC);
    pthread_mutex_lock(&mailbox->lock);
    struct mailbox_item *first = mailbox->first;
    mailbox->first = NULL;
    pthread_mutex_unlock(&mailbox->lock);
    if (first == NULL) {
        return;
    }
    if (mailbox->receive != NULL) {
        mailbox->receive(mailbox->context, first);
    } else {
        run_each(first);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    struct mailbox *mailbox = context;
    assert(mailbox->magic == MAILBOX_MAGIC);
    (void)what;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof(count));
    (void)got; // nothing to read is a wake-up that was served already
    mailbox_deliver(mailbox);
}

struct mailbox *mailbox_create(struct event_base *base, mailbox_receive receive, void *context)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
    mailbox->magic = MAILBOX_MAGIC;
    mailbox->fd = fd;
    mailbox->receive = receive;
    mailbox->context = context;
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->event = event_new(base, fd, EV_READ | EV_PERSIST, on_wake, mailbox);
    if (mailbox->event == NULL || event_add(mailbox->event, NULL) != 0) {
        int reason = errno;
        mailbox_destroy(&mailbox);
        errno = reason;
    }
    return mailbox;
}

void mailbox_destroy(struct mailbox **mailbox_r)
{
    struct mailbox *mailbox = *mailbox_r;
    if (mailbox == NULL) {
        return;
    }
    mailbox_deliver(mailbox);
    if (mailbox->event != NULL) {
        event_free(mailbox->event);
    }
    close(mailbox->fd);
    pthread_mutex_destroy(&mailbox->lock);
    mailbox->magic = 0;
    free(mailbox);
    *mailbox_r = NULL;
}

void mailbox_push(struct mailbox *mailbox, struct mailbox_item *item)
{
    mailbox_push_list(mailbox, item, item);
}

void mailbox_push_list(struct mailbox *mailbox, struct mailbox_item *first, struct mailbox_item *last)
{
    assert(mailbox->magic == MAILBOX_MAGIC);
    last->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    bool was_empty = mailbox->first == NULL;
    if (was_empty) {
        mailbox->first = first;
    } else {
        mailbox->last->next = first;
    }
    mailbox->last = last;
    pthread_mutex_unlock(&mailbox->lock);
    if (was_empty) {
        uint64_t one = 1;
        ssize_t put = write(mailbox->fd, &one, sizeof(one));
        (void)put; // a counter that is full wakes the loop just as well
    }
}

static void on_turn_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mailbox_sender_flush(context);
}

struct mailbox_sender *mailbox_sender_create(struct mailbox *mailbox, struct event_base *base)
{
    struct mailbox_sender *sender = xcalloc(1, sizeof(*sender));
    sender->magic = SENDER_MAGIC;
    sender->mailbox = mailbox;
    sender->flush = event_new(base, -1, 0, on_turn_end, sender);
    if (sender->flush == NULL) {
        abort(); // libevent is out of memory for a few bytes
    }
    return sender;
}

void mailbox_sender_add(struct mailbox_sender *sender, struct mailbox_item *item)
{
    assert(sender->magic == SENDER_MAGIC);
    item->next = NULL;
    if (sender->first == NULL) {
        sender->first = item;
        // Runs behind what is already active: at the end of this turn.
        event_active(sender->flush, EV_TIMEOUT, 0);
    } else {
        sender->last->next = item;
    }
    sender->last = item;
}

void mailbox_sender_flush(struct mailbox_sender *sender)
{
    assert(sender->magic == SENDER_MAGIC);
    if (sender->first == NULL) {
        return;
    }
    struct mailbox_item *first = sender->first;
    sender->first = NULL;
    mailbox_push_list(sender->mailbox, first, sender->last);
}

void mailbox_sender_destroy(struct mailbox_sender **sender_r)
{
    struct mailbox_sender *sender = *sender_r;
    if (sender == NULL) {
        return;
    }
    mailbox_sender_flush(sender);
    event_free(sender->flush);
    sender->magic = 0;
    free(sender);
    *sender_r = NULL;
}
