// SPDX-License-Identifier: Apache-2.0
//
// See core/metrics.h.
#include "core/metrics.h"
