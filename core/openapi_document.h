// SPDX-License-Identifier: Apache-2.0
//
// docs/openapi.yaml as JSON, compiled in. Made by scripts/openapi-to-c; `./dev lint` says when it is out of date.
#ifndef CORE_OPENAPI_DOCUMENT_H
#define CORE_OPENAPI_DOCUMENT_H

#include <stddef.h>

extern const char openapi_document[];
extern const size_t openapi_document_length;

#endif
