// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/chain.h.
#include "plugins/aws/chain.h"
#include "plugins/aws/settings.h"
#include <stdio.h>
#include <stdlib.h>

struct aws_chain {
    const struct ph_host *host;
    struct aws_settings *settings;
};

struct aws_chain *aws_chain_new(const struct ph_host *host, struct aws_settings *settings, struct aws_meter *meter,
                                void (*changed)(void *context), void *context)
{
    struct aws_chain *chain = calloc(1, sizeof *chain);
    (void)meter;
    (void)changed;
    (void)context;
    if (chain != NULL) {
        chain->host = host;
        chain->settings = settings;
    }
    return chain;
}

void aws_chain_close(struct aws_chain *chain, void (*closed)(void *context), void *context)
{
    free(chain);
    closed(context);
}

enum aws_chain_state aws_chain_keys(struct aws_chain *chain, struct aws_keys *keys_r)
{
    (void)chain;
    *keys_r = (struct aws_keys){aws_environment("AWS_ACCESS_KEY_ID"), aws_environment("AWS_SECRET_ACCESS_KEY"),
                                aws_environment("AWS_SESSION_TOKEN")};
    return keys_r->id != NULL && keys_r->secret != NULL ? AWS_CHAIN_READY : AWS_CHAIN_FAILED;
}

void aws_chain_refuse(struct aws_chain *chain, const char *key_id)
{
    (void)chain;
    (void)key_id;
}

enum ph_outcome aws_chain_error(const struct aws_chain *chain, const char **text_r)
{
    (void)chain;
    *text_r = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    return PH_DENIED;
}

void aws_chain_health(const struct aws_chain *chain, char *line_r, size_t size)
{
    (void)chain;
    snprintf(line_r, size, "credentials from the environment, without an end");
}
