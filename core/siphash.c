// SPDX-License-Identifier: Apache-2.0
//
// See core/siphash.h.
#include "core/siphash.h"
