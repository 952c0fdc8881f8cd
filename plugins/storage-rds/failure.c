// SPDX-License-Identifier: Apache-2.0
//
// The table of states (PostgreSQL 15, appendix A), and how a refused connection is told from an absent server.
#include "plugins/storage-rds/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/// What a state, or all states that begin so, mean. The longest match counts.
struct meaning {
    const char *state;
    enum ph_outcome outcome;
    bool reconnect;
    const char *text;
};

static const struct meaning meanings[] = {
    {"08", PH_UNAVAILABLE, true, "the connection was lost"},
    // Reconnecting also mends a prepared statement whose table was changed.
    {"0A", PH_INVALID, true, "the server does not support what posthouse needs; PostgreSQL 13 or newer is needed"},
    {"22", PH_INVALID, false, "the server refused a value"},
    {"23", PH_TRANSIENT, false, "a row was written by somebody else at the same time"},
    {"25006", PH_UNAVAILABLE, true, "the server is read-only: a standby, or in recovery"},
    {"25P03", PH_UNAVAILABLE, true, "the server ended a session that stood still in a transaction"},
    {"26", PH_TRANSIENT, true, "a prepared statement is gone; a pooling proxy must keep sessions whole"},
    {"28", PH_DENIED, true, "the server refused the user or its password; check url and password"},
    {"3D000", PH_DENIED, true, "the database does not exist; make it, or correct the url"},
    {"3F000", PH_INVALID, false, "the schema does not exist; make it, or correct the search_path"},
    {"40", PH_TRANSIENT, false, "the transaction met another one (deadlock or serialization)"},
    {"42501", PH_DENIED, false, "the user has no right to do it; it must own posthouse's tables"},
    {"42P01", PH_INVALID, true, "a table of posthouse is missing; restart posthoused to make it"},
    {"42P05", PH_TRANSIENT, true, "a prepared statement is there already; a pooling proxy must keep sessions whole"},
    {"42P07", PH_INVALID, false, "a table or index with a name of posthouse is there already, made by somebody else"},
    {"42", PH_INTERNAL, false, "the server did not understand a statement"},
    {"53100", PH_UNAVAILABLE, false, "the server's disk is full"},
    {"53200", PH_UNAVAILABLE, false, "the server is out of memory"},
    {"53300", PH_UNAVAILABLE, true,
     "the server has too many connections; lower writers, couriers and readers, or raise max_connections"},
    {"53", PH_UNAVAILABLE, false, "the server is out of resources"},
    {"54", PH_INVALID, false, "a limit of the server was exceeded"},
    {"55P03", PH_TRANSIENT, false, "a lock was not to be had within lock_timeout"},
    {"55", PH_TRANSIENT, false, "the server's state does not allow it now"},
    {"57014", PH_TRANSIENT, false, "the statement was cancelled or ran into statement_timeout"},
    {"57P", PH_UNAVAILABLE, true, "the server is shutting down, starting or ended the session"},
    {"57", PH_UNAVAILABLE, true, "the server was told to stop"},
    {"58", PH_UNAVAILABLE, false, "the server met an error of its system"},
    {"XX001", PH_UNAVAILABLE, false, "the server found damaged data; look into its log"},
    {"XX002", PH_UNAVAILABLE, false, "the server found a damaged index; look into its log"},
    {"XX", PH_UNAVAILABLE, true, "the server met a fault of its own; look into its log"},
};

void rds_failure_say(struct rds_failure *failure_r, enum ph_outcome outcome, const char *format, ...)
{
    va_list arguments;
    *failure_r = (struct rds_failure){.outcome = outcome};
    va_start(arguments, format);
    vsnprintf(failure_r->text, sizeof(failure_r->text), format, arguments);
    va_end(arguments);
}

static const struct meaning *find(const char *state)
{
    const struct meaning *best = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        size_t length = strlen(meanings[i].state);
        if (length > longest && strncmp(state, meanings[i].state, length) == 0) {
            best = &meanings[i];
            longest = length;
        }
    }
    return best;
}

// Five digits or capital letters, or it is no state.
static bool is_state(const char *text)
{
    for (size_t i = 0; i < 5; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z')))
            return false;
    }
    return true;
}

void rds_failure_state(struct rds_failure *failure_r, const char *state, const char *what)
{
    if (state == NULL || strlen(state) != 5 || !is_state(state)) {
        rds_failure_say(failure_r, PH_UNAVAILABLE, "%s: the connection was lost", what);
        failure_r->reconnect = true;
        return;
    }
    const struct meaning *meaning = find(state);
    if (meaning == NULL) {
        rds_failure_say(failure_r, PH_INTERNAL, "%s: the server answered with SQLSTATE %s", what, state);
        return;
    }
    rds_failure_say(failure_r, meaning->outcome, "%s: %s (SQLSTATE %s)", what, meaning->text, state);
    failure_r->reconnect = meaning->reconnect;
    failure_r->authentication = strncmp(state, "28", 2) == 0;
    failure_r->locked = strcmp(state, "55P03") == 0;
    failure_r->twin = strcmp(state, "23505") == 0;
}

// The last state in a verbose message ("FATAL:  28P01: …"), or NULL.
static const char *state_in(const char *message, char out[6])
{
    const char *found = NULL;
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 3, ":  ")) {
        if (strnlen(at + 3, 6) == 6 && is_state(at + 3) && at[8] == ':')
            found = at + 3;
    }
    if (found == NULL)
        return NULL;
    memcpy(out, found, 5);
    out[5] = '\0';
    return out;
}

void rds_failure_connect(struct rds_failure *failure_r, const char *message, const char *what)
{
    // libpq's own words for what comes before the server's first answer; they have no state.
    static const struct {
        const char *part;
        enum ph_outcome outcome;
        const char *text;
    } words[] = {
        {"no password supplied", PH_DENIED, "the server asks for a password and none is configured; set password"},
        {"root certificate file", PH_DENIED,
         "the file of the certificate authority is missing; set sslrootcert in the url"},
        {"certificate verify failed", PH_DENIED, "the server's certificate is not signed by the given authority"},
        {"does not match host name", PH_DENIED, "the server's certificate is for another host name"},
        {"server does not support SSL", PH_DENIED, "the server has no TLS, which the url's sslmode asks for"},
        {"could not translate host name", PH_UNAVAILABLE, "the host name cannot be resolved"},
        {"session is read-only", PH_UNAVAILABLE, "the server is read-only: a standby, or in recovery"},
        {"server is in hot standby mode", PH_UNAVAILABLE, "the server is a standby"},
        {"Connection refused", PH_UNAVAILABLE, "the server refused the connection; is it running?"},
        {"No such file or directory", PH_UNAVAILABLE, "the server's socket is not there; is it running?"},
        {"server closed the connection", PH_UNAVAILABLE, "the server closed the connection while it was being made"},
        {"timeout expired", PH_UNAVAILABLE, "the server did not answer within connect_timeout"},
    };
    char state[6];
    if (state_in(message, state) != NULL) {
        rds_failure_state(failure_r, state, what);
        failure_r->reconnect = true;
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(message, words[i].part) != NULL) {
            rds_failure_say(failure_r, words[i].outcome, "%s: %s", what, words[i].text);
            failure_r->reconnect = true;
            failure_r->authentication = i == 0;
            return;
        }
    }
    rds_failure_say(failure_r, PH_UNAVAILABLE, "%s: no connection could be made", what);
    failure_r->reconnect = true;
}
