// SPDX-License-Identifier: Apache-2.0
//
// See core/arena.h.
//
// The first block lies behind the head, in the same malloc. A request that does not fit the current block opens the
// next one, twice as big; what is bigger than a quarter of that gets its own, so that at most a quarter of a block is
// ever left unused. Under AddressSanitizer every piece is a block of its own, so that a write beyond it is caught.
#include "core/arena.h"

#include "core/xalloc.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_OWN_BLOCKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_OWN_BLOCKS 1
#endif
#endif
#ifndef ARENA_OWN_BLOCKS
#define ARENA_OWN_BLOCKS 0
#endif

#define ARENA_MAGIC 0xa4e7a001u
#define ARENA_ALIGN alignof(max_align_t)
#define ARENA_SECOND_SIZE ((size_t)4096)
#define ARENA_BLOCK_MAX ((size_t)65536)

struct arena_block {
    struct arena_block *next;
    size_t size;
    alignas(max_align_t) unsigned char data[];
};

struct arena {
    unsigned magic;
    unsigned char *at;
    unsigned char *end;
    struct arena_block *blocks;
    size_t used;
    size_t ceiling;
    size_t next_size;
    alignas(max_align_t) unsigned char first[];
};

static void arena_restart(struct arena *arena)
{
    arena->at = arena->first;
    arena->end = (unsigned char *)arena + ARENA_FIRST_SIZE;
    arena->used = 0;
    arena->next_size = ARENA_SECOND_SIZE;
}

struct arena *arena_new(size_t ceiling)
{
    struct arena *arena = xmalloc(ARENA_FIRST_SIZE);
    arena->magic = ARENA_MAGIC;
    arena->blocks = NULL;
    arena->ceiling = ceiling;
    arena_restart(arena);
    return arena;
}

static struct arena_block *arena_block_new(struct arena *arena, size_t size)
{
    struct arena_block *block = size <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
    if (block != NULL) {
        block->size = size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

static void *arena_own_block(struct arena *arena, size_t size, size_t need)
{
    struct arena_block *block = arena_block_new(arena, size);
    if (block == NULL) {
        return NULL;
    }
    arena->used += need;
    return block->data;
}

static void *arena_next_block(struct arena *arena, size_t need)
{
    if (need > arena->next_size / 4) {
        return arena_own_block(arena, need, need);
    }
    size_t left = arena->ceiling - arena->used;
    size_t size = arena->next_size < left ? arena->next_size : left;
    struct arena_block *block = arena_block_new(arena, size);
    if (block == NULL) {
        return NULL;
    }
    if (arena->next_size < ARENA_BLOCK_MAX) {
        arena->next_size *= 2;
    }
    arena->at = block->data + need;
    arena->end = block->data + size;
    arena->used += need;
    return block->data;
}

void *arena_alloc_raw(struct arena *arena, size_t size)
{
    assert(arena->magic == ARENA_MAGIC);
    size_t need = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (need < size || need > arena->ceiling - arena->used) {
        return NULL;
    }
    if (ARENA_OWN_BLOCKS) {
        return arena_own_block(arena, size, need);
    }
    if (need > (size_t)(arena->end - arena->at)) {
        return arena_next_block(arena, need);
    }
    void *memory = arena->at;
    arena->at += need;
    arena->used += need;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc_raw(arena, size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return arena_alloc(arena, bytes);
}

void *arena_memdup(struct arena *arena, const void *data, size_t length)
{
    void *copy = arena_alloc_raw(arena, length);
    if (copy != NULL && length > 0) {
        memcpy(copy, data, length);
    }
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_memdup(arena, text, strlen(text) + 1);
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? arena_alloc_raw(arena, length + 1) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    if (length > 0) {
        memcpy(copy, text, length);
    }
    copy[length] = '\0';
    return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length >= 0 ? arena_alloc_raw(arena, (size_t)length + 1) : NULL;
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

static void arena_free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

/// Takes the biggest block that is worth keeping out of the list.
static struct arena_block *arena_take_kept(struct arena *arena)
{
    struct arena_block **best = NULL;
    for (struct arena_block **block = &arena->blocks; *block != NULL; block = &(*block)->next) {
        if ((*block)->size <= ARENA_BLOCK_MAX && (best == NULL || (*block)->size > (*best)->size)) {
            best = block;
        }
    }
    if (best == NULL || ARENA_OWN_BLOCKS) {
        return NULL;
    }
    struct arena_block *kept = *best;
    *best = kept->next;
    return kept;
}

void arena_reset(struct arena *arena)
{
    assert(arena->magic == ARENA_MAGIC);
    struct arena_block *kept = arena_take_kept(arena);
    arena_free_blocks(arena->blocks);
    arena->blocks = kept;
    arena_restart(arena);
    if (kept != NULL && kept->size > ARENA_FIRST_SIZE) {
        kept->next = NULL;
        arena->at = kept->data;
        arena->end = kept->data + kept->size;
    } else {
        free(kept);
        arena->blocks = NULL;
    }
}

void arena_wipe(struct arena *arena)
{
    assert(arena->magic == ARENA_MAGIC);
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->next) {
        explicit_bzero(block->data, block->size);
    }
    explicit_bzero(arena->first, ARENA_FIRST_SIZE - offsetof(struct arena, first));
}

void arena_free(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    assert(arena->magic == ARENA_MAGIC);
    arena->magic = 0;
    arena_free_blocks(arena->blocks);
    free(arena);
}
