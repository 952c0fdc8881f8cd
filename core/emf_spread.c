// SPDX-License-Identifier: Apache-2.0
//
// See core/emf_spread.h.
#include "core/emf_spread.h"

// The value of the observation of a rank (0 ≤ rank < total, in parts of an observation).
static double value_at(double rank, const uint64_t *bounds, size_t bound_count, const uint64_t *counts)
{
    double before = 0;
    for (size_t i = 0; i <= bound_count; i++) {
        double count = (double)counts[i];
        if (count > 0 && rank < before + count) {
            double low = i > 0 ? (double)bounds[i - 1] : 0;
            double high = i < bound_count ? (double)bounds[i] : low; // above the last bound nothing more is known
            return low + (high - low) * ((rank - before) / count);
        }
        before += count;
    }
    return bound_count > 0 ? (double)bounds[bound_count - 1] : 0;
}

size_t emf_spread(const uint64_t *bounds, size_t bound_count, const uint64_t *counts, double values_r[EMF_SPREAD_MAX])
{
    uint64_t total = 0;
    for (size_t i = 0; i <= bound_count; i++) {
        total += counts[i];
    }
    size_t count = total < EMF_SPREAD_MAX ? (size_t)total : EMF_SPREAD_MAX;
    for (size_t i = 0; i < count; i++) {
        values_r[i] = value_at(((double)i + 0.5) * (double)total / (double)count, bounds, bound_count, counts);
    }
    return count;
}
