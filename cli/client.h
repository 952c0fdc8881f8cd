// SPDX-License-Identifier: Apache-2.0
//
// The command's way to a server: one request at a time, JSON both ways, strict time-outs. The token goes only to the
// server that gave it, and no redirect is followed.
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/// The server when none was named and none is known.
#define CLIENT_DEFAULT_SERVER "http://127.0.0.1:8080"

/// Seconds that are enough for any call but a long poll.
#define CLIENT_TIMEOUT_S 60

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
/// http or https URL. Proxies of the environment are used for https alone: another would see the token.
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

/// The same in one step, as the user who is logged in.
json_t *client_session_call(const char *method, const char *path, const json_t *body, const char *what, int *code_r);

/// True if the same request may succeed later: no answer, 429 or 5xx.
bool client_may_repeat(const struct client_answer *answer);
/// Waits before the repeat of a request that has failed `failures` times in a row: as long as the server asks for, else
/// from 0.25 s doubling to 8 s with jitter; at most `limit_ms`.
void client_wait(const struct client_answer *answer, unsigned failures, int64_t limit_ms);

#endif
