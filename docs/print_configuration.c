// SPDX-License-Identifier: Apache-2.0
//
// Prints docs/configuration.md from the tables that check a configuration; docs/make runs it.
#include "core/config.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    char *document = config_document();
    int failed = fputs(document, stdout) == EOF || fflush(stdout) == EOF;
    free(document);
    return failed;
}
