// SPDX-License-Identifier: Apache-2.0
//
// The errands that fetching credentials needs: a small file read on a helper thread, a small HTTP request that is tried
// again. One at a time; the way back is always later, and always comes, also after a cancel.
#ifndef PLUGINS_AWS_ERRAND_H
#define PLUGINS_AWS_ERRAND_H

#include "posthouse/plugin.h"

#define AWS_ERRAND_ANSWER_MAX ((size_t)64 << 10)
/// An answer to one try may take this long.
#define AWS_ERRAND_TIMEOUT_MS 2000

struct event;

typedef void aws_errand_file_f(void *context, struct ph_text content, int error);
typedef void aws_errand_http_f(void *context, const struct ph_http_response *response);

/// Zeroed at first, then aws_errand_init(). It must not move while an errand is under way.
struct aws_errand {
    const struct ph_host *host;
    void *context;
    bool busy;
    bool cancelled;
    // of a file
    aws_errand_file_f *file_done;
    char *path;
    size_t limit;
    char *content;
    size_t length;
    int error; // errno
    // of a request
    aws_errand_http_f *http_done;
    const struct ph_http_request *request;
    struct ph_http_exchange *exchange;
    struct event *timer;
    unsigned tries;
    uint32_t pause_ms;
};

/// False: no memory.
bool aws_errand_init(struct aws_errand *errand, const struct ph_host *host);
/// Frees what it holds; no errand may be under way.
void aws_errand_clear(struct aws_errand *errand);

/// Reads a file of at most `limit` bytes: `done` gets its content, which is wiped afterwards and has a NUL byte behind it,
/// or errno (EFBIG: it is larger; EINVAL: it is no file; ECANCELED; EAGAIN: no helper thread takes it).
void aws_errand_file(struct aws_errand *errand, const char *path, size_t limit, aws_errand_file_f *done, void *context);

/// Sends a request, up to `tries` times while it gets no answer, 429 or 5xx. `done` gets the last response, or NULL after a
/// cancel. The request must stay until then.
void aws_errand_http(struct aws_errand *errand, const struct ph_http_request *request, unsigned tries,
                     aws_errand_http_f *done, void *context);

/// Has the errand end soon, if there is one.
void aws_errand_cancel(struct aws_errand *errand);

#endif
