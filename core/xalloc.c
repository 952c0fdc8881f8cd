// SPDX-License-Identifier: Apache-2.0
//
// See core/xalloc.h.
#include "core/xalloc.h"
