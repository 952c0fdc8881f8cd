// SPDX-License-Identifier: Apache-2.0
//
// See core/password.h.
#include "core/password.h"
