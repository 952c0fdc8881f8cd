// SPDX-License-Identifier: Apache-2.0
//
// [tracing]: its table, and the checks that go beyond one value. See core/config_sections.h.
#include "core/config_private.h"
#include "core/config_sections.h"
#include "core/ini.h"
#include "core/quantity.h"
#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define ENDPOINT_MAX 1024
#define SERVICE_MAX 255

static const struct ph_option TRACING[] = {
    PH_URL(struct config_tracing, endpoint, 0, NULL,
           "Base URL of an OTLP/HTTP receiver, such as http://127.0.0.1:4318; without it tracing is off."),
    PH_TEXT(struct config_tracing, service_name, 0, "posthouse", "What this deployment is called: `service.name`."),
    PH_TEXT(struct config_tracing, sample, 0, "5%",
            "The share of requests without a `traceparent` that begin a recorded trace, 0% to 100%, such as 0.5%."),
    PH_DURATION(struct config_tracing, interval, 0, "5s", 100, 10 * MINUTE,
                "The time between two requests to the receiver; a full batch of spans is sent at once."),
    PH_DURATION(struct config_tracing, timeout, 0, "5s", 100, MINUTE, "How long the receiver may take to answer."),
    PH_INTEGER(struct config_tracing, queue, 0, "4096", 128, 1000000,
               "Spans that may wait to be sent, about 400 bytes each; more are dropped."),
};

const struct options_table config_tracing_table = OPTIONS_TABLE(TRACING);

// Credentials would show in the log, and the path is fixed.
static const char *endpoint_fault(const char *endpoint)
{
    static const char path[] = "/v1/traces";
    const char *host = strstr(endpoint, "://") + 3;
    const size_t length = strlen(endpoint);
    if (length > ENDPOINT_MAX) {
        return "is longer than 1024 bytes";
    }
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL) {
        return "holds a user or password; let a collector beside the daemon log in";
    }
    if (strpbrk(host, "?#") != NULL) {
        return "has a query or fragment; give the base URL, such as http://127.0.0.1:4318";
    }
    if (length >= sizeof path - 1 && strcmp(endpoint + length - (sizeof path - 1), path) == 0) {
        return "ends with /v1/traces, which is added by itself; give the base URL";
    }
    return NULL;
}

void config_read_tracing(struct config_reading *reading)
{
    struct config_tracing *tracing = &reading->config->tracing;
    const struct ini_section *section = ini_section_find(reading->config->mine->file, "tracing");
    config_fill(reading, "tracing", section, &config_tracing_table, &reading->config->daemon.state_dir, tracing);
    const char *fault = tracing->endpoint != NULL ? endpoint_fault(tracing->endpoint) : NULL;
    if (fault != NULL) {
        findings_error(reading->findings, config_place(reading, section, "endpoint"), "tracing.endpoint: %s", fault);
    }
    if (!quantity_parse_share(tracing->sample, strlen(tracing->sample), &tracing->share)) {
        findings_error(reading->findings, config_place(reading, section, "sample"),
                       "tracing.sample: expected a share from 0%% to 100%%, such as 5%% or 0.1%%");
    }
    const size_t length = strlen(tracing->service_name);
    if (length == 0 || length > SERVICE_MAX) {
        findings_error(reading->findings, config_place(reading, section, "service_name"),
                       "tracing.service_name: expected 1 to %d bytes", SERVICE_MAX);
    }
}
