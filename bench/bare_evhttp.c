// SPDX-License-Identifier: Apache-2.0
//
// The least that answers the same posts as posthouse: libevent's evhttp with the epoll changelist, jansson to parse the
// message, and a small 202. It keeps nothing. The bench compares posthouse with it in the same run, on the same machine.
// usage: bare_evhttp [PORT]; prints the address once it listens, and ends on SIGTERM or SIGINT.
#include <stdio.h>
#include <stdlib.h>

#include "bench/bare.h"

static void on_message(struct evhttp_request *request, void *context)
{
    struct bare *bare = context;
    json_t *message = bare_parse(request);
    if (message == NULL) {
        evhttp_send_error(request, 400, "Bad Request");
        return;
    }
    json_decref(message);
    char id[BARE_ID_SIZE];
    bare_new_id(bare, id);
    bare_accept(request, id);
}

int main(int argc, char **argv)
{
    struct bare bare;
    if (!bare_open(&bare, argc > 1 ? argv[1] : "0", on_message)) {
        return EXIT_FAILURE;
    }
    event_base_dispatch(bare.base);
    bare_close(&bare);
    return EXIT_SUCCESS;
}
