// SPDX-License-Identifier: Apache-2.0
//
// See core/arena.h.
#include "core/arena.h"
