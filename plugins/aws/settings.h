// SPDX-License-Identifier: Apache-2.0
//
// What a client goes by: the section's options, then the environment, then the profile. The profile is read by the
// chain of credentials (plugins/aws/chain.h) before anything is asked here.
#ifndef PLUGINS_AWS_SETTINGS_H
#define PLUGINS_AWS_SETTINGS_H

#include "plugins/aws/endpoint.h"
#include "plugins/aws/options.h"
#include "plugins/aws/profile.h"

struct aws_service;

struct aws_settings {
    const struct aws_options *options;
    char hint[AWS_REGION_SIZE]; ///< the region that the resource's own name tells, or ""
    struct aws_profile profile;
};

/// A variable of the environment; NULL when it is unset or empty. On the loop only.
const char *aws_environment(const char *name);

/// The region, or NULL when nothing tells one.
const char *aws_settings_region(const struct aws_settings *settings);

/// The name of the profile that counts.
const char *aws_settings_profile_name(const struct aws_settings *settings);

/// The file of certificates, or NULL for the system's.
const char *aws_settings_ca_file(const struct aws_settings *settings);

/// Where the service is. False: `error_r` says what is wrong and what to do. `common` leaves out the section's endpoint,
/// which is that of the section's own service: for STS.
bool aws_settings_endpoint(const struct aws_settings *settings, const struct aws_service *service, bool common,
                           struct aws_endpoint *endpoint_r, char *error_r, size_t error_size);

#endif
