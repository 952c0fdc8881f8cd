// SPDX-License-Identifier: Apache-2.0
//
// The config struct of the scripted plugin: the test that opens it decides what each call does.
#ifndef TESTS_UNIT_PLUGINS_SCRIPT_H
#define TESTS_UNIT_PLUGINS_SCRIPT_H

#include <posthouse/plugin.h>

struct script_config {
    const char *greeting; // an option, so that the table is not empty
    int64_t patience;
    // Gets every call. `instance` is NULL for open. False: the call is ended PH_OK, and open gives an instance.
    bool (*start)(void *context, void *instance, struct ph_call *call);
    void *context;
};

#endif
