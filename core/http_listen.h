// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets: addresses as text, and binding them so that an address in use is found though SO_REUSEPORT would
// hide it.
#ifndef CORE_HTTP_LISTEN_H
#define CORE_HTTP_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/http_server.h"

/// "[" IPv6 "]:65535" and a NUL.
#define HTTP_ADDRESS_TEXT_MAX 56

struct http_address {
    struct sockaddr_storage socket;
    socklen_t length;
    char text[HTTP_ADDRESS_TEXT_MAX]; ///< in the usual form, with the port
};

/// Reads an address of http_server_config.listen. On false, `error_r` says what is wrong.
bool http_address_parse(const char *text, struct http_address *address_r, char *error_r, size_t size);

/// The port, in the host's order.
uint16_t http_address_port(const struct http_address *address);

/// Binds and listens: `count` sockets on one address. With one, it is the only socket of the address; with more, they
/// share it (SO_REUSEPORT) after a bind without sharing has shown that nobody else has it. A port 0 is replaced by the
/// one found. On anything but OK, no socket is left open.
enum http_server_result http_listen(struct http_address *address, int *fds_r, size_t count, char *error_r, size_t size);

#endif
