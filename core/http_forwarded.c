// SPDX-License-Identifier: Apache-2.0
//
// Entries are "192.0.2.1", "192.0.2.1:443", "2001:db8::1" or "[2001:db8::1]:443", between commas.
#include "core/http_forwarded.h"

#include <string.h>

bool http_is_trusted(const struct http_trusted *trusted, const struct ip_address *address)
{
    for (size_t i = 0; i < trusted->count; i++) {
        if (ip_network_holds(&trusted->networks[i], address)) {
            return true;
        }
    }
    return false;
}

static bool is_space(char character)
{
    return character == ' ' || character == '\t';
}

static bool parse_entry(const char *text, size_t length, struct ip_address *address_r)
{
    if (length > 0 && text[0] == '[') {
        const char *bracket = memchr(text, ']', length);
        return bracket != NULL && ip_address_parse(text + 1, (size_t)(bracket - text) - 1, address_r);
    }
    const char *colon = memchr(text, ':', length);
    const char *second = colon == NULL ? NULL : memchr(colon + 1, ':', length - (size_t)(colon - text) - 1);
    if (colon != NULL && second == NULL) {
        length = (size_t)(colon - text);
    }
    return ip_address_parse(text, length, address_r);
}

bool http_forwarded_step(const struct http_trusted *trusted, const char *value, size_t length,
                         struct ip_address *address)
{
    size_t end = length;
    for (;;) {
        size_t from = end;
        while (from > 0 && value[from - 1] != ',') {
            from--;
        }
        size_t first = from, last = end;
        while (first < last && is_space(value[first])) {
            first++;
        }
        while (last > first && is_space(value[last - 1])) {
            last--;
        }
        struct ip_address entry;
        if (!parse_entry(value + first, last - first, &entry)) {
            return false;
        }
        *address = entry;
        if (!http_is_trusted(trusted, &entry)) {
            return false;
        }
        if (from == 0) {
            return true;
        }
        end = from - 1;
    }
}
