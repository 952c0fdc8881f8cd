// SPDX-License-Identifier: Apache-2.0
//
// What the API measures: each answer by route and class of status, and the HTTP layer's own counters.
#ifndef CORE_API_METRICS_H
#define CORE_API_METRICS_H

#include <stddef.h>

struct api;
struct api_loop;
struct http_answer;
struct metrics_family;

/// Room for a loop's series by route and class of status, which are made at their first use.
void api_metrics_attach(struct api_loop *loop);
void api_metrics_detach(struct api_loop *loop);

/// Measures an answer; on the loop's thread.
void api_metrics_answer(struct api_loop *loop, const struct http_answer *answer);

/// Sets the gauges of the HTTP layer to what they are now. Any loop's thread.
void api_metrics_refresh(struct api *api);

/// All families of this file, for the reference; NULL behind the last.
const struct metrics_family *api_metrics_family(size_t index);

#endif
