// SPDX-License-Identifier: Apache-2.0
//
// Injected faults: what `fault.*` keys ask for, and the decisions drawn from them.
//
//     fault.seed = 7
//     fault.append = latency 5ms..80ms, transient 5%, uncertain 2%, throttled 1% 200ms, hang 0.1%
//     fault.all = duplicate 1%, partial 3%, unavailable 0.5%, down 10s..20s
//
// `fault.all` holds for each operation of the kind and for health, where no key names the operation itself
// (open and reload only when named). A decision is drawn once for each plugin call, always with the same
// number of draws, from a generator of the operation's own: the same seed gives the same decisions, operation
// by operation, whatever the others do.
#ifndef CORE_FAULTS_H
#define CORE_FAULTS_H

#include "core/operation.h"
#include "core/random.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The longest value of a key, in bytes.
#define FAULTS_VALUE_MAX 512

/// What happens to calls of one operation. Probabilities in millionths.
struct fault_rule {
    bool set;
    int64_t latency_from_ms; ///< the start is delayed, uniform between both; 0 and 0: not
    int64_t latency_to_ms;
    uint32_t transient;   ///< the call is not made: all entries are transient
    uint32_t uncertain;   ///< the call is made, its answer is dropped: all entries are uncertain
    uint32_t throttled;   ///< the call is not made: all entries are throttled with throttled_delay_ms
    uint32_t hang;        ///< the call is not made and ends when it is cancelled
    uint32_t unavailable; ///< the call is not made: all entries are unavailable
    uint32_t duplicate;   ///< the call is made twice, one after the other; the second answer counts
    uint32_t partial;     ///< each entry by itself is left out with this probability, and is transient
    uint32_t throttled_delay_ms;
    int64_t down_from_ms; ///< between these times after the start every call is unavailable; 0 and 0: never
    int64_t down_to_ms;
};

/// All keys of a section; start with {0}.
struct fault_settings {
    bool present; ///< any rule was given
    uint64_t seed;
    struct fault_rule all;
    struct fault_rule rules[OPERATION_NUMBER_MAX];
};

/// Reads one key (whole, with its prefix) of a section of that kind. False: `error_r` holds what is wrong,
/// with the column in the value, for "file:line: " in front. A later key of the same name replaces the
/// former.
bool faults_parse(struct fault_settings *settings, uint32_t kind, const char *key, const char *value, char *error_r,
                  size_t error_size);

enum fault_choice { FAULT_NONE, FAULT_TRANSIENT, FAULT_UNCERTAIN, FAULT_THROTTLED, FAULT_HANG, FAULT_UNAVAILABLE };

/// What is to happen to one plugin call.
struct fault_decision {
    enum fault_choice choice;
    bool duplicate;
    int64_t latency_ms;
    uint32_t delay_ms;            ///< with FAULT_THROTTLED
    uint32_t partial;             ///< millionths; 0: no entry is left out
    struct random_seeded entries; ///< draws which entries are left out
};

struct faults;

/// Makes the generators. `started_ns` is the monotonic time that `down` counts from. NULL when no rule is
/// set: then nothing is injected and nothing costs.
struct faults *faults_new(const struct fault_settings *settings, uint64_t started_ns);
void faults_free(struct faults *faults);

/// Draws the decision for the next plugin call of that operation. False: none (no rule, or nothing happens).
bool faults_decide(struct faults *faults, uint32_t operation, uint64_t now_ns, struct fault_decision *decision_r);

/// True when the next entry of this call is left out; asked once for each entry, in their order.
bool faults_leaves_out(struct fault_decision *decision);

/// One line for the log that tells all rules: "seed 7; append: latency 5ms..80ms, transient 5%; …".
char *faults_describe(const struct fault_settings *settings) __attribute__((malloc, warn_unused_result));

#endif
