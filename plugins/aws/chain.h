// SPDX-License-Identifier: Apache-2.0
//
// The chain of credentials: where they come from, and that they are good when a request is signed.
//
// The first source that is set up wins and stays: environment, web identity, shared files, container, instance. Keys that
// expire are fetched again in the background from 15 minutes before; from 10 minutes before, requests wait for that.
// While fetching fails, keys that are still good are used. On the loop only.
#ifndef PLUGINS_AWS_CHAIN_H
#define PLUGINS_AWS_CHAIN_H

#include "plugins/aws/settings.h"
#include "plugins/aws/sign.h"
#include "posthouse/plugin.h"

struct aws_chain;
struct aws_meter;

enum aws_chain_state {
    AWS_CHAIN_READY,  ///< here they are
    AWS_CHAIN_WAIT,   ///< they are being fetched; `changed` will be called
    AWS_CHAIN_FAILED, ///< there are none now; see aws_chain_error()
};

/// A chain. It reads the profile into `settings`, counts requests to STS in `meter`, and calls `changed` whenever
/// fetching has ended, never inside a function of this header. All must outlive it. NULL: no memory.
struct aws_chain *aws_chain_new(const struct ph_host *host, struct aws_settings *settings, struct aws_meter *meter,
                                void (*changed)(void *context), void *context);

/// Ends what is under way, frees the chain and calls `closed` once, now or later.
void aws_chain_close(struct aws_chain *chain, void (*closed)(void *context), void *context);

/// The keys to sign with now, valid until the next turn of the loop; begins to fetch where that is due.
enum aws_chain_state aws_chain_keys(struct aws_chain *chain, struct aws_keys *keys_r);

/// A service has said that these keys have expired: they are not used again.
void aws_chain_refuse(struct aws_chain *chain, const char *key_id);

/// Why there are no keys: PH_DENIED when an operator must act, else PH_UNAVAILABLE. The text holds no secret.
enum ph_outcome aws_chain_error(const struct aws_chain *chain, const char **text_r);

/// One line for an operator.
void aws_chain_health(const struct aws_chain *chain, char *line_r, size_t size);

#endif
