// SPDX-License-Identifier: Apache-2.0
//
// Mailbox: many threads hand items to one event loop. A whole list is pushed under one lock, the loop is
// woken by an eventfd only if the list was empty before, and the loop takes everything there is in one turn,
// oldest first. It carries requests from the HTTP loops to the exchange loop and answers back. Items are
// embedded in what they carry: a mailbox allocates nothing for a push, so a push cannot fail; who limits the
// items in flight limits the mailbox.
#ifndef POSTHOUSE_CORE_MAILBOX_H
#define POSTHOUSE_CORE_MAILBOX_H

struct event_base;
struct mailbox;
struct mailbox_sender;

// The first member (or any member) of what is handed over. The item belongs to the mailbox from the push
// until it is given to the receiver.
struct mailbox_item {
    struct mailbox_item *next;
    // Called on the loop if the mailbox has no receiver of its own. May free the item.
    void (*run)(struct mailbox_item *item);
};

// Gets the whole list of a turn, linked by `next` in the order of arrival and ended by NULL. Read `next`
// before an item is given away or freed.
typedef void (*mailbox_receive)(void *context, struct mailbox_item *first);

// Makes a mailbox whose items arrive on `base`. With `receive` NULL, each item's `run` is called. An event is
// registered on `base`, so a loop with nothing else to do keeps running. Returns NULL if no eventfd could be
// had (errno says why).
struct mailbox *mailbox_create(struct event_base *base, mailbox_receive receive, void *context);

// Frees the mailbox and clears the pointer. On the loop's thread, or with the loop stopped, and with no
// producer left. Items that were pushed and not yet received are handed over first, so that nothing is lost.
void mailbox_destroy(struct mailbox **mailbox);

// Hands over what has arrived, without waiting for the loop's turn. On the loop's thread, or with the loop stopped.
void mailbox_deliver(struct mailbox *mailbox);

// Pushes one item, or a list already linked from `first` to `last`. From any thread. Prefer a sender when
// many items may be pushed in one turn of a loop.
void mailbox_push(struct mailbox *mailbox, struct mailbox_item *item);
void mailbox_push_list(struct mailbox *mailbox, struct mailbox_item *first, struct mailbox_item *last);

// A sender belongs to one producing loop: it collects the items of a turn and pushes them as one list at the
// turn's end. Made, used and destroyed on the thread of `base` (or before its loop starts, or after it
// ended).
struct mailbox_sender *mailbox_sender_create(struct mailbox *mailbox, struct event_base *base);
void mailbox_sender_add(struct mailbox_sender *sender, struct mailbox_item *item);
// Pushes now what was collected.
void mailbox_sender_flush(struct mailbox_sender *sender);
// Flushes, frees and clears the pointer; before the mailbox is destroyed.
void mailbox_sender_destroy(struct mailbox_sender **sender);

#endif
