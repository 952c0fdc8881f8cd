// SPDX-License-Identifier: Apache-2.0
//
// See core/buffer.h.
#include "core/buffer.h"
