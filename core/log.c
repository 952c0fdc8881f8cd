// SPDX-License-Identifier: Apache-2.0
//
// See core/log.h.
#include "core/log.h"
