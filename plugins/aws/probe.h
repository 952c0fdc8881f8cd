// SPDX-License-Identifier: Apache-2.0
//
// Trying rights without an effect: the operation `probe` of the AWS plugins.
//
// A right is tried by a request that cannot do anything, whoever sends it: one that the service refuses for what it
// holds, or that names a thing that cannot exist. What the answer proves:
//
//   a denial by a policy                 the right is missing
//   an answer with a result (2xx)        the right is there, also when every entry of a batch was refused: entries are
//                                        looked at once the request is allowed
//   another refusal of the whole request nothing by itself, since AWS does not say for every operation whether it looks at
//                                        a request's values before or after its rights. The same request then goes to a
//                                        resource that no policy is meant for. If that one is denied, rights come first,
//                                        so the right is there; else it is not known
//   all else                             it is not known
#ifndef PLUGINS_AWS_PROBE_H
#define PLUGINS_AWS_PROBE_H

#include "core/buffer.h"
#include "core/list.h"
#include "plugins/aws/client.h"

/// The last part of the name of a resource that no policy is meant for, and that does not exist. The end `.fifo` may be
/// added.
#define AWS_ELSEWHERE "no-right-is-meant-for-this-name"

struct aws_probe;

/// What is under way; LIST_INIT() first.
LIST_HEAD(aws_probes, aws_probe);

/// How the right to an action is tried.
struct aws_trial {
    const char *action; ///< as in the plugin's table of rights
    const struct aws_service *service;
    const char *operation;
    /// Appends the request's body; `elsewhere`: for a resource named AWS_ELSEWHERE instead of the config's.
    void (*write)(struct buffer *body, const void *config, bool elsewhere);
};

/// Tries what the entries of a call of `probe` name, and completes it. An action without a trial ends PH_INVALID.
/// Trials are constant; the config must stay until then.
void aws_probe(struct aws_probes *probes, struct aws_client *client, const struct aws_trial *trials, size_t count,
               const void *config, struct ph_call *call);

/// Asks that a call end soon. False: it is not under way.
bool aws_probe_cancel(const struct aws_probes *probes, const struct ph_call *call);

/// Appends `name` up to and with its last `separator`, and AWS_ELSEWHERE; `.fifo` is kept.
void aws_elsewhere(struct buffer *out, const char *name, char separator);

#endif
