// SPDX-License-Identifier: Apache-2.0
//
// Only numeric addresses: a name would have to be asked for, and could mean several.
#include "core/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/ip_network.h"

#define REBIND_TRIES 8

static bool parse_port(const char *text, uint16_t *port_r)
{
    size_t length = strlen(text);
    unsigned long number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= 5) {
            return false;
        }
        number = number * 10 + (unsigned long)(text[i] - '0');
    }
    *port_r = (uint16_t)number;
    return length > 0 && number <= 65535;
}

static void describe(struct http_address *address)
{
    struct ip_address ip;
    char host[IP_TEXT_MAX];
    ip_address_from_socket((const struct sockaddr *)&address->socket, &ip);
    ip_address_text(&ip, host);
    bool six = address->socket.ss_family == AF_INET6;
    snprintf(address->text, sizeof(address->text), six ? "[%s]:%u" : "%s:%u", host,
             (unsigned)http_address_port(address));
}

static bool parse_host(const char *host, size_t length, uint16_t port, struct http_address *address_r)
{
    char copy[IP_TEXT_MAX];
    if (length == 0 || length >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, host, length);
    copy[length] = '\0';
    if (length > 2 && copy[0] == '[' && copy[length - 1] == ']') {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address_r->socket;
        copy[length - 1] = '\0';
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        address_r->length = sizeof(*six);
        return inet_pton(AF_INET6, copy + 1, &six->sin6_addr) == 1;
    }
    struct sockaddr_in *four = (struct sockaddr_in *)&address_r->socket;
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    address_r->length = sizeof(*four);
    const char *numeric = strcmp(copy, "*") == 0 ? "0.0.0.0" : strcmp(copy, "localhost") == 0 ? "127.0.0.1" : copy;
    return inet_pton(AF_INET, numeric, &four->sin_addr) == 1;
}

bool http_address_parse(const char *text, struct http_address *address_r, char *error_r, size_t size)
{
    memset(address_r, 0, sizeof(*address_r));
    const char *colon = strrchr(text, ':');
    uint16_t port;
    if (colon == NULL || !parse_port(colon + 1, &port)) {
        snprintf(error_r, size, "'%.80s' has no port from 0 to 65535 after its last colon", text);
        return false;
    }
    if (!parse_host(text, (size_t)(colon - text), port, address_r)) {
        snprintf(error_r, size, "'%.80s' must be like 127.0.0.1:8080, [::1]:8080, *:8080 or localhost:8080", text);
        return false;
    }
    describe(address_r);
    return true;
}

uint16_t http_address_port(const struct http_address *address)
{
    if (address->socket.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address->socket)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)&address->socket)->sin_port);
}

static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// One socket, bound and listening; -1 with errno. Accepted sockets inherit TCP_NODELAY.
static int open_one(const struct http_address *address, bool shared)
{
    int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    bool good = set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
                (!shared || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
                (address->socket.ss_family != AF_INET6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
                bind(fd, (const struct sockaddr *)&address->socket, address->length) == 0 && listen(fd, SOMAXCONN) == 0;
    if (!good) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
}

static bool learn_port(int fd, struct http_address *address)
{
    address->length = sizeof(address->socket);
    if (getsockname(fd, (struct sockaddr *)&address->socket, &address->length) != 0) {
        return false;
    }
    describe(address);
    return true;
}

// The shared sockets of an address that nobody else has. False with errno.
static bool open_shared(const struct http_address *address, int *fds_r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds_r[i] = open_one(address, true);
        if (fds_r[i] < 0) {
            int reason = errno;
            close_all(fds_r, i);
            errno = reason;
            return false;
        }
    }
    return true;
}

static enum http_server_result report(const struct http_address *address, char *error_r, size_t size)
{
    if (errno == EADDRINUSE) {
        snprintf(error_r, size, "%s is in use by another program", address->text);
        return HTTP_SERVER_ADDRESS_IN_USE;
    }
    snprintf(error_r, size, "cannot listen on %s: %s", address->text, strerror(errno));
    return HTTP_SERVER_FAILED;
}

enum http_server_result http_listen(struct http_address *address, int *fds_r, size_t count, char *error_r, size_t size)
{
    bool any_port = http_address_port(address) == 0;
    for (int tries = 0;; tries++) {
        struct http_address wanted = *address;
        int fd = open_one(&wanted, false);
        if (fd < 0) {
            return report(address, error_r, size);
        }
        if (!learn_port(fd, &wanted)) {
            close(fd);
            return report(address, error_r, size);
        }
        if (count == 1) {
            fds_r[0] = fd;
            *address = wanted;
            return HTTP_SERVER_OK;
        }
        close(fd);
        if (open_shared(&wanted, fds_r, count)) {
            *address = wanted;
            return HTTP_SERVER_OK;
        }
        // A port that the system chose may be taken between the two binds: choose again.
        if (!any_port || errno != EADDRINUSE || tries == REBIND_TRIES) {
            return report(&wanted, error_r, size);
        }
    }
}
