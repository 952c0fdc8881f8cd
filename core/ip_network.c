// SPDX-License-Identifier: Apache-2.0
//
// inet_pton reads both families strictly; what is ours is the common form and the prefix.
#include "core/ip_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void from_v4(const void *four, struct ip_address *address_r)
{
    memcpy(address_r->bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(address_r->bytes + sizeof(v4_prefix), four, 4);
}

bool ip_address_parse(const char *text, size_t length, struct ip_address *address_r)
{
    char copy[IP_TEXT_MAX];
    if (length >= sizeof(copy) || memchr(text, '\0', length) != NULL) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    struct in_addr four;
    if (inet_pton(AF_INET, copy, &four) == 1) {
        from_v4(&four, address_r);
        return true;
    }
    return inet_pton(AF_INET6, copy, address_r->bytes) == 1;
}

bool ip_address_from_socket(const struct sockaddr *socket, struct ip_address *address_r)
{
    if (socket->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, socket, sizeof(four));
        from_v4(&four.sin_addr, address_r);
        return true;
    }
    if (socket->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, socket, sizeof(six));
        memcpy(address_r->bytes, &six.sin6_addr, sizeof(address_r->bytes));
        return true;
    }
    return false;
}

bool ip_address_is_v4(const struct ip_address *address)
{
    return memcmp(address->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

void ip_address_text(const struct ip_address *address, char text_r[IP_TEXT_MAX])
{
    bool four = ip_address_is_v4(address);
    const char *done =
        inet_ntop(four ? AF_INET : AF_INET6, address->bytes + (four ? sizeof(v4_prefix) : 0), text_r, IP_TEXT_MAX);
    if (done == NULL) {
        text_r[0] = '\0';
    }
}

// One to three digits without a sign or a leading zero, at most `max`.
static bool parse_prefix(const char *text, unsigned max, unsigned *prefix_r)
{
    size_t length = strlen(text);
    unsigned number = 0;
    if (length == 0 || length > 3 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(text[i] - '0');
    }
    *prefix_r = number;
    return number <= max;
}

static bool bit(const struct ip_address *address, unsigned index)
{
    return (address->bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

bool ip_network_parse(const char *text, struct ip_network *network_r)
{
    const char *slash = strchr(text, '/');
    size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (!ip_address_parse(text, length, &network_r->address)) {
        return false;
    }
    network_r->prefix = 128;
    if (slash != NULL) {
        bool four = ip_address_is_v4(&network_r->address) && memchr(text, ':', length) == NULL;
        if (!parse_prefix(slash + 1, four ? 32 : 128, &network_r->prefix)) {
            return false;
        }
        network_r->prefix += four ? 96 : 0;
    }
    for (unsigned index = network_r->prefix; index < 128; index++) {
        if (bit(&network_r->address, index)) {
            return false;
        }
    }
    return true;
}

bool ip_network_holds(const struct ip_network *network, const struct ip_address *address)
{
    unsigned whole = network->prefix / 8;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0) {
        return false;
    }
    unsigned rest = network->prefix % 8;
    if (rest == 0) {
        return true;
    }
    return (network->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}
