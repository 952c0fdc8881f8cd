// SPDX-License-Identifier: Apache-2.0
//
// An arena: memory that is taken piece by piece and freed whole.
//
// A call, a request or a batch owns one; its end frees everything, so error paths have nothing to forget. An
// arena has a ceiling from birth. An empty one costs a single malloc of ARENA_FIRST_SIZE bytes; later blocks
// double up to 64 KiB, and what is bigger than a quarter of the next block gets a block of its own. Not
// thread-safe: one thread at a time may use it, but it may move between threads and be freed on any.
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

/// The bytes of the one malloc behind an empty arena, its own head included.
#define ARENA_FIRST_SIZE 1024

struct arena;

/// An empty arena that hands out at most `ceiling` bytes (each piece rounded up to the alignment of
/// max_align_t).
struct arena *arena_new(size_t ceiling) __attribute__((warn_unused_result));

/// `size` zeroed bytes, aligned for any type; NULL beyond the ceiling or when the system has no memory. For
/// size 0 a pointer that must not be read.
void *arena_alloc(struct arena *arena, size_t size) __attribute__((warn_unused_result));

/// count × size zeroed bytes; NULL also when the product overflows.
void *arena_alloc_array(struct arena *arena, size_t count, size_t size) __attribute__((warn_unused_result));

/// As arena_alloc(), but the bytes are not zeroed.
void *arena_alloc_raw(struct arena *arena, size_t size) __attribute__((warn_unused_result));

/// A copy of `length` bytes; NULL beyond the ceiling. `data` may be NULL when `length` is 0.
void *arena_memdup(struct arena *arena, const void *data, size_t length) __attribute__((warn_unused_result));

/// A copy of a string; NULL beyond the ceiling.
char *arena_strdup(struct arena *arena, const char *text) __attribute__((warn_unused_result));

/// A copy of `length` bytes with a NUL behind them; NULL beyond the ceiling. NULs within are copied too.
char *arena_text(struct arena *arena, const char *text, size_t length) __attribute__((warn_unused_result));

/// printf into the arena; NULL beyond the ceiling.
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((warn_unused_result, format(printf, 2, 3)));

/// As arena_printf(), with a list of arguments.
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
    __attribute__((warn_unused_result, format(printf, 2, 0)));

/// The bytes handed out so far, rounding included.
size_t arena_used(const struct arena *arena);

/// Everything handed out becomes invalid and the arena is empty again, its ceiling unchanged. Keeps the first
/// block and at most one more of 64 KiB or less, so a reused arena seldom asks malloc.
void arena_reset(struct arena *arena);

/// Overwrites all memory of the arena with zeros, for secrets in it; free it next.
void arena_wipe(struct arena *arena);

/// Frees the arena and all it handed out. NULL is allowed. On any thread.
void arena_free(struct arena *arena);

#endif
