// SPDX-License-Identifier: Apache-2.0
//
// See core/uuid.h.
#include "core/uuid.h"
