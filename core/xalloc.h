// SPDX-License-Identifier: Apache-2.0
//
// Allocation that cannot fail, for sizes the program itself chooses.
//
// A daemon that is out of memory for a few hundred bytes can do nothing useful, so these functions end the
// process with one line on stderr. Sizes that a client, a backend or a file chooses are bounded before they
// come here, or use an arena or a buffer, which answer NULL or false at their ceiling. What is returned is
// freed with free().
#ifndef CORE_XALLOC_H
#define CORE_XALLOC_H

#include <stdarg.h>
#include <stddef.h>

/// At least one byte, also for size 0. Not zeroed.
void *xmalloc(size_t size) __attribute__((malloc, warn_unused_result, alloc_size(1)));

/// count × size bytes, zeroed; the product is checked for overflow.
void *xcalloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result, alloc_size(1, 2)));

/// count × size bytes, not zeroed; the product is checked for overflow.
void *xmalloc_array(size_t count, size_t size) __attribute__((malloc, warn_unused_result, alloc_size(1, 2)));

/// realloc(); `memory` may be NULL.
void *xrealloc(void *memory, size_t size) __attribute__((warn_unused_result, alloc_size(2)));

/// realloc() to count × size bytes; the product is checked for overflow.
void *xrealloc_array(void *memory, size_t count, size_t size) __attribute__((warn_unused_result, alloc_size(2, 3)));

/// A copy of a string. `text` must not be NULL.
char *xstrdup(const char *text) __attribute__((malloc, warn_unused_result));

/// A copy of at most `length` bytes of `text`, up to its first NUL, always terminated.
char *xstrndup(const char *text, size_t length) __attribute__((malloc, warn_unused_result));

/// A copy of `length` bytes. `data` may be NULL when `length` is 0.
void *xmemdup(const void *data, size_t length) __attribute__((malloc, warn_unused_result));

/// printf into memory of its own.
char *xasprintf(const char *format, ...) __attribute__((malloc, warn_unused_result, format(printf, 1, 2)));

/// As xasprintf(), with a list of arguments.
char *xvasprintf(const char *format, va_list arguments)
    __attribute__((malloc, warn_unused_result, format(printf, 1, 0)));

#endif
