// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/probe.h.
#include "plugins/aws/probe.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)64 << 10)
#define RESPONSE_LIMIT ((size_t)1 << 20)
#define CODE_SIZE 80
#define FIFO ".fifo"

// An entry's request under way.
struct attempt {
    struct aws_probe *probe;
    const struct aws_trial *trial; // NULL: nothing is under way
    size_t place;
    struct aws_exchange *exchange;
    struct buffer body;
    bool elsewhere;
    char refusal[CODE_SIZE]; // of the request to the config's own resource
};

struct aws_probe {
    LIST_ENTRY(aws_probe) probes;
    struct ph_call *call;
    struct aws_client *client;
    const void *config;
    size_t waiting;
    bool cancelled;
    struct attempt attempts[];
};

void aws_elsewhere(struct buffer *out, const char *name, char separator)
{
    const char *last = strrchr(name, separator);
    const size_t length = strlen(name);
    const bool fifo = length > strlen(FIFO) && strcmp(name + length - strlen(FIFO), FIFO) == 0;
    buffer_append(out, name, last != NULL ? (size_t)(last + 1 - name) : 0);
    buffer_text(out, AWS_ELSEWHERE);
    buffer_text(out, fifo ? FIFO : "");
}

// --- What an answer proves ---------------------------------------------------------------------------------

static void on_answer(void *context, const struct aws_answer *answer);

static void send_trial(struct attempt *attempt, bool elsewhere)
{
    const struct aws_trial *trial = attempt->trial;
    attempt->elsewhere = elsewhere;
    buffer_free(&attempt->body);
    buffer_init(&attempt->body, BODY_MAX);
    trial->write(&attempt->body, attempt->probe->config, elsewhere);
    // A body that has failed is sent empty, and refused.
    const struct aws_request request = {.service = trial->service,
                                        .operation = trial->operation,
                                        .body = buffer_failed(&attempt->body)
                                                    ? (struct ph_text){"", 0}
                                                    : (struct ph_text){attempt->body.data, attempt->body.length},
                                        .response_limit = RESPONSE_LIMIT};
    attempt->exchange = aws_send(attempt->probe->client, &request, on_answer, attempt);
}

static void set_unknown(const struct attempt *attempt, struct ph_call *call, const struct aws_answer *answer)
{
    enum ph_outcome outcome = answer->outcome;
    if (outcome == PH_DENIED) { // of credentials or keys: neither says anything of this right, nor would a repeat
        outcome = PH_INVALID;
    } else if (outcome == PH_NOT_FOUND || outcome == PH_UNCERTAIN) { // it can come (back); nothing was changed
        outcome = PH_UNAVAILABLE;
    }
    call->host->set(call, attempt->place, outcome, answer->delay_ms, "%s", answer->text);
}

static void judge_elsewhere(const struct attempt *attempt, struct ph_call *call, const struct aws_answer *answer)
{
    const bool refused = answer->outcome == PH_INVALID || answer->outcome == PH_NOT_FOUND;
    if (aws_lacks_right(answer)) {
        call->host->set(call, attempt->place, PH_OK, 0, NULL); // rights come first, and ours was let through
    } else if (refused || answer->outcome == PH_OK) {
        call->host->set(
            call, attempt->place, PH_INVALID, 0,
            "%s refused the trial with %s, perhaps before it looked at rights: the same request for what no "
            "policy is meant for (" AWS_ELSEWHERE ") was not denied, but ended with %s",
            attempt->trial->operation, attempt->refusal, refused ? answer->code : "an answer");
    } else {
        set_unknown(attempt, call, answer);
    }
}

// The error code of the entry of a batch that was answered with a result; "" without one.
static const char *entry_code(const struct aws_answer *answer)
{
    if (answer->json != NULL) {
        const char *code =
            json_string_value(json_object_get(json_array_get(json_object_get(answer->json, "Failed"), 0), "Code"));
        return code != NULL ? code : "";
    }
    const struct aws_xml *result = answer->xml != NULL ? answer->xml->first : NULL;
    const struct aws_xml *failed = aws_xml_child(result, "Failed");
    return failed != NULL ? aws_xml_text(failed->first, "Code") : "";
}

static void judge_result(const struct attempt *attempt, struct ph_call *call, const struct aws_answer *answer)
{
    const char *code = entry_code(answer);
    const struct aws_answer entry = {.outcome = aws_outcome_of(code, true), .code = code};
    if (entry.outcome == PH_DENIED) {
        call->host->set(call, attempt->place, aws_lacks_right(&entry) ? PH_DENIED : PH_INVALID, 0,
                        "%s %s: the entry was refused with %.100s", attempt->trial->service->name,
                        attempt->trial->operation, code);
    } else {
        call->host->set(call, attempt->place, PH_OK, 0, NULL);
    }
}

// False: the answer proves nothing by itself.
static bool judge(const struct attempt *attempt, struct ph_call *call, const struct aws_answer *answer)
{
    switch (answer->outcome) {
    case PH_OK:
        judge_result(attempt, call, answer);
        return true;
    case PH_INVALID:
        return false;
    default:
        if (aws_lacks_right(answer)) {
            call->host->set(call, attempt->place, PH_DENIED, 0, "%s", answer->text);
        } else {
            set_unknown(attempt, call, answer);
        }
        return true;
    }
}

static void finish_when_done(struct aws_probe *probe)
{
    struct ph_call *call = probe->call;
    if (probe->waiting > 0) {
        return;
    }
    LIST_REMOVE(probe, probes);
    for (size_t i = 0; i < call->count; i++) {
        buffer_free(&probe->attempts[i].body);
    }
    free(probe);
    call->host->complete(call);
}

static void on_answer(void *context, const struct aws_answer *answer)
{
    struct attempt *attempt = context;
    struct aws_probe *probe = attempt->probe;
    attempt->exchange = NULL;
    if (attempt->elsewhere) {
        judge_elsewhere(attempt, probe->call, answer);
    } else if (!judge(attempt, probe->call, answer)) {
        const size_t length = strlen(answer->code) < CODE_SIZE ? strlen(answer->code) : CODE_SIZE - 1;
        memcpy(attempt->refusal, answer->code, length);
        if (!probe->cancelled) {
            send_trial(attempt, true);
            return;
        }
        set_unknown(attempt, probe->call, answer);
    }
    probe->waiting--;
    finish_when_done(probe);
}

// --- The call ----------------------------------------------------------------------------------------------

static const struct aws_trial *trial_of(const struct aws_trial *trials, size_t count, const char *action)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(trials[i].action, action) == 0) {
            return &trials[i];
        }
    }
    return NULL;
}

void aws_probe(struct aws_probes *probes, struct aws_client *client, const struct aws_trial *trials, size_t count,
               const void *config, struct ph_call *call)
{
    struct aws_probe *probe = calloc(1, sizeof *probe + call->count * sizeof probe->attempts[0]);
    if (probe == NULL) {
        abort(); // the program's own memory is used up; the host ends so too
    }
    probe->call = call;
    probe->client = client;
    probe->config = config;
    LIST_INSERT_HEAD(probes, probe, probes);
    for (size_t i = 0; i < call->count; i++) {
        struct attempt *attempt = &probe->attempts[i];
        const char *action = ((const struct ph_right *)call->entries[i])->action;
        *attempt = (struct attempt){.probe = probe, .place = i, .trial = trial_of(trials, count, action)};
        buffer_init(&attempt->body, BODY_MAX);
        if (attempt->trial != NULL) {
            probe->waiting++;
            send_trial(attempt, false);
        } else {
            call->host->set(call, i, PH_INVALID, 0, "there is no way to try it without an effect");
        }
    }
    finish_when_done(probe);
}

bool aws_probe_cancel(const struct aws_probes *probes, const struct ph_call *call)
{
    struct aws_probe *probe;
    LIST_FOREACH(probe, probes, probes)
    {
        if (probe->call != call) {
            continue;
        }
        probe->cancelled = true;
        for (size_t i = 0; i < call->count; i++) {
            if (probe->attempts[i].exchange != NULL) {
                aws_cancel(probe->attempts[i].exchange);
            }
        }
        return true;
    }
    return false;
}
