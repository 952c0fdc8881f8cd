// SPDX-License-Identifier: Apache-2.0
//
// See core/clock.h.
#include "core/clock.h"
