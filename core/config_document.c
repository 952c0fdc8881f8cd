// SPDX-License-Identifier: Apache-2.0
//
// The reference page of the configuration, docs/configuration.md, from the same tables that check it.
#include "core/backend_settings.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/config_sections.h"
#include "core/options_describe.h"
#include <stdlib.h>
#include <string.h>

#define DOCUMENT_MAX ((size_t)1024 * 1024)

const struct options_table *config_table(const char *section)
{
    static struct options_table backend = {.options = backend_policy_options, .stride = sizeof(struct ph_option)};
    if (strcmp(section, "daemon") == 0) {
        return &config_daemon_table;
    }
    if (strcmp(section, "http") == 0) {
        return &config_http_table;
    }
    if (strcmp(section, "metrics") == 0) {
        return &config_metrics_table;
    }
    if (strcmp(section, "tracing") == 0) {
        return &config_tracing_table;
    }
    if (strcmp(section, "alarm") == 0) {
        return &config_alarm_table;
    }
    if (strcmp(section, "backend") == 0) {
        backend.count = backend_policy_option_count;
        return &backend;
    }
    return NULL;
}

static const char HEAD[] =
    "# Configuration\n"
    "\n"
    "`posthoused -c FILE` reads one INI file. `posthoused --check -c FILE` says everything that a start would say and\n"
    "ends with 0, or with 78 when there is an error. All errors are told at once, one a line: `FILE:LINE: what`.\n"
    "\n"
    "This page is made from the tables that check the file (`./dev docs`). The options of a plugin are shown by\n"
    "`posthouse plugin describe KIND-NAME`.\n"
    "\n"
    "## The file\n"
    "\n"
    "- `[section]` and `key = value`, each at the start of its line, in UTF-8. A value ends with its line.\n"
    "- A line that begins with `;` or `#` is a comment; a comment may also follow a `[section]`. It cannot follow a\n"
    "  value: ` ;` and ` #` inside a value are refused, because they could belong to it.\n"
    "- A section or a key that is there twice, or that the program does not know, is an error.\n"
    "- `[storage]`, `[meta]`, `[queue]` and `[alert]` are required, all others are not.\n"
    "- Relative paths are under `state_dir`.\n"
    "- The file is read at the start; SIGHUP is noted in the log and changes nothing.\n"
    "- Sizes: `1500`, `64KiB`, `1MiB` (powers of 1024), `10kB`, `10MB` (powers of 1000). Durations: `500ms`, `10s`,\n"
    "  `5m`, `12h`, `30d`. Booleans: `yes`, `no`. Lists: items apart by spaces or commas.\n"
    "\n"
    "## Values from elsewhere\n"
    "\n"
    "- `${NAME}` in a value stands for the environment variable `NAME`, which must be set.\n"
    "- `${secret:NAME}` stands for a secret, `${secret:NAME#key}` for a member of a secret that is a JSON object. The\n"
    "  `[secret]` backend fetches it. Only `[storage]`, `[meta]`, `[queue]` and `[alert]` may use secrets. They are\n"
    "  never shown or logged.\n"
    "- `$${` stands for `${`.\n"
    "- The environment variable `POSTHOUSE_<SECTION>_<KEY>` sets a key, whatever the file says:\n"
    "  `POSTHOUSE_STORAGE_PATH=/var/lib/posthouse.db`. For keys with a dot, write `_`:\n"
    "  `POSTHOUSE_QUEUE_CALL_DEADLINE=10s`; for `[alarm backlog]`, `POSTHOUSE_ALARM_BACKLOG_ABOVE=50`.\n"
    "\n";

static const char TRACING[] =
    "\n"
    "## [tracing]\n"
    "\n"
    "With an `endpoint`, the daemon sends spans to an OTLP/HTTP receiver, such as an OpenTelemetry collector beside\n"
    "it: `POST ENDPOINT/v1/traces` with JSON. Off without one.\n"
    "\n"
    "- A request of the API is a span (`POST /v1/messages`), below the client's when it sent a `traceparent` header\n"
    "  (W3C Trace Context). That header's flag decides whether the trace is recorded; requests without one are drawn\n"
    "  by `sample`. Probes and paths that do not exist have none, and a long poll begins no trace of its own.\n"
    "- The context is kept with the message, in storage and queue: each delivery is a span `deliver` below the\n"
    "  request that sent it, whichever daemon delivers, however much later.\n"
    "- Every call of a backend for an entry of a recorded trace is a span below those (`storage append`, `queue\n"
    "  send`). Calls are batches: `posthouse.batch.entries` says how many shared it.\n"
    "- A span holds method, route, status, the message's id, the backend's plugin and the class of an error. Never\n"
    "  in it: names of users, subjects, bodies, tokens, paths as sent, addresses, texts of backends.\n"
    "\n"
    "Tracing never delays or refuses a message. A receiver that is away or refuses costs spans: up to `queue` wait,\n"
    "those beyond are dropped; a request is repeated four times when the receiver may take it later (429, 502, 503,\n"
    "504, no answer), then given up. A drain sends what is left, for at most `timeout`, and within its own time.\n"
    "`posthouse_spans_*` in `/metrics` counts what was sent, dropped and given up.\n"
    "\n";

static const char BACKENDS[] =
    "## [storage], [meta], [queue], [alert], [secret]\n"
    "\n"
    "`plugin` names the backend and is required; the file `KIND-NAME.so` is looked up in `plugin_path`, then in\n"
    "`../lib/posthouse` beside the program's folder, then in the installed folder. The other keys without a dot are "
    "the\n"
    "plugin's own. The keys with a dot belong to the daemon and are the same for every backend:\n"
    "\n";

static const char FAULTS[] =
    "\n"
    "For tests, `fault.<operation>` (or `fault.all`) injects faults, and `fault.seed` makes them repeatable:\n"
    "\n"
    "```ini\n"
    "fault.seed = 7\n"
    "fault.append = latency 5ms..80ms, transient 5%, uncertain 2%, throttled 1% 200ms, hang 0.1%\n"
    "fault.all = duplicate 1%, partial 3%, unavailable 0.5%, down 10s..20s\n"
    "```\n"
    "\n"
    "They are off unless such a key is present, and the daemon says at its start that they are on.\n"
    "\n"
    "## [alarm NAME]\n"
    "\n"
    "Any number of them. `above` or `below` is required.\n"
    "\n";

char *config_document(void)
{
    struct buffer out;
    size_t length = 0;
    buffer_init(&out, DOCUMENT_MAX);
    buffer_text(&out, HEAD);
    buffer_text(&out, "## [daemon]\n\n");
    options_describe_markdown(config_table("daemon"), &out);
    buffer_text(&out, "\n## [http]\n\n");
    options_describe_markdown(config_table("http"), &out);
    buffer_text(&out, "\n## [metrics]\n\n`docs/metrics.md` names the metrics.\n\n");
    options_describe_markdown(config_table("metrics"), &out);
    buffer_text(&out, TRACING);
    options_describe_markdown(config_table("tracing"), &out);
    buffer_text(&out, "\n");
    buffer_text(&out, BACKENDS);
    options_describe_markdown(config_table("backend"), &out);
    buffer_text(&out, FAULTS);
    options_describe_markdown(config_table("alarm"), &out);
    // The page is far below the ceiling; only a lack of memory can make this fail.
    char *document = buffer_detach(&out, &length);
    if (document == NULL) {
        abort();
    }
    return document;
}
