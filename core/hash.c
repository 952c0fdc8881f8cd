// SPDX-License-Identifier: Apache-2.0
//
// See core/hash.h.
#include "core/hash.h"
