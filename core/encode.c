// SPDX-License-Identifier: Apache-2.0
//
// See core/encode.h.
#include "core/encode.h"
