// SPDX-License-Identifier: Apache-2.0
//
// The reference page of the metrics, docs/metrics.md, from the tables that make them.
#ifndef CORE_METRICS_DOCUMENT_H
#define CORE_METRICS_DOCUMENT_H

/// The page in Markdown; free with free().
char *metrics_document(void) __attribute__((warn_unused_result));

#endif
