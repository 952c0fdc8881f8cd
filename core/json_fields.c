// SPDX-License-Identifier: Apache-2.0
//
// See core/json_fields.h.
#include "core/json_fields.h"
