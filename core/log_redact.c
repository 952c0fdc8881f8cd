// SPDX-License-Identifier: Apache-2.0
//
// See core/log_redact.h and log_redact() in core/log.h.
//
// A ring of copies under a read-write lock. Searching is a memmem() a secret, and none at all while nothing is
// registered. Secrets are looked for in the raw bytes, before anything is cleaned or cut, so that a cut cannot show
// half of one.
#include "core/log_redact.h"

#include "core/log.h"
#include "core/utf8.h"
#include "core/xalloc.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/// Longer secrets are known by their beginning.
#define SECRET_MAX ((size_t)4096)
/// Raw bytes of a value that are looked at.
#define RAW_MAX ((size_t)4096)
#define MASK "***"
#define MARK "\xe2\x80\xa6"
#define MARK_LENGTH (sizeof MARK - 1)

struct secret {
    char *text;
    size_t length;
};

static pthread_rwlock_t secrets_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct secret secrets[LOG_SECRETS_MAX];
static size_t secrets_next;
static _Atomic size_t secrets_count;

static void forget(struct secret *secret)
{
    if (secret->text != NULL) {
        OPENSSL_cleanse(secret->text, secret->length);
        free(secret->text);
    }
    *secret = (struct secret){0};
}

static bool is_known(const char *text, size_t length)
{
    for (size_t i = 0; i < secrets_count; i++) {
        if (secrets[i].length == length && memcmp(secrets[i].text, text, length) == 0) {
            return true;
        }
    }
    return false;
}

void log_redact(const char *secret, size_t length)
{
    if (length < LOG_SECRET_MIN) {
        return;
    }
    if (length > SECRET_MAX) {
        length = SECRET_MAX;
    }
    pthread_rwlock_wrlock(&secrets_lock);
    if (!is_known(secret, length)) {
        forget(&secrets[secrets_next]);
        secrets[secrets_next] = (struct secret){.text = xmemdup(secret, length), .length = length};
        secrets_next = (secrets_next + 1) % LOG_SECRETS_MAX;
        if (secrets_count < LOG_SECRETS_MAX) {
            secrets_count++;
        }
    }
    pthread_rwlock_unlock(&secrets_lock);
}

void log_redact_clear(void)
{
    pthread_rwlock_wrlock(&secrets_lock);
    for (size_t i = 0; i < LOG_SECRETS_MAX; i++) {
        forget(&secrets[i]);
    }
    secrets_next = 0;
    secrets_count = 0;
    pthread_rwlock_unlock(&secrets_lock);
}

/// With the lock held: where the first secret begins, and how far the longest that begins there reaches.
static size_t find_secret(const char *text, size_t length, size_t *end_r)
{
    size_t first = length;
    *end_r = length;
    for (size_t i = 0; i < secrets_count; i++) {
        size_t reach = first < length ? first + secrets[i].length : length;
        const char *hit = memmem(text, reach < length ? reach : length, secrets[i].text, secrets[i].length);
        size_t start = hit != NULL ? (size_t)(hit - text) : length;
        if (start < first) {
            first = start;
            *end_r = start + secrets[i].length;
        } else if (hit != NULL && start == first && start + secrets[i].length > *end_r) {
            *end_r = start + secrets[i].length;
        }
    }
    return first;
}

/// With the lock held.
static size_t redact(char *out, size_t size, const char *text, size_t length, size_t raw, bool *cut)
{
    size_t written = 0;
    for (size_t at = 0; at < raw;) {
        size_t end;
        size_t secret = at + find_secret(text + at, length - at, &end);
        size_t plain = secret < raw ? secret : raw;
        size_t used;
        written += utf8_clean_part(out + written, size - written, text + at, plain - at, &used);
        bool full = used < plain - at || (secret < raw && size - written < sizeof MASK);
        *cut |= full;
        if (full || secret >= raw) {
            break;
        }
        memcpy(out + written, MASK, sizeof MASK);
        written += sizeof MASK - 1;
        at += end;
    }
    return written;
}

size_t log_redact_value(char *out, size_t size, const char *text, size_t length)
{
    assert(size >= 16);
    size_t raw = length < RAW_MAX ? length : RAW_MAX;
    bool cut = length > RAW_MAX;
    size_t written;
    size_t room = size - MARK_LENGTH;
    if (atomic_load_explicit(&secrets_count, memory_order_acquire) == 0) {
        size_t used;
        written = utf8_clean_part(out, room, text, raw, &used);
        cut |= used < raw;
    } else {
        pthread_rwlock_rdlock(&secrets_lock);
        written = redact(out, room, text, length < RAW_MAX + SECRET_MAX ? length : RAW_MAX + SECRET_MAX, raw, &cut);
        pthread_rwlock_unlock(&secrets_lock);
    }
    if (cut) {
        memcpy(out + written, MARK, MARK_LENGTH + 1);
        written += MARK_LENGTH;
    }
    return written;
}
