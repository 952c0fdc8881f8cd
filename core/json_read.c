// SPDX-License-Identifier: Apache-2.0
//
// See core/json_read.h.
#include "core/json_read.h"
