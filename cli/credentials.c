// SPDX-License-Identifier: Apache-2.0
//
// See credentials.h. JSON in one line; written to a new file beside it, which then takes its name.
#include "cli/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/xalloc.h"

#define FILE_MAX 4096

static char *credentials_path(void)
{
    const char *path = getenv("POSTHOUSE_CREDENTIALS");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (path != NULL && path[0] != '\0') {
        return xstrdup(path);
    }
    if (config != NULL && config[0] == '/') {
        return xasprintf("%s/posthouse/credentials", config);
    }
    return xasprintf("%s/.config/posthouse/credentials", home != NULL ? home : ".");
}

void credentials_wipe(struct credentials *credentials)
{
    explicit_bzero(credentials, sizeof *credentials);
}

static bool copy_member(const json_t *json, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(json, name));
    if (text == NULL || strlen(text) >= size) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

// Reads the file's text; -1 with errno if it is not to be had, EPERM if others may read it.
static ssize_t read_private(const char *path, char text_r[FILE_MAX])
{
    struct stat status;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return -1;
    }
    ssize_t length = -1;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 077) == 0) {
        length = read(descriptor, text_r, FILE_MAX);
    } else {
        errno = EPERM;
    }
    const int reason = errno;
    close(descriptor);
    errno = reason;
    return length;
}

static bool parse(const char *text, size_t length, struct credentials *credentials_r)
{
    json_t *json = json_loadb(text, length, 0, NULL);
    const bool good = copy_member(json, "server", credentials_r->server, sizeof credentials_r->server) &&
                      copy_member(json, "token", credentials_r->token, sizeof credentials_r->token) &&
                      copy_member(json, "user", credentials_r->user, sizeof credentials_r->user);
    json_decref(json);
    return good;
}

static bool credentials_load(struct credentials *credentials_r, bool tell)
{
    char text[FILE_MAX];
    char *path = credentials_path();
    const ssize_t length = read_private(path, text);
    const int reason = errno;
    bool good = length >= 0 && parse(text, (size_t)length, credentials_r);
    explicit_bzero(text, sizeof text);
    if (!good && tell) {
        if (length < 0 && reason == ENOENT) {
            fputs("posthouse: not logged in: posthouse login --server URL\n", stderr);
        } else if (length < 0 && reason == EPERM) {
            fprintf(stderr, "posthouse: %s can be read by others; it holds a token: chmod 600 it, or log in again\n",
                    path);
        } else {
            fprintf(stderr, "posthouse: cannot use %s: %s; log in again\n", path,
                    length < 0 ? strerror(reason) : "it is not what posthouse login writes");
        }
    }
    free(path);
    return good;
}

bool credentials_read(struct credentials *credentials_r)
{
    return credentials_load(credentials_r, true);
}

bool credentials_peek(struct credentials *credentials_r)
{
    return credentials_load(credentials_r, false);
}

static void make_folders(const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if ((size_t)(slash - path) < sizeof part) {
            memcpy(part, path, (size_t)(slash - path));
            part[slash - path] = '\0';
            mkdir(part, 0700); // what is wrong shows when the file is made
        }
    }
}

static bool write_file(const char *path, const char *text)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return false;
    }
    const ssize_t length = (ssize_t)strlen(text);
    const bool good = write(descriptor, text, (size_t)length) == length && fsync(descriptor) == 0;
    return close(descriptor) == 0 && good;
}

bool credentials_write(const struct credentials *credentials)
{
    char *path = credentials_path();
    char *fresh = xasprintf("%s.%ld", path, (long)getpid());
    json_t *json = json_pack("{s:s, s:s, s:s}", "server", credentials->server, "user", credentials->user, "token",
                             credentials->token);
    char *text = json_dumps(json, JSON_COMPACT);
    make_folders(path);
    unlink(fresh);
    const bool good = text != NULL && write_file(fresh, text) && rename(fresh, path) == 0;
    if (!good) {
        fprintf(stderr, "posthouse: cannot write %s: %s\n", path, strerror(errno));
        unlink(fresh);
    }
    json_decref(json);
    free(text);
    free(fresh);
    free(path);
    return good;
}

void credentials_remove(void)
{
    char *path = credentials_path();
    unlink(path);
    free(path);
}
