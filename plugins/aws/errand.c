// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/errand.h.
#include "plugins/aws/errand.h"
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_PAUSE_MS 100

// --- Files -------------------------------------------------------------------------------------------------

static int read_whole(struct aws_errand *errand, int file)
{
    struct stat status;
    if (fstat(file, &status) != 0) {
        return errno;
    }
    if (!S_ISREG(status.st_mode)) {
        return EINVAL;
    }
    errand->content = malloc(errand->limit + 2);
    while (errand->content != NULL && errand->length <= errand->limit) {
        ssize_t got = read(file, errand->content + errand->length, errand->limit + 1 - errand->length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        if (got == 0) {
            errand->content[errand->length] = '\0';
            return 0;
        }
        errand->length += (size_t)got;
    }
    return errand->content == NULL ? ENOMEM : EFBIG;
}

static void file_work(void *context)
{
    struct aws_errand *errand = context;
    int file = open(errand->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        errand->error = errno;
        return;
    }
    errand->error = read_whole(errand, file);
    close(file);
}

static void file_done(void *context)
{
    struct aws_errand *errand = context;
    aws_errand_file_f *done = errand->file_done;
    int error = errand->cancelled ? ECANCELED : errand->error;
    char *content = errand->content;
    size_t length = errand->length;
    free(errand->path);
    errand->path = NULL;
    errand->content = NULL;
    errand->length = 0;
    errand->busy = false;
    // The way back may begin the next errand, so this one's content is no longer its own.
    done(errand->context, error == 0 ? (struct ph_text){content, length} : (struct ph_text){"", 0}, error);
    if (content != NULL) {
        OPENSSL_cleanse(content, length);
        free(content);
    }
}

void aws_errand_file(struct aws_errand *errand, const char *path, size_t limit, aws_errand_file_f *done, void *context)
{
    assert(!errand->busy);
    errand->busy = true;
    errand->cancelled = false;
    errand->file_done = done;
    errand->http_done = NULL;
    errand->context = context;
    errand->path = strdup(path);
    errand->limit = limit;
    errand->error = errand->path == NULL ? ENOMEM : EAGAIN;
    const struct ph_text key = {"", 0};
    if (errand->path == NULL || !errand->host->offload(errand->host, key, file_work, file_done, errand)) {
        event_active(errand->timer, EV_TIMEOUT, 0);
    }
}

// --- Requests ----------------------------------------------------------------------------------------------

static void http_try(struct aws_errand *errand);

static bool deserves_another(const struct ph_http_response *response)
{
    return response->outcome != PH_OK || response->status == 429 || response->status >= 500;
}

static void http_finish(struct aws_errand *errand, const struct ph_http_response *response)
{
    aws_errand_http_f *done = errand->http_done;
    errand->busy = false;
    done(errand->context, errand->cancelled ? NULL : response);
}

static void on_response(void *context, const struct ph_http_response *response)
{
    struct aws_errand *errand = context;
    errand->exchange = NULL;
    if (errand->cancelled || errand->tries == 0 || !deserves_another(response)) {
        http_finish(errand, response);
        return;
    }
    const struct timeval pause = {.tv_sec = errand->pause_ms / 1000, .tv_usec = errand->pause_ms % 1000 * 1000};
    errand->pause_ms *= 2;
    event_add(errand->timer, &pause);
}

static void http_try(struct aws_errand *errand)
{
    errand->tries--;
    errand->exchange = errand->host->http(errand->host, errand->request, on_response, errand);
    if (errand->exchange == NULL) {
        errand->tries = 0;
        event_active(errand->timer, EV_TIMEOUT, 0);
    }
}

// The pause before the next try is over; or an errand ends that never began.
static void on_timer(evutil_socket_t descriptor, short events, void *context)
{
    struct aws_errand *errand = context;
    (void)descriptor;
    (void)events;
    if (!errand->busy) {
        return;
    }
    if (errand->http_done == NULL) {
        file_done(errand);
    } else if (errand->cancelled || errand->tries == 0) {
        static const struct ph_http_response none = {
            .outcome = PH_TRANSIENT, .body = {"", 0}, .error = "too many HTTP requests are under way"};
        http_finish(errand, &none);
    } else {
        http_try(errand);
    }
}

void aws_errand_http(struct aws_errand *errand, const struct ph_http_request *request, unsigned tries,
                     aws_errand_http_f *done, void *context)
{
    assert(!errand->busy && tries > 0);
    errand->busy = true;
    errand->cancelled = false;
    errand->http_done = done;
    errand->context = context;
    errand->request = request;
    errand->tries = tries;
    errand->pause_ms = FIRST_PAUSE_MS;
    http_try(errand);
}

void aws_errand_cancel(struct aws_errand *errand)
{
    if (!errand->busy || errand->cancelled) {
        return;
    }
    errand->cancelled = true;
    if (errand->http_done == NULL) {
        return; // the helper thread comes back by itself
    }
    if (errand->exchange != NULL) {
        errand->host->http_cancel(errand->exchange);
    } else {
        event_del(errand->timer);
        event_active(errand->timer, EV_TIMEOUT, 0);
    }
}

bool aws_errand_init(struct aws_errand *errand, const struct ph_host *host)
{
    errand->host = host;
    errand->timer = evtimer_new(host->base, on_timer, errand);
    return errand->timer != NULL;
}

void aws_errand_clear(struct aws_errand *errand)
{
    assert(!errand->busy);
    if (errand->timer != NULL) {
        event_free(errand->timer);
        errand->timer = NULL;
    }
}
