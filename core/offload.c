// SPDX-License-Identifier: Apache-2.0
//
// See core/offload.h.
#include "core/offload.h"
