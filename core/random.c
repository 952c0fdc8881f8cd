// SPDX-License-Identifier: Apache-2.0
//
// See core/random.h.
#include "core/random.h"
