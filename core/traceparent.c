// SPDX-License-Identifier: Apache-2.0
//
// See core/traceparent.h.
#include "core/traceparent.h"

#include <string.h>

#include "core/encode.h"

#define VERSION "00-"
#define TRACE_AT 3
#define SPAN_AT 36
#define FLAGS_AT 53

static bool is_zero(const uint8_t *bytes, size_t length)
{
    uint8_t any = 0;
    for (size_t i = 0; i < length; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

bool traceparent_parse(const char *text, size_t length, struct traceparent *parent_r)
{
    struct traceparent parent;
    if (length != TRACEPARENT_LENGTH || memcmp(text, VERSION, TRACE_AT) != 0 || text[SPAN_AT - 1] != '-' ||
        text[FLAGS_AT - 1] != '-') {
        return false;
    }
    if (!decode_hex(text + TRACE_AT, 2 * TRACE_ID_BYTES, parent.trace, TRACE_ID_BYTES) ||
        !decode_hex(text + SPAN_AT, 2 * SPAN_ID_BYTES, parent.span, SPAN_ID_BYTES) ||
        !decode_hex(text + FLAGS_AT, 2, &parent.flags, 1)) {
        return false;
    }
    if (is_zero(parent.trace, TRACE_ID_BYTES) || is_zero(parent.span, SPAN_ID_BYTES)) {
        return false;
    }
    *parent_r = parent;
    return true;
}

void traceparent_format(const struct traceparent *parent, char out[TRACEPARENT_SIZE])
{
    memcpy(out, VERSION, TRACE_AT);
    encode_hex(parent->trace, TRACE_ID_BYTES, out + TRACE_AT);
    out[SPAN_AT - 1] = '-';
    encode_hex(parent->span, SPAN_ID_BYTES, out + SPAN_AT);
    out[FLAGS_AT - 1] = '-';
    encode_hex(&parent->flags, 1, out + FLAGS_AT);
}
