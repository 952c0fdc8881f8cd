// SPDX-License-Identifier: Apache-2.0
//
// Moving averages with a gap between the two limits, so that nothing swings.
#include "plugins/storage-rds/pace.h"

#define FIRST 8  // appends that are all measured
#define EVERY 16 // after them, one in so many: a measured one costs each end another packet
#define WEIGHT 8 // of what was before

bool pace_measures(struct pace *pace)
{
    pace->appends++;
    return pace->appends <= FIRST || pace->appends % EVERY == 0;
}

static int64_t mixed(const struct pace *pace, int64_t before, int64_t now)
{
    return pace->measured == 0 ? now : before + (now - before) / WEIGHT;
}

void pace_note(struct pace *pace, int64_t working, int64_t committing)
{
    pace->working = mixed(pace, pace->working, working);
    pace->committing = mixed(pace, pace->committing, committing);
    pace->measured++;
    if (pace->committing > 2 * pace->working)
        pace->alone = false;
    else if (pace->committing < pace->working + pace->working / 2)
        pace->alone = true;
}

bool pace_alone(const struct pace *pace)
{
    return pace->alone;
}
