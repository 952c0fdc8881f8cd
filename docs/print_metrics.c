// SPDX-License-Identifier: Apache-2.0
//
// Prints docs/metrics.md from the tables that make the metrics; docs/make runs it.
#include "core/metrics_document.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *document = metrics_document();
    int failed = fputs(document, stdout) == EOF || fflush(stdout) == EOF;
    free(document);
    return failed;
}
