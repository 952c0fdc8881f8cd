// SPDX-License-Identifier: Apache-2.0
//
// The context of a trace as W3C Trace Context writes it into one header: traceparent, version 00.
//
//     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
//        trace                            span             flags
//
// Reading is strict: another version, other lengths, capital digits and ids of zeros are refused, as if the header were not
// there. Pure functions.
#ifndef CORE_TRACEPARENT_H
#define CORE_TRACEPARENT_H

#include <posthouse/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_ID_BYTES 16
#define SPAN_ID_BYTES 8
#define TRACEPARENT_LENGTH 55
#define TRACEPARENT_SIZE (TRACEPARENT_LENGTH + 1)

enum traceparent_flag {
    TRACEPARENT_SAMPLED = 1, ///< the trace is recorded
    TRACEPARENT_RANDOM = 2   ///< its id is random (level 2); kept by who goes on with the trace
};

struct traceparent {
    uint8_t trace[TRACE_ID_BYTES];
    uint8_t span[SPAN_ID_BYTES];
    uint8_t flags; ///< enum traceparent_flag, and what later versions add
};

/// Reads a header's value. False: it is none.
bool traceparent_parse(const char *text, size_t length, struct traceparent *parent_r);

/// Writes it, with a NUL.
void traceparent_format(const struct traceparent *parent, char out[TRACEPARENT_SIZE]);

/// Cheap and right for a good value; for any other one it is a guess that traceparent_parse() corrects.
static inline bool traceparent_looks_sampled(struct ph_text trace)
{
    if (trace.length != TRACEPARENT_LENGTH) {
        return false;
    }
    const char last = trace.bytes[TRACEPARENT_LENGTH - 1];
    const int digit = last >= 'a' ? last - 'a' + 10 : last - '0';
    return (digit & TRACEPARENT_SAMPLED) != 0;
}

#endif
