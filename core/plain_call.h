// SPDX-License-Identifier: Apache-2.0
//
// One operation with one entry and a limit in time: open, reload and health, which go past the wrapper's
// queue and retries. When the limit passes, the plugin is asked to end the call and `done` is told that there
// was no answer; the late answer is dropped.
#ifndef CORE_PLAIN_CALL_H
#define CORE_PLAIN_CALL_H

#include <posthouse/plugin.h>
#include <stdint.h>

struct instance;
struct plain_call;

/// `output` is the operation's, NULL when there was no answer; both are valid during the call.
typedef void plain_call_done_f(void *context, const struct ph_result *result, const void *output);

/// Starts a call. `entry` may be NULL; the struct is copied. `done`
/// runs once, later, on the loop, unless the call is forgotten first. `*slot` points to the call as long as the
/// plugin has it, also after the limit, and becomes NULL then.
void plain_call_start(struct plain_call **slot, struct instance *instance, uint32_t operation, const void *entry,
                      int64_t limit_ms, plain_call_done_f *done, void *context);

/// Neither `done` nor the slot is touched any more. The slot becomes NULL; it may be NULL already.
void plain_call_forget(struct plain_call **slot);

#endif
