// SPDX-License-Identifier: Apache-2.0
//
// A disk that answers late: preloaded into PostgreSQL (LD_PRELOAD), it adds SLOW_DISK_US microseconds to each fdatasync.
// The time is slept, as a disk's is: the processor is free meanwhile.
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    static int (*disk)(int fd);
    static struct timespec delay;
    if (disk == NULL) {
        const char *microseconds = getenv("SLOW_DISK_US");
        const long us = microseconds == NULL ? 0 : strtol(microseconds, NULL, 10);
        delay = (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
        *(void **)&disk = dlsym(RTLD_NEXT, "fdatasync");
    }
    clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
    return disk(fd);
}
