// SPDX-License-Identifier: Apache-2.0
//
// Who the client is behind trusted proxies: X-Forwarded-For is read from its right end, where the nearest proxy wrote,
// up to the first address that is not trusted; what stands left of it may be invented. Pure functions.
#ifndef CORE_HTTP_FORWARDED_H
#define CORE_HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

#include "core/ip_network.h"

struct http_trusted {
    const struct ip_network *networks;
    size_t count;
};

/// Whether the address is one of a trusted proxy.
bool http_is_trusted(const struct http_trusted *trusted, const struct ip_address *address);

/// One step to the client: reads one X-Forwarded-For value from its right end. `address` holds the nearest address
/// known so far, which must be trusted, and receives the one found. Returns true if that one is trusted too, and the
/// value before (an earlier line) should be read as well; false when the client was found, or an entry that is no
/// address was met. Entries may carry a port.
bool http_forwarded_step(const struct http_trusted *trusted, const char *value, size_t length,
                         struct ip_address *address);

#endif
