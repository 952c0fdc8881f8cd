// SPDX-License-Identifier: Apache-2.0
//
// See core/xalloc.h. The last line is written without malloc or stdio, which may be what has just failed.
#include "core/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    char line[128];
    int length = snprintf(line, sizeof line, "posthouse: out of memory: no %zu * %zu bytes; ending\n", count, size);
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) {
        abort();
    }
    abort();
}

void *xmalloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) {
        out_of_memory(1, size);
    }
    return memory;
}

void *xcalloc(size_t count, size_t size)
{
    void *memory = count > 0 && size > 0 ? calloc(count, size) : calloc(1, 1);
    if (memory == NULL) {
        out_of_memory(count, size);
    }
    return memory;
}

static size_t product(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        out_of_memory(count, size);
    }
    return bytes;
}

void *xmalloc_array(size_t count, size_t size)
{
    return xmalloc(product(count, size));
}

void *xrealloc(void *memory, size_t size)
{
    void *grown = realloc(memory, size > 0 ? size : 1);
    if (grown == NULL) {
        out_of_memory(1, size);
    }
    return grown;
}

void *xrealloc_array(void *memory, size_t count, size_t size)
{
    return xrealloc(memory, product(count, size));
}

char *xstrdup(const char *text)
{
    return xmemdup(text, strlen(text) + 1);
}

char *xstrndup(const char *text, size_t length)
{
    size_t used = strnlen(text, length);
    char *copy = xmalloc(used + 1);
    memcpy(copy, text, used);
    copy[used] = '\0';
    return copy;
}

void *xmemdup(const void *data, size_t length)
{
    void *copy = xmalloc(length);
    if (length > 0) {
        memcpy(copy, data, length);
    }
    return copy;
}

char *xvasprintf(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        out_of_memory(1, strlen(format));
    }
    return text;
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = xvasprintf(format, arguments);
    va_end(arguments);
    return text;
}
