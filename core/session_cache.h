// SPDX-License-Identifier: Apache-2.0
//
// Sessions that storage has confirmed lately, shared by all HTTP loops. An entry counts for 5 s, so that a session which
// another process has ended stops within that time; what this process ends is forgotten at once. Any thread; one lock.
#ifndef CORE_SESSION_CACHE_H
#define CORE_SESSION_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct api_session;
struct session_cache;

#define SESSION_CACHE_MS 5000
#define SESSION_CACHE_MAX 16384

struct session_cache *session_cache_new(void);
void session_cache_free(struct session_cache *cache);

/// Finds the session of a token's hash that was confirmed within the last 5 s and has not expired. `now_ms` is wall time,
/// `now_ns` monotonic.
bool session_cache_find(struct session_cache *cache, const uint8_t token_hash[32], uint64_t now_ns, int64_t now_ms,
                        struct api_session *session_r);

/// A number to be taken before storage is asked: what was forgotten since then must not be remembered from an older answer.
uint64_t session_cache_epoch(struct session_cache *cache);

/// Remembers a session that storage has confirmed just now; not if anything was forgotten since `epoch`.
void session_cache_remember(struct session_cache *cache, const struct api_session *session, uint64_t now_ns,
                            uint64_t epoch);

/// Forgets one session; or all of a user but, perhaps, one.
void session_cache_forget(struct session_cache *cache, const uint8_t token_hash[32]);
void session_cache_forget_user(struct session_cache *cache, const char *user, const uint8_t *but_token_hash);

#endif
