// SPDX-License-Identifier: Apache-2.0
//
// Everything for which the HTTP layer itself refuses a request, each with its status and a sentence for the client. The
// parsers return these; the connection turns them into problem documents and closes.
#ifndef CORE_HTTP_FAULT_H
#define CORE_HTTP_FAULT_H

enum http_fault {
    HTTP_FAULT_NONE,
    HTTP_FAULT_REQUEST_LINE,
    HTTP_FAULT_VERSION,
    HTTP_FAULT_METHOD,
    HTTP_FAULT_TARGET,
    HTTP_FAULT_TARGET_LONG,
    HTTP_FAULT_TARGET_ENCODING,
    HTTP_FAULT_PARAMETERS,
    HTTP_FAULT_CONTROL,
    HTTP_FAULT_BARE_CR,
    HTTP_FAULT_BARE_LF,
    HTTP_FAULT_FOLDED,
    HTTP_FAULT_HEADER,
    HTTP_FAULT_HEAD_LONG,
    HTTP_FAULT_HEADERS_MANY,
    HTTP_FAULT_HOST_MISSING,
    HTTP_FAULT_HOST_TWICE,
    HTTP_FAULT_HOST,
    HTTP_FAULT_LENGTH,
    HTTP_FAULT_LENGTH_TWICE,
    HTTP_FAULT_LENGTH_AND_ENCODING,
    HTTP_FAULT_ENCODING,
    HTTP_FAULT_ENCODING_OLD,
    HTTP_FAULT_EXPECT,
    HTTP_FAULT_BODY_LARGE,
    HTTP_FAULT_CHUNK,
    HTTP_FAULT_CHUNK_EXTENSION,
    HTTP_FAULT_TRAILER,
    HTTP_FAULT_TRAILER_FRAMING,
    HTTP_FAULT_TRAILER_LONG,
    HTTP_FAULT_HEAD_CUT,
    HTTP_FAULT_BODY_CUT,
    HTTP_FAULT_HEAD_SLOW,
    HTTP_FAULT_BODY_SLOW,
    HTTP_FAULT_INTAKE,
    HTTP_FAULT_CONNECTIONS,
    HTTP_FAULT_COUNT
};

/// The status to answer with. Not for NONE.
int http_fault_status(enum http_fault fault);

/// The type's short name for the problem document, or NULL where the status says it all.
const char *http_fault_type(enum http_fault fault);

/// One sentence: what is wrong with the request.
const char *http_fault_detail(enum http_fault fault);

#endif
