// SPDX-License-Identifier: Apache-2.0
//
// A histogram as at most 100 values, from which CloudWatch can compute percentiles. The format knows neither buckets nor
// counts, only arrays of up to 100 numbers; so up to 100 observations are given one by one, and more by as many
// quantiles in the middle of equal shares. Inside a bucket, observations are taken to lie evenly.
#ifndef CORE_EMF_SPREAD_H
#define CORE_EMF_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#define EMF_SPREAD_MAX 100

/// Fills `values_r` from counts a bucket (not cumulated; one more than bounds, the last without an upper bound), in rising
/// order, in the bounds' unit. Returns how many there are: 0 without observations.
size_t emf_spread(const uint64_t *bounds, size_t bound_count, const uint64_t *counts, double values_r[EMF_SPREAD_MAX]);

#endif
