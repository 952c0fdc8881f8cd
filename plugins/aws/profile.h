// SPDX-License-Identifier: Apache-2.0
//
// The shared files ~/.aws/credentials and ~/.aws/config: what they say of one profile. Pure functions over bytes.
//
// Source of the format: "Shared config and credentials files" in the AWS SDKs and Tools reference guide.
#ifndef PLUGINS_AWS_PROFILE_H
#define PLUGINS_AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

/// A file is read up to this size; a longer one is refused.
#define AWS_PROFILE_FILE_MAX ((size_t)1 << 20)

enum aws_profile_file {
    AWS_PROFILE_CREDENTIALS, ///< sections are names of profiles
    AWS_PROFILE_CONFIG       ///< sections are "profile NAME", "default", and others that are no profiles
};

/// What a profile says; NULL for what it does not. All texts are of this struct.
struct aws_profile {
    bool found; ///< one of the files has such a section
    char *id;
    char *secret;
    char *token;
    char *region;
    char *role_arn;
    char *role_session_name;
    char *web_identity_token_file;
    char *endpoint_url;
    char *ca_bundle;
    char *source_profile; ///< needs what is not done here, as do the next three
    char *credential_source;
    char *credential_process;
    char *sso; ///< sso_session or sso_start_url
};

/// Reads a file's content. What the profile has already stays: read the credentials file first, it counts more.
void aws_profile_read(struct aws_profile *profile, enum aws_profile_file file, const char *name, const char *bytes,
                      size_t length);

/// Wipes and frees what it holds; it is empty then.
void aws_profile_clear(struct aws_profile *profile);

#endif
