// SPDX-License-Identifier: Apache-2.0
//
// See client.h.
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "cli/client.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/credentials.h"
#include "cli/exit_codes.h"
#include "cli/output.h"
#include "core/buffer.h"
#include "core/json_read.h"
#include "core/random.h"
#include "core/xalloc.h"

#define ANSWER_MAX (64u * 1024 * 1024)
#define CONNECT_TIMEOUT_S 10
#define REPEAT_FIRST_MS 250
#define RETRY_AFTER_MAX_S 3600

struct client {
    char *server;
    char *token;
    CURL *curl;
};

static bool is_server(const char *server)
{
    const char *host = strncmp(server, "http://", 7) == 0    ? server + 7
                       : strncmp(server, "https://", 8) == 0 ? server + 8
                                                             : "";
    size_t length = 0;
    while (host[length] > ' ' && host[length] < 0x7f && strchr("@?#\\\"<>{}", host[length]) == NULL) {
        length++;
    }
    return length > 0 && host[length] == '\0';
}

struct client *client_new(const char *server, const char *token)
{
    const size_t length = strlen(server);
    if (!is_server(server)) {
        fputs("posthouse: ", stderr);
        output_clean(stderr, server);
        fputs(" is no server: write it as http://host:port or https://host\n", stderr);
        return NULL;
    }
    struct client *client = xcalloc(1, sizeof *client);
    client->server = xstrndup(server, length > 0 && server[length - 1] == '/' ? length - 1 : length);
    client->token = token != NULL ? xstrdup(token) : NULL;
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        fputs("posthouse: libcurl cannot start\n", stderr);
        client_free(client);
        return NULL;
    }
    return client;
}

struct client *client_logged_in(void)
{
    struct credentials credentials;
    if (!credentials_read(&credentials)) {
        return NULL;
    }
    struct client *client = client_new(credentials.server, credentials.token);
    credentials_wipe(&credentials);
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL) {
        return;
    }
    if (client->token != NULL) {
        explicit_bzero(client->token, strlen(client->token));
    }
    curl_easy_cleanup(client->curl);
    free(client->server);
    free(client->token);
    free(client);
}

const char *client_server(const struct client *client)
{
    return client->server;
}

static size_t receive_body(char *data, size_t size, size_t count, void *context)
{
    return buffer_append(context, data, size * count) ? size * count : 0;
}

static size_t receive_header(char *data, size_t size, size_t count, void *context)
{
    struct client_answer *answer = context;
    const size_t length = size * count;
    if (length > 20 && strncasecmp(data, "Idempotent-Replayed:", 20) == 0) {
        answer->replayed = true;
    } else if (length > 12 && strncasecmp(data, "Retry-After:", 12) == 0) {
        answer->retry_after = strtol(data + 12, NULL, 10);
    }
    return length;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char *line = xasprintf("%s: %s", name, value);
    list = curl_slist_append(list, line);
    explicit_bzero(line, strlen(line));
    free(line);
    return list;
}

static struct curl_slist *headers_for(const struct client *client, bool has_body, const char *key)
{
    struct curl_slist *list = add_header(NULL, "Accept", "application/json");
    list = curl_slist_append(list, "Expect:");
    if (has_body) {
        list = add_header(list, "Content-Type", "application/json");
    }
    if (key != NULL) {
        list = add_header(list, "Idempotency-Key", key);
    }
    if (client->token != NULL) {
        char *value = xasprintf("Bearer %s", client->token);
        list = add_header(list, "Authorization", value);
        explicit_bzero(value, strlen(value));
        free(value);
    }
    return list;
}

static void set_up(CURL *curl, const char *method, const char *url, struct curl_slist *headers, const char *body,
                   long timeout_s)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "posthouse/" PACKAGE_VERSION);
    if (strncmp(url, "http:", 5) == 0) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    }
}

void client_request(struct client *client, const char *method, const char *path, const json_t *body, const char *key,
                    long timeout_s, struct client_answer *answer_r)
{
    struct buffer received;
    char reason[CURL_ERROR_SIZE] = "";
    char *url = xasprintf("%s%s", client->server, path);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *headers = headers_for(client, text != NULL, key);
    buffer_init(&received, ANSWER_MAX);
    *answer_r = (struct client_answer){.status = 0};
    set_up(client->curl, method, url, headers, text, timeout_s);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, answer_r);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, reason);
    const CURLcode code = curl_easy_perform(client->curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer_r->status);
        answer_r->json = received.length > 0 ? json_read(received.data, received.length, JSON_READ_ALLOW_NUL, NULL)
                                             : NULL;
    } else {
        snprintf(answer_r->error, sizeof answer_r->error, "%s", reason[0] != '\0' ? reason : curl_easy_strerror(code));
    }
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    buffer_free(&received);
    curl_slist_free_all(headers);
    if (text != NULL) {
        explicit_bzero(text, strlen(text)); // it may hold a password
    }
    free(text);
    free(url);
}

void client_answer_free(struct client_answer *answer)
{
    json_decref(answer->json);
    answer->json = NULL;
}

static void print_problem(const struct client_answer *answer, const char *what)
{
    const char *detail = json_string_value(json_object_get(answer->json, "detail"));
    const char *title = json_string_value(json_object_get(answer->json, "title"));
    const char *request = json_string_value(json_object_get(answer->json, "request_id"));
    size_t index;
    json_t *error;
    fprintf(stderr, "posthouse: %s: ", what);
    output_clean(stderr, detail != NULL ? detail : title != NULL ? title : "the server gave no reason");
    fprintf(stderr, " (%ld)\n", answer->status);
    json_array_foreach(json_object_get(answer->json, "errors"), index, error)
    {
        const char *pointer = json_string_value(json_object_get(error, "pointer"));
        fputs("  ", stderr);
        if (pointer != NULL && pointer[0] != '\0') {
            output_clean(stderr, pointer);
            fputs(": ", stderr);
        }
        output_clean(stderr, json_string_value(json_object_get(error, "detail")));
        fputc('\n', stderr);
    }
    if (request != NULL && answer->status >= 500) {
        fputs("  request ", stderr);
        output_clean(stderr, request);
        fputs(" in the daemon's log\n", stderr);
    }
}

int client_check(const struct client *client, const struct client_answer *answer, const char *what)
{
    if (answer->status >= 200 && answer->status < 300) {
        return EXIT_GOOD;
    }
    if (answer->status == 0) {
        fprintf(stderr, "posthouse: %s: no answer from %s: ", what, client->server);
        output_clean(stderr, answer->error);
        fputs("\n  is the server running, and is this its address?\n", stderr);
        return EXIT_UNREACHABLE;
    }
    print_problem(answer, what);
    if (answer->status == 401) {
        fputs("  log in with: posthouse login\n", stderr);
        return EXIT_NO_SESSION;
    }
    return client_may_repeat(answer) ? EXIT_UNREACHABLE : EXIT_REFUSED;
}

json_t *client_call(struct client *client, const char *method, const char *path, const json_t *body, const char *what,
                    int *code_r)
{
    struct client_answer answer;
    client_request(client, method, path, body, NULL, CLIENT_TIMEOUT_S, &answer);
    *code_r = client_check(client, &answer, what);
    json_t *json = *code_r == EXIT_GOOD ? (answer.json != NULL ? json_incref(answer.json) : json_null()) : NULL;
    client_answer_free(&answer);
    return json;
}

json_t *client_session_call(const char *method, const char *path, const json_t *body, const char *what, int *code_r)
{
    struct client *client = client_logged_in();
    if (client == NULL) {
        *code_r = EXIT_NO_SESSION;
        return NULL;
    }
    json_t *json = client_call(client, method, path, body, what, code_r);
    client_free(client);
    return json;
}

bool client_may_repeat(const struct client_answer *answer)
{
    return answer->status == 0 || answer->status == 429 || answer->status >= 500;
}

void client_wait(const struct client_answer *answer, unsigned failures, int64_t limit_ms)
{
    const unsigned doublings = failures < 6 ? failures : 6;
    const int64_t most = (int64_t)REPEAT_FIRST_MS << (doublings > 0 ? doublings - 1 : 0);
    int64_t wait_ms = most / 2 + (int64_t)random_below((uint64_t)most / 2 + 1);
    if (answer->retry_after > 0 && answer->retry_after < RETRY_AFTER_MAX_S) {
        wait_ms += answer->retry_after * 1000;
    }
    if (limit_ms > 0) {
        poll(NULL, 0, (int)(wait_ms < limit_ms ? wait_ms : limit_ms));
    }
}
