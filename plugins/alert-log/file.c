// SPDX-License-Identifier: Apache-2.0
//
// The file of alert-log. It is opened anew for each call: so it may be rotated at any time, and nothing has to notice
// it. O_APPEND and one write a line keep lines of several writers apart. A line that a full disk cut short, ours or
// another's, is closed by a line end before the next one.
#include "plugins/alert-log/file.h"

#include "plugins/alert-log/line.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A path that can never be such a file is the config's fault, except while running: there somebody may mend it.
static enum ph_outcome file_outcome(int error, bool opening)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return PH_DENIED;
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EINVAL:
    case ENXIO:
        return opening ? PH_INVALID : PH_UNAVAILABLE;
    default:
        return PH_UNAVAILABLE;
    }
}

// Opens the file; -1 with errno set. Only a regular file will do: others cannot be looked at from the end.
static int file_open(const char *path)
{
    int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    struct stat status;
    if (file >= 0 && (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(file);
        errno = EINVAL;
        return -1;
    }
    return file;
}

static void file_explain(struct ph_call *call, size_t index, const char *path, int error, bool opening)
{
    const char *why = error == EINVAL ? "it is not a regular file" : strerror(error);
    if (error == ENOENT)
        why = "its folder does not exist";
    call->host->set(call, index, file_outcome(error, opening), 0, "alerts cannot be written to %s: %s", path, why);
}

void file_try(struct ph_call *call, const char *path)
{
    int file = file_open(path);
    if (file < 0) {
        file_explain(call, 0, path, errno, true);
        return;
    }
    close(file);
    call->results[0]->outcome = PH_OK;
}

void file_look(struct ph_call *call, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    int answer = access(path, W_OK);
    if (answer != 0 && errno == ENOENT && length < sizeof(folder)) {
        memcpy(folder, path, length);
        folder[length] = '\0';
        const char *parent = slash ? folder : ".";
        answer = access(length || !slash ? parent : "/", W_OK | X_OK);
    }
    if (answer != 0)
        file_explain(call, 0, path, errno, false);
    else
        call->results[0]->outcome = PH_OK;
}

// Whether the file's last line has no end.
static bool file_is_torn(int file)
{
    struct stat status;
    char last = '\n';
    return fstat(file, &status) == 0 && status.st_size > 0 && pread(file, &last, 1, status.st_size - 1) == 1 &&
           last != '\n';
}

static void file_append_one(struct ph_call *call, size_t index, int file, const char *path, size_t body_limit)
{
    struct ph_text line = line_make(call, call->entries[index], body_limit, file_is_torn(file) ? "\n" : "");
    if (!line.bytes) {
        call->host->set(call, index, PH_INTERNAL, 0, "the call's arena is full");
        return;
    }
    ssize_t written;
    do {
        written = write(file, line.bytes, line.length);
    } while (written < 0 && errno == EINTR);
    if (written == (ssize_t)line.length)
        call->results[index]->outcome = PH_OK;
    else
        file_explain(call, index, path, written < 0 ? errno : ENOSPC, false);
}

void file_append(struct ph_call *call, const char *path, size_t body_limit)
{
    int file = file_open(path);
    int error = errno;
    for (size_t i = 0; i < call->count; i++) {
        if (file < 0)
            file_explain(call, i, path, error, false);
        else
            file_append_one(call, i, file, path, body_limit);
    }
    if (file < 0)
        return;
    error = fdatasync(file) == 0 ? 0 : errno;
    close(file);
    for (size_t i = 0; error && i < call->count; i++) {
        if (call->results[i]->outcome == PH_OK)
            call->host->set(call, i, PH_UNCERTAIN, 0, "%s may not be on the disk: %s", path, strerror(error));
    }
}
