// SPDX-License-Identifier: Apache-2.0
//
// The command's way to a server: one request at a time, JSON both ways, strict time-outs. The token goes only to the
// server that gave it, and no redirect is followed.
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

struct client;

/// An answer; free with client_answer_free().
struct client_answer {
    long status;      ///< 0: none came
    json_t *json;     ///< NULL: the body was empty or no JSON
    bool replayed;    ///< Idempotent-Replayed
    long retry_after; ///< seconds, 0 without the header
    char error[256];  ///< why no answer came
};

/// A client of `server` ("http://host:port"); `token` may be NULL. NULL, after a line on stderr, for a server that is no
/// http or https URL.
struct client *client_new(const char *server, const char *token);
/// The same from the credentials file, or NULL after a line on stderr ("log in first").
struct client *client_logged_in(void);
void client_free(struct client *client);
const char *client_server(const struct client *client);

/// One request; `body` may be NULL and is not consumed. `key` (may be NULL) goes as Idempotency-Key. `timeout_s` bounds all.
void client_request(struct client *client, const char *method, const char *path, const json_t *body, const char *key,
                    long timeout_s, struct client_answer *answer_r);
void client_answer_free(struct client_answer *answer);

/// EXIT_GOOD for 2xx; else says on stderr what happened, to what and what to do, and returns the exit code.
int client_check(const struct client *client, const struct client_answer *answer, const char *what);

/// A request that must succeed: the answer's JSON (a new reference; json_null() for an empty body), or NULL with the exit
/// code after client_check().
json_t *client_call(struct client *client, const char *method, const char *path, const json_t *body, const char *what,
                    int *code_r);

#endif
