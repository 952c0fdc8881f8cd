// SPDX-License-Identifier: Apache-2.0
//
// See core/utf8.h.
#include "core/utf8.h"
