// SPDX-License-Identifier: Apache-2.0
//
// See cursor_file.h.
#include "cli/cursor_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/xalloc.h"

bool cursor_file_read(const char *file, char cursor[LIST_CURSOR_SIZE])
{
    char line[LIST_CURSOR_SIZE] = "";
    FILE *in = fopen(file, "re");
    if (in == NULL && errno == ENOENT) {
        return true;
    }
    const bool got = in != NULL && fgets(line, sizeof line, in) != NULL;
    const int reason = errno;
    if (in != NULL) {
        fclose(in);
    }
    if (!got) {
        fprintf(stderr, "posthouse: inbox: cannot read the cursor in %s: %s\n", file,
                in != NULL ? "it is empty; remove it to begin at the start" : strerror(reason));
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (!list_cursor_good("inbox", line)) {
        return false;
    }
    snprintf(cursor, LIST_CURSOR_SIZE, "%s", line);
    return true;
}

bool cursor_file_write(const char *file, const char *cursor)
{
    char *fresh = xasprintf("%s.new", file);
    FILE *out = fopen(fresh, "we");
    bool good = out != NULL && fprintf(out, "%s\n", cursor) > 0;
    good = out != NULL && fclose(out) == 0 && good && rename(fresh, file) == 0;
    if (!good) {
        fprintf(stderr, "posthouse: inbox: cannot write the cursor to %s: %s\n", file, strerror(errno));
    }
    free(fresh);
    return good;
}
