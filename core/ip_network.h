// SPDX-License-Identifier: Apache-2.0
//
// IP addresses and networks: read strictly from text, compared, written. IPv4 is kept as IPv6 (::ffff:a.b.c.d), so that
// one form serves both, and a peer that comes over a dual socket is the same address. Pure functions.
#ifndef CORE_IP_NETWORK_H
#define CORE_IP_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

#define IP_TEXT_MAX 46

struct ip_address {
    unsigned char bytes[16];
};

struct ip_network {
    struct ip_address address; ///< bits behind the prefix are 0
    unsigned prefix;           ///< 0–128, counted in the IPv6 form
};

/// Reads "192.0.2.1" or "2001:db8::1" (no brackets, port or zone). False for anything else.
bool ip_address_parse(const char *text, size_t length, struct ip_address *address_r);

/// The address of a socket; false if it is neither IPv4 nor IPv6.
bool ip_address_from_socket(const struct sockaddr *socket, struct ip_address *address_r);

/// Whether it is an IPv4 address.
bool ip_address_is_v4(const struct ip_address *address);

/// Writes the address as people know it, NUL-terminated.
void ip_address_text(const struct ip_address *address, char text_r[IP_TEXT_MAX]);

/// Reads an address or ADDRESS/PREFIX. False for anything else, also for bits set behind the prefix.
bool ip_network_parse(const char *text, struct ip_network *network_r);

/// Whether the address lies in the network.
bool ip_network_holds(const struct ip_network *network, const struct ip_address *address);

#endif
