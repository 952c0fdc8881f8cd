// SPDX-License-Identifier: Apache-2.0
//
// The options that all AWS plugins have in common, so that their sections read alike.
//
// A plugin's config struct has a member `struct aws_options aws`; its table of options begins with
// AWS_OPTIONS(struct its_config).
#ifndef PLUGINS_AWS_OPTIONS_H
#define PLUGINS_AWS_OPTIONS_H

#include "posthouse/plugin.h"

struct aws_options {
    const char *region;      ///< NULL: see aws_client_new()
    const char *endpoint;    ///< NULL: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or the region's own
    const char *profile;     ///< NULL: AWS_PROFILE, or "default"; a name here leaves out the keys of the environment
    bool fips;               ///< endpoints with FIPS 140 modules
    bool dual_stack;         ///< endpoints that also have IPv6 addresses
    const char *ca_file;     ///< NULL: AWS_CA_BUNDLE, or the system's
    int64_t connect_timeout; ///< ms
    int64_t timeout;         ///< ms for a whole request, what the service itself may wait not counted
};

#define AWS_OPTION(config, member, ctype, type, flags, standard, minimum, maximum, help)                   \
    {                                                                                                      \
#member, type, flags, PH_MEMBER(ctype, config, aws.member), standard, minimum, maximum, NULL, help \
    }

/// The rows of the shared options, for a config struct with a member `struct aws_options aws`.
#define AWS_OPTIONS(config)                                                                                         \
    AWS_OPTION(config, region, const char *, PH_OPTION_TEXT, 0, NULL, 0, 0,                                         \
               "The region; without it that of the resource's own name, AWS_REGION or the profile."),               \
        AWS_OPTION(config, endpoint, const char *, PH_OPTION_URL, 0, NULL, 0, 0,                                    \
                   "Where requests go, for an emulator or a VPC endpoint; without it the region's own address."),   \
        AWS_OPTION(config, profile, const char *, PH_OPTION_TEXT, 0, NULL, 0, 0,                                    \
                   "The profile of the shared files; naming one leaves out the keys of the environment."),          \
        AWS_OPTION(config, fips, bool, PH_OPTION_BOOLEAN, 0, "no", 0, 0,                                            \
                   "Use the endpoints whose cryptography is validated to FIPS 140."),                               \
        AWS_OPTION(config, dual_stack, bool, PH_OPTION_BOOLEAN, 0, "no", 0, 0,                                      \
                   "Use the endpoints that also have IPv6 addresses."),                                             \
        AWS_OPTION(config, ca_file, const char *, PH_OPTION_TEXT, PH_OPTION_PATH, NULL, 0, 0,                       \
                   "The certificates that endpoints are verified with; without it AWS_CA_BUNDLE or the system's."), \
        AWS_OPTION(config, connect_timeout, int64_t, PH_OPTION_DURATION, 0, "3s", 100, 60000,                       \
                   "How long a connection may take."),                                                              \
        AWS_OPTION(config, timeout, int64_t, PH_OPTION_DURATION, 0, "10s", 100, 90000,                              \
                   "How long a request may take, what the service itself may wait not counted.")

#endif
