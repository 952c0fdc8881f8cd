// SPDX-License-Identifier: Apache-2.0
//
// Asks a plugin to make what is missing in its backend: one call on an instance that is never opened, so that
// it works where open would refuse. See core/backend.h.
#include "core/backend_internal.h"
#include "core/xalloc.h"
#include <assert.h>
#include <stdlib.h>

struct setup {
    struct backend *backend;
    struct instance *instance;
    struct plain_call *call;
    backend_setup_f *done;
    void *context;
};

static void setup_done(void *context, const struct ph_result *result, const void *output)
{
    struct setup *setup = context;
    // A call that is late may use the config for ever.
    setup->backend->quarantined = setup->backend->quarantined || setup->call != NULL;
    plain_call_forget(&setup->call);
    setup->done(setup->backend, result, output, setup->context);
    instance_close(setup->instance, 0, NULL, NULL);
    free(setup);
}

void backend_setup(struct backend *backend, int64_t limit_ms, backend_setup_f *done, void *context)
{
    assert(backend->magic == BACKEND_MAGIC && !backend->open && !backend->opening && !backend->closing);
    struct setup *setup = xcalloc(1, sizeof *setup);
    *setup = (struct setup){.backend = backend, .done = done, .context = context};
    setup->instance = instance_new(backend->host, backend->plugin, backend->section);
    const struct ph_setup entry = {.config = backend->config};
    plain_call_start(&setup->call, setup->instance, PH_SETUP, &entry, limit_ms, setup_done, setup);
}
