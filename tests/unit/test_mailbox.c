// SPDX-License-Identifier: Apache-2.0
//
// Mailboxes: nothing is lost or reordered between threads, a turn's items come together, the loop is woken once.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>

#include "core/mailbox.h"

#define PRODUCERS 4
#define ITEMS 20000

struct letter {
    struct mailbox_item item;
    int producer;
    int number;
};

struct reader {
    struct event_base *base;
    int next[PRODUCERS];
    int received, lists, wanted;
};

static void on_letters(void *context, struct mailbox_item *first)
{
    struct reader *reader = context;
    reader->lists++;
    while (first != NULL) {
        struct letter *letter = (struct letter *)first;
        first = first->next;
        assert_int_equal(letter->number, reader->next[letter->producer]);
        reader->next[letter->producer]++;
        reader->received++;
        free(letter);
    }
    if (reader->received == reader->wanted) {
        event_base_loopbreak(reader->base);
    }
}

static struct letter *new_letter(int producer, int number)
{
    struct letter *letter = calloc(1, sizeof(*letter));
    if (letter == NULL) {
        abort();
    }
    letter->producer = producer;
    letter->number = number;
    return letter;
}

struct producer {
    pthread_t thread;
    struct mailbox *mailbox;
    int index;
};

static void *produce(void *context)
{
    struct producer *producer = context;
    for (int i = 0; i < ITEMS; i += 2) {
        struct letter *first = new_letter(producer->index, i);
        struct letter *last = new_letter(producer->index, i + 1);
        first->item.next = &last->item;
        mailbox_push_list(producer->mailbox, &first->item, &last->item);
    }
    return NULL;
}

static void test_many_producers(void **state)
{
    (void)state;
    struct reader reader = {.base = event_base_new(), .wanted = PRODUCERS * ITEMS};
    struct mailbox *mailbox = mailbox_create(reader.base, on_letters, &reader);
    assert_non_null(mailbox);
    struct producer producers[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.mailbox = mailbox, .index = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    event_base_dispatch(reader.base);
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        assert_int_equal(reader.next[i], ITEMS);
    }
    mailbox_destroy(&mailbox);
    assert_null(mailbox);
    event_base_free(reader.base);
}

static int runs;

static void run_letter(struct mailbox_item *item)
{
    assert_int_equal(((struct letter *)item)->number, runs);
    runs++;
    free(item);
}

static void push_number(struct mailbox *mailbox, int number)
{
    struct letter *letter = new_letter(0, number);
    letter->item.run = run_letter;
    mailbox_push(mailbox, &letter->item);
}

// Without a receiver each item runs itself; what is left at the end is handed over, not lost.
static void test_items_run(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct mailbox *mailbox = mailbox_create(base, NULL, NULL);
    runs = 0;
    push_number(mailbox, 0);
    push_number(mailbox, 1);
    assert_int_equal(runs, 0);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(runs, 2);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(runs, 2);
    push_number(mailbox, 2);
    mailbox_destroy(&mailbox);
    assert_int_equal(runs, 3);
    event_base_free(base);
}

struct turn {
    struct mailbox_sender *sender;
    struct reader *reader;
    int number;
};

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct turn *turn = context;
    mailbox_sender_add(turn->sender, &new_letter(0, turn->number++)->item);
    mailbox_sender_add(turn->sender, &new_letter(0, turn->number++)->item);
    assert_int_equal(turn->reader->received, 0);
}

// What two events of one turn add arrives as one list.
static void test_sender_pushes_once_a_turn(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct reader reader = {.base = base, .wanted = -1};
    struct mailbox *mailbox = mailbox_create(base, on_letters, &reader);
    struct turn turn = {mailbox_sender_create(mailbox, base), &reader, 0};
    struct event *events[2];
    for (int i = 0; i < 2; i++) {
        events[i] = event_new(base, -1, 0, on_turn, &turn);
        event_active(events[i], EV_TIMEOUT, 0);
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(reader.received, 4);
    assert_int_equal(reader.lists, 1);
    // What was added and not yet sent goes with the sender.
    mailbox_sender_add(turn.sender, &new_letter(0, 4)->item);
    mailbox_sender_destroy(&turn.sender);
    mailbox_destroy(&mailbox);
    assert_int_equal(reader.received, 5);
    event_free(events[0]);
    event_free(events[1]);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_producers),
        cmocka_unit_test(test_items_run),
        cmocka_unit_test(test_sender_pushes_once_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
