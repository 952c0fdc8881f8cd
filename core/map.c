// SPDX-License-Identifier: Apache-2.0
//
// See core/map.h.
#include "core/map.h"
