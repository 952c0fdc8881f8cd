// SPDX-License-Identifier: Apache-2.0
//
// The secrets that were fetched: kept, asked for again on a period and when one was refused, each asked for once however
// many wait for it.
//
// ROTATION. Between the moment when the database has the new password and the moment when AWSCURRENT moves to it, the
// current version is refused. So a fresh fetch that finds AWSCURRENT unchanged asks for AWSPENDING too, and answers
// that if it differs from what was refused. When that one is refused in turn, the next fresh fetch answers AWSCURRENT.
#ifndef PLUGINS_SECRET_SECRETSMANAGER_CACHE_H
#define PLUGINS_SECRET_SECRETSMANAGER_CACHE_H

#include "plugins/aws/client.h"
#include "posthouse/plugin.h"

/// So many names at most.
#define SECRET_CACHE_MAX 1000

struct secret_cache;

/// A cache that asks through `client`, again every `refresh_ms`. Both must outlive it. NULL: no memory.
struct secret_cache *secret_cache_new(const struct ph_host *host, struct aws_client *client, int64_t refresh_ms);
/// Wipes and frees it. The client must be closed before: nothing may be under way.
void secret_cache_free(struct secret_cache *cache);

/// Runs a fetch call, which completes by itself.
void secret_cache_fetch(struct secret_cache *cache, struct ph_call *call);
/// Has a fetch call end soon. False: it is not under way.
bool secret_cache_cancel(struct secret_cache *cache, const struct ph_call *call);

/// No further asking by itself; for the time between here and secret_cache_free().
void secret_cache_stop(struct secret_cache *cache);

/// How many are held, and why the last refresh of one failed (PH_OK: it did not).
enum ph_outcome secret_cache_health(const struct secret_cache *cache, size_t *held_r, const char **error_r);

#endif
