// SPDX-License-Identifier: Apache-2.0
//
// The sockets of the HTTP client as libevent sees them. curl lets go of a socket whenever its connection rests and takes it up
// again with the next request. Between the two the event of a connection stays where it is: taking it out and putting it in again
// would be two system calls a request. All functions run on the loop's thread, or when the thread has ended.
#ifndef CORE_HTTP_SOCKETS_H
#define CORE_HTTP_SOCKETS_H

#include <curl/curl.h>
#include <stdbool.h>

struct event_base;
struct http_sockets;

/// curl waits for a socket, and this has happened there: CURL_CSELECT_IN, CURL_CSELECT_OUT.
typedef void http_sockets_ready_f(void *context, curl_socket_t socket, int action);

/// Never NULL.
struct http_sockets *http_sockets_new(struct event_base *base, http_sockets_ready_f *ready, void *context);

/// Frees it, after the last handle that uses it. NULL is allowed.
void http_sockets_free(struct http_sockets *sockets);

/// What curl waits for from now on: a CURL_POLL value. False: libevent refuses it.
bool http_sockets_watch(struct http_sockets *sockets, curl_socket_t socket, int what);

/// Has the handle's connections opened and closed here. False: a setting was refused by curl.
bool http_sockets_use(struct http_sockets *sockets, CURL *easy);

#endif
