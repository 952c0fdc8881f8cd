// SPDX-License-Identifier: Apache-2.0
//
// See core/backend_settings.h.
#include "core/backend_settings.h"
#include "core/quantity.h"
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define POLICY(name_, type_, member, standard, minimum_, maximum_, help_)                         \
    {                                                                                             \
        .name = (name_), .type = (type_), .flags = PH_OPTION_RELOADABLE,                          \
        .offset = PH_MEMBER(int64_t, struct backend_policy, member), .default_value = (standard), \
        .minimum = (minimum_), .maximum = (maximum_), .help = (help_)                             \
    }
#define DURATION(name, member, standard, minimum, maximum, help) \
    POLICY(name, PH_OPTION_DURATION, member, standard, minimum, maximum, help)
#define INTEGER(name, member, standard, minimum, maximum, help) \
    POLICY(name, PH_OPTION_INTEGER, member, standard, minimum, maximum, help)

const struct ph_option backend_policy_options[] = {
    DURATION("call.deadline", deadline, "5s", 10, 600000, "How long a call may take, its repeats included."),
    DURATION("call.attempt", attempt, "2s", 10, 600000,
             "How long one attempt of a call may take before it is given up and made again."),
    INTEGER("call.retries", retries, "3", 0, 100, "How often what may pass by itself is repeated."),
    INTEGER("call.concurrency", concurrency, "0", 0, 10000,
            "How many calls the backend is given at once; 0: as many as its plugin says."),
    INTEGER("call.waiting", waiting, "1000", 1, 1000000,
            "How many calls may wait for their turn; more are refused as overload."),
    DURATION("call.opening", opening, "30s", 100, 3600000, "How long opening the backend may take."),
    INTEGER("breaker.failures", failures, "5", 1, 1000,
            "After so many failed calls in a row the backend is left alone for a while."),
    DURATION("breaker.cooldown", cooldown, "1s", 10, 30000,
             "How long it is left alone at first; doubles up to 30s while it keeps failing."),
};
const size_t backend_policy_option_count = sizeof backend_policy_options / sizeof backend_policy_options[0];

void backend_policy_defaults(struct backend_policy *policy)
{
    for (size_t i = 0; i < backend_policy_option_count; i++) {
        const struct ph_option *option = &backend_policy_options[i];
        const char *text = option->default_value;
        int64_t value = 0;
        uint64_t number = 0;
        bool read = option->type == PH_OPTION_DURATION ? quantity_parse_duration(text, strlen(text), &value)
                                                       : quantity_parse_unsigned(text, strlen(text), &number);
        assert(read);
        (void)read;
        value = option->type == PH_OPTION_DURATION ? value : (int64_t)number;
        memcpy((char *)policy + option->offset, &value, sizeof value);
    }
}
