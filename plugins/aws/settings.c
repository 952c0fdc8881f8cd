// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/settings.h.
#include "plugins/aws/settings.h"
#include "plugins/aws/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *aws_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool environment_says(const char *name)
{
    const char *value = aws_environment(name);
    return value != NULL && strcasecmp(value, "true") == 0;
}

static const char *first_of(const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] != NULL && values[i][0] != '\0') {
            return values[i];
        }
    }
    return NULL;
}

const char *aws_settings_region(const struct aws_settings *settings)
{
    const char *const values[] = {settings->options->region, settings->hint, aws_environment("AWS_REGION"),
                                  aws_environment("AWS_DEFAULT_REGION"), settings->profile.region};
    return first_of(values, sizeof values / sizeof values[0]);
}

const char *aws_settings_profile_name(const struct aws_settings *settings)
{
    const char *const values[] = {settings->options->profile, aws_environment("AWS_PROFILE"),
                                  aws_environment("AWS_DEFAULT_PROFILE"), "default"};
    return first_of(values, sizeof values / sizeof values[0]);
}

const char *aws_settings_ca_file(const struct aws_settings *settings)
{
    const char *const values[] = {settings->options->ca_file, aws_environment("AWS_CA_BUNDLE"),
                                  settings->profile.ca_bundle};
    return first_of(values, sizeof values / sizeof values[0]);
}

// An endpoint that somebody wrote down; NULL: none.
static const char *given_endpoint(const struct aws_settings *settings, const struct aws_service *service, bool common)
{
    char variable[64];
    snprintf(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", service->id);
    if (!common && settings->options->endpoint != NULL) {
        return settings->options->endpoint;
    }
    if (environment_says("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) {
        return NULL;
    }
    const char *const values[] = {aws_environment(variable), aws_environment("AWS_ENDPOINT_URL"),
                                  settings->profile.endpoint_url};
    return first_of(values, sizeof values / sizeof values[0]);
}

bool aws_settings_endpoint(const struct aws_settings *settings, const struct aws_service *service, bool common,
                           struct aws_endpoint *endpoint_r, char *error_r, size_t error_size)
{
    const char *region = aws_settings_region(settings);
    if (region == NULL || !aws_region_is_sound(region)) {
        snprintf(error_r, error_size, "%s%s: set option region, or AWS_REGION, such as eu-west-1",
                 region == NULL ? "no region is known" : "this is no region: ", region == NULL ? "" : region);
        return false;
    }
    char made[AWS_URL_SIZE];
    const char *url = given_endpoint(settings, service, common);
    if (url == NULL) {
        bool fips = settings->options->fips || environment_says("AWS_USE_FIPS_ENDPOINT");
        bool dual_stack = settings->options->dual_stack || environment_says("AWS_USE_DUALSTACK_ENDPOINT");
        if (!aws_endpoint_url(service->name, region, fips, dual_stack, made)) {
            snprintf(error_r, error_size, "%s has no such endpoint in region %s", service->name, region);
            return false;
        }
        url = made;
    }
    if (!aws_endpoint_read(url, endpoint_r)) {
        snprintf(error_r, error_size, "the endpoint of %s is no URL of the form https://host:port", service->name);
        return false;
    }
    return true;
}
