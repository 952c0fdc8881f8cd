// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes the reader of trace contexts, which come from clients, storage and queue. What it takes is written back byte by byte
// the same, names a trace and a span, and looks sampled exactly when its flag says so.
#include "core/traceparent.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t none[TRACE_ID_BYTES];
    const char *text = (const char *)data;
    struct traceparent parent;
    char again[TRACEPARENT_SIZE];
    const bool looks = traceparent_looks_sampled((struct ph_text){text, size});
    if (!traceparent_parse(text, size, &parent)) {
        return 0;
    }
    traceparent_format(&parent, again);
    assert(size == TRACEPARENT_LENGTH && memcmp(again, text, size) == 0 && again[size] == '\0');
    assert(memcmp(parent.trace, none, TRACE_ID_BYTES) != 0 && memcmp(parent.span, none, SPAN_ID_BYTES) != 0);
    assert(looks == ((parent.flags & TRACEPARENT_SAMPLED) != 0));
    return 0;
}
