// SPDX-License-Identifier: Apache-2.0
//
// See core/timestamp.h.
#include "core/timestamp.h"
