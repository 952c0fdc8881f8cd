// SPDX-License-Identifier: Apache-2.0
//
// The secrets that must not reach the log, and the making of a value that may: redacted, cleaned, bounded. Only log.c
// uses this; others register secrets with log_redact(). Any thread.
#ifndef CORE_LOG_REDACT_H
#define CORE_LOG_REDACT_H

#include <stddef.h>

/// Copies what may be shown of `text` to `out`: registered secrets become ***, control characters and invalid UTF-8
/// '?'. At most `size` - 1 bytes, terminated; the end of a longer value becomes "…". `size` is at least 16. Returns the
/// bytes written.
size_t log_redact_value(char *out, size_t size, const char *text, size_t length);

#endif
