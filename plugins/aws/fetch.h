// SPDX-License-Identifier: Apache-2.0
//
// One fetch of credentials: reads the profile, finds the source that is set up, and asks it. The chain
// (plugins/aws/chain.h) says when.
#ifndef PLUGINS_AWS_FETCH_H
#define PLUGINS_AWS_FETCH_H

#include "core/buffer.h"
#include "plugins/aws/errand.h"
#include "plugins/aws/keyset.h"
#include "plugins/aws/settings.h"
#include "plugins/aws/wire.h"

struct aws_meter;

#define AWS_FETCH_TEXT_SIZE 512

enum aws_source {
    AWS_SOURCE_NONE, ///< not found yet
    AWS_SOURCE_ENVIRONMENT,
    AWS_SOURCE_WEB_IDENTITY,
    AWS_SOURCE_PROFILE,
    AWS_SOURCE_CONTAINER,
    AWS_SOURCE_INSTANCE
};

struct aws_fetch {
    const struct ph_host *host;
    struct aws_settings *settings;
    struct aws_meter *meter;
    enum aws_source source; ///< once one has given keys it stays
    bool loaded;            ///< the profile was read
    struct aws_errand errand;
    void (*done)(void *context);
    void *context;

    // What came of it.
    struct aws_keyset keys;  ///< to be taken over
    enum ph_outcome outcome; ///< PH_OK, PH_UNAVAILABLE, PH_DENIED
    char text[AWS_FETCH_TEXT_SIZE];

    // What the errand under way needs.
    struct ph_http_request request;
    const char *lines[3];
    char url[AWS_URL_SIZE];
    struct buffer header; ///< holds a token
    struct aws_wire wire;
    struct aws_endpoint endpoint;
};

/// Zeroed at first. False: no memory.
bool aws_fetch_init(struct aws_fetch *fetch, const struct ph_host *host, struct aws_settings *settings,
                    struct aws_meter *meter, void (*done)(void *context), void *context);
/// Wipes and frees what it holds; nothing may be under way.
void aws_fetch_clear(struct aws_fetch *fetch);

/// Begins; `done` runs once, perhaps inside this call. With `source` set only that one is asked.
void aws_fetch_begin(struct aws_fetch *fetch);

/// What an operator knows the source by.
const char *aws_source_name(enum aws_source source);

// --- For the sources, plugins/aws/fetch_*.c. Each begins an errand, or ends the fetch at once. ---

/// Ends the fetch: with PH_OK the keys are there, else the text says why not.
void aws_fetch_end(struct aws_fetch *fetch, enum ph_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/// Ends it for an errno of a file of that meaning: "the web identity token".
void aws_fetch_end_file(struct aws_fetch *fetch, const char *what, const char *path, int error);
/// Ends it for a response that is not the one wanted, or none.
void aws_fetch_end_response(struct aws_fetch *fetch, const char *who, const struct ph_http_response *response);
/// Ends it with the keys of an answer in JSON.
void aws_fetch_end_json(struct aws_fetch *fetch, const char *who, const struct ph_http_response *response);
/// Prepares fetch->request: a method, fetch->url, and a header line or NULL.
void aws_fetch_request(struct aws_fetch *fetch, const char *method, const char *line, uint32_t connect_timeout_ms);

void aws_fetch_container(struct aws_fetch *fetch);
void aws_fetch_instance(struct aws_fetch *fetch);
/// The file is that of the environment or of the profile; the role is where the file is.
void aws_fetch_web_identity(struct aws_fetch *fetch, const char *token_file);

/// Whether credentials may be fetched from there, and sent a token: https, or a machine's own addresses.
bool aws_container_url_is_allowed(const char *url);

#endif
