// SPDX-License-Identifier: Apache-2.0
//
// See core/quantity.h.
#include "core/quantity.h"
