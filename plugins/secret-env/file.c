// SPDX-License-Identifier: Apache-2.0
//
// Reads a secret's file. The file is judged by its open descriptor, so that it cannot be changed for another in between;
// and it is read into the call's arena only, which the host wipes.
#include "plugins/secret-env/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void file_refuse(struct ph_call *call, size_t index, const char *path, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        call->host->set(call, index, PH_NOT_FOUND, 0, "the secret's file %s does not exist", path);
        break;
    case EACCES:
    case EPERM:
        call->host->set(call, index, PH_DENIED, 0, "the secret's file %s must be readable by this program", path);
        break;
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
        call->host->set(call, index, PH_INVALID, 0, "the secret's file %s cannot be opened: %s", path, strerror(error));
        break;
    default:
        call->host->set(call, index, PH_UNAVAILABLE, 0, "the secret's file %s cannot be read: %s", path,
                        strerror(error));
    }
}

// Whether the file may hold a secret.
static bool file_is_good(struct ph_call *call, size_t index, const char *path, const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        call->host->set(call, index, PH_DENIED, 0, "%s is a folder; name a file in it", path);
    else if (!S_ISREG(status->st_mode))
        call->host->set(call, index, PH_DENIED, 0, "%s is not a regular file", path);
    else if (status->st_mode & S_IWOTH)
        call->host->set(call, index, PH_DENIED, 0, "anybody may write to the secret's file %s; take that right away",
                        path);
    else
        return true;
    return false;
}

// Reads up to `size` bytes; -1 with errno set.
static ssize_t file_read(int file, char *bytes, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(file, bytes + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

static void file_answer(struct ph_call *call, size_t index, const char *path, char *bytes, size_t length)
{
    struct ph_secret *secret = call->outputs[index];
    if (length > SECRET_LIMIT) {
        call->host->set(call, index, PH_INVALID, 0, "the secret's file %s is larger than 64 KiB", path);
        return;
    }
    if (memchr(bytes, '\0', length)) {
        call->host->set(call, index, PH_INVALID, 0, "the secret's file %s holds a NUL byte", path);
        return;
    }
    if (length && bytes[length - 1] == '\n') {
        length--;
        if (length && bytes[length - 1] == '\r')
            length--;
    }
    bytes[length] = '\0';
    secret->value = (struct ph_text){.bytes = bytes, .length = length};
    call->results[index]->outcome = PH_OK;
}

static void file_take(struct ph_call *call, size_t index, const char *path, int file)
{
    struct stat status;
    if (fstat(file, &status) != 0) {
        file_refuse(call, index, path, errno);
        return;
    }
    if (!file_is_good(call, index, path, &status))
        return;
    char *bytes = call->host->alloc(call, SECRET_LIMIT + 2);
    ssize_t length = bytes ? file_read(file, bytes, SECRET_LIMIT + 1) : -1;
    if (!bytes)
        call->host->set(call, index, PH_INTERNAL, 0, "the call's arena is full");
    else if (length < 0)
        file_refuse(call, index, path, errno);
    else
        file_answer(call, index, path, bytes, (size_t)length);
}

void file_fetch(struct ph_call *call, size_t index, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        file_refuse(call, index, path, errno);
        return;
    }
    file_take(call, index, path, file);
    close(file);
}
