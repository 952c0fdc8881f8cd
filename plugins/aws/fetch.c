// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/fetch.h. The order of the sources is that of the SDKs' default chain.
#include "plugins/aws/fetch.h"
#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKEN_CEILING ((size_t)32 << 10)
#define PATH_SIZE 4096

// --- Ends --------------------------------------------------------------------------------------------------

static void forget_request(struct aws_fetch *fetch)
{
    if (fetch->header.data != NULL) {
        OPENSSL_cleanse(fetch->header.data, fetch->header.length);
    }
    buffer_free(&fetch->header);
    aws_wire_clear(&fetch->wire);
}

void aws_fetch_end(struct aws_fetch *fetch, enum ph_outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fetch->text, sizeof fetch->text, format, arguments);
    va_end(arguments);
    fetch->outcome = outcome;
    forget_request(fetch);
    fetch->done(fetch->context);
}

void aws_fetch_end_file(struct aws_fetch *fetch, const char *what, const char *path, int error)
{
    const char *reason = error == EFBIG    ? "it is too large"
                         : error == EINVAL ? "it is no regular file"
                         : error == EAGAIN ? "the helper threads are busy"
                                           : strerror(error);
    bool passes = error == EAGAIN || error == ECANCELED || error == EIO || error == EMFILE || error == ENFILE;
    aws_fetch_end(fetch, passes ? PH_UNAVAILABLE : PH_DENIED, "%s (%s) cannot be read: %s", what, path, reason);
}

void aws_fetch_end_response(struct aws_fetch *fetch, const char *who, const struct ph_http_response *response)
{
    if (response == NULL) {
        aws_fetch_end(fetch, PH_UNAVAILABLE, "%s: cancelled", who);
    } else if (response->outcome != PH_OK) {
        aws_fetch_end(fetch, PH_UNAVAILABLE, "%s does not answer: %s", who,
                      response->error != NULL ? response->error : "no reason given");
    } else {
        bool passes = response->status >= 500 || response->status == 429;
        aws_fetch_end(fetch, passes ? PH_UNAVAILABLE : PH_DENIED, "%s answered %d", who, response->status);
    }
}

void aws_fetch_end_json(struct aws_fetch *fetch, const char *who, const struct ph_http_response *response)
{
    char error[128];
    if (response == NULL || response->outcome != PH_OK || response->status != 200) {
        aws_fetch_end_response(fetch, who, response);
    } else if (!aws_keyset_from_json(&fetch->keys, response->body.bytes, response->body.length, error, sizeof error)) {
        aws_fetch_end(fetch, PH_UNAVAILABLE, "%s: %s", who, error);
    } else {
        aws_fetch_end(fetch, PH_OK, "%s", "");
    }
}

void aws_fetch_request(struct aws_fetch *fetch, const char *method, const char *line, uint32_t connect_timeout_ms)
{
    fetch->lines[0] = line;
    fetch->lines[1] = NULL;
    fetch->request = (struct ph_http_request){
        .method = method,
        .url = fetch->url,
        .headers = fetch->lines,
        .body = {"", 0},
        .timeout_ms = AWS_ERRAND_TIMEOUT_MS,
        .connect_timeout_ms = connect_timeout_ms,
        .response_limit = AWS_ERRAND_ANSWER_MAX,
    };
}

// --- Environment and profile -------------------------------------------------------------------------------

static void fetch_environment(struct aws_fetch *fetch, const char *id)
{
    char error[128];
    const char *secret = aws_environment("AWS_SECRET_ACCESS_KEY");
    if (secret == NULL) {
        aws_fetch_end(fetch, PH_DENIED, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    } else if (!aws_keyset_take(&fetch->keys, id, secret, aws_environment("AWS_SESSION_TOKEN"), 0, error,
                                sizeof error)) {
        aws_fetch_end(fetch, PH_DENIED, "the keys of the environment: %s", error);
    } else {
        aws_fetch_end(fetch, PH_OK, "%s", "");
    }
}

static void fetch_profile(struct aws_fetch *fetch)
{
    char error[128];
    const struct aws_profile *profile = &fetch->settings->profile;
    const char *name = aws_settings_profile_name(fetch->settings);
    if (!aws_keyset_take(&fetch->keys, profile->id, profile->secret, profile->token, 0, error, sizeof error)) {
        aws_fetch_end(fetch, PH_DENIED, "profile %s: %s", name, error);
    } else {
        aws_fetch_end(fetch, PH_OK, "%s", "");
    }
}

// --- Which source ------------------------------------------------------------------------------------------

// What a profile asks for that is not done here; NULL: nothing.
static const char *unsupported(const struct aws_profile *profile)
{
    return profile->source_profile != NULL       ? "source_profile"
           : profile->credential_source != NULL  ? "credential_source"
           : profile->credential_process != NULL ? "credential_process"
           : profile->sso != NULL                ? "single sign-on"
                                                 : NULL;
}

static bool metadata_is_off(void)
{
    const char *value = aws_environment("AWS_EC2_METADATA_DISABLED");
    return value != NULL && strcasecmp(value, "true") == 0;
}

static enum aws_source find_source(const struct aws_fetch *fetch)
{
    const struct aws_settings *settings = fetch->settings;
    const struct aws_profile *profile = &settings->profile;
    bool environment = settings->options->profile == NULL; // a profile by name leaves it out
    if (environment && aws_environment("AWS_ACCESS_KEY_ID") != NULL) {
        return AWS_SOURCE_ENVIRONMENT;
    }
    if ((environment && aws_environment("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL) ||
        profile->web_identity_token_file != NULL) {
        return AWS_SOURCE_WEB_IDENTITY;
    }
    if (profile->id != NULL || profile->secret != NULL) {
        return AWS_SOURCE_PROFILE;
    }
    if (unsupported(profile) != NULL || !environment) {
        return AWS_SOURCE_NONE;
    }
    if (aws_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
        aws_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL) {
        return AWS_SOURCE_CONTAINER;
    }
    return metadata_is_off() ? AWS_SOURCE_NONE : AWS_SOURCE_INSTANCE;
}

static void end_without_source(struct aws_fetch *fetch)
{
    const char *name = aws_settings_profile_name(fetch->settings);
    const char *feature = unsupported(&fetch->settings->profile);
    if (feature != NULL) {
        aws_fetch_end(fetch, PH_DENIED,
                      "profile %s uses %s, which is not supported; give the program a role, or keys for it alone", name,
                      feature);
    } else if (fetch->settings->options->profile != NULL) {
        aws_fetch_end(fetch, PH_DENIED, "profile %s %s in the shared files", name,
                      fetch->settings->profile.found ? "has no keys" : "is not");
    } else {
        aws_fetch_end(fetch, PH_DENIED,
                      "no credentials: give the task or the instance a role, or set AWS_ACCESS_KEY_ID and "
                      "AWS_SECRET_ACCESS_KEY");
    }
}

static void ask_source(struct aws_fetch *fetch)
{
    enum aws_source source = fetch->source != AWS_SOURCE_NONE ? fetch->source : find_source(fetch);
    const char *id = aws_environment("AWS_ACCESS_KEY_ID");
    const char *token_file = fetch->settings->profile.web_identity_token_file;
    if (fetch->settings->options->profile == NULL && aws_environment("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL) {
        token_file = aws_environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    }
    fetch->source = source;
    switch (source) {
    case AWS_SOURCE_ENVIRONMENT:
        fetch_environment(fetch, id);
        break;
    case AWS_SOURCE_WEB_IDENTITY:
        aws_fetch_web_identity(fetch, token_file);
        break;
    case AWS_SOURCE_PROFILE:
        fetch_profile(fetch);
        break;
    case AWS_SOURCE_CONTAINER:
        aws_fetch_container(fetch);
        break;
    case AWS_SOURCE_INSTANCE:
        aws_fetch_instance(fetch);
        break;
    case AWS_SOURCE_NONE:
        end_without_source(fetch);
        break;
    }
}

const char *aws_source_name(enum aws_source source)
{
    switch (source) {
    case AWS_SOURCE_ENVIRONMENT:
        return "the environment";
    case AWS_SOURCE_WEB_IDENTITY:
        return "web identity";
    case AWS_SOURCE_PROFILE:
        return "the profile";
    case AWS_SOURCE_CONTAINER:
        return "the container endpoint";
    case AWS_SOURCE_INSTANCE:
        return "the instance's metadata";
    case AWS_SOURCE_NONE:
        break;
    }
    return "nowhere";
}

// --- The shared files --------------------------------------------------------------------------------------

// Where a shared file is; false: nobody has said, and there is no home.
static bool find_file(const char *variable, const char *standard, char *path_r)
{
    const char *given = aws_environment(variable);
    const char *home = aws_environment("HOME");
    int length;
    if (given != NULL && strncmp(given, "~/", 2) != 0) {
        length = snprintf(path_r, PATH_SIZE, "%s", given);
    } else if (home != NULL) {
        length = snprintf(path_r, PATH_SIZE, "%s/%s", home, given != NULL ? given + 2 : standard);
    } else {
        return false;
    }
    return length > 0 && length < PATH_SIZE;
}

// A file that is not there, or may not be read, is as good as empty: another source may win. One that is damaged is not.
static bool file_counts(struct aws_fetch *fetch, int error)
{
    if (error == 0 || error == ENOENT || error == ENOTDIR || error == EACCES) {
        return true;
    }
    aws_fetch_end_file(fetch, "a shared file of profiles", "AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE", error);
    return false;
}

static void on_config_file(void *context, struct ph_text content, int error)
{
    struct aws_fetch *fetch = context;
    if (!file_counts(fetch, error)) {
        return;
    }
    aws_profile_read(&fetch->settings->profile, AWS_PROFILE_CONFIG, aws_settings_profile_name(fetch->settings),
                     content.bytes, content.length);
    fetch->loaded = true;
    ask_source(fetch);
}

static void on_credentials_file(void *context, struct ph_text content, int error)
{
    struct aws_fetch *fetch = context;
    char path[PATH_SIZE];
    if (!file_counts(fetch, error)) {
        return;
    }
    aws_profile_clear(&fetch->settings->profile);
    aws_profile_read(&fetch->settings->profile, AWS_PROFILE_CREDENTIALS, aws_settings_profile_name(fetch->settings),
                     content.bytes, content.length);
    if (find_file("AWS_CONFIG_FILE", ".aws/config", path)) {
        aws_errand_file(&fetch->errand, path, AWS_PROFILE_FILE_MAX, on_config_file, fetch);
    } else {
        on_config_file(fetch, (struct ph_text){"", 0}, ENOENT);
    }
}

// --- The fetch ---------------------------------------------------------------------------------------------

void aws_fetch_begin(struct aws_fetch *fetch)
{
    char path[PATH_SIZE];
    aws_keyset_clear(&fetch->keys);
    if (fetch->loaded && fetch->source != AWS_SOURCE_PROFILE) {
        ask_source(fetch);
    } else if (find_file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", path)) {
        aws_errand_file(&fetch->errand, path, AWS_PROFILE_FILE_MAX, on_credentials_file, fetch);
    } else {
        on_credentials_file(fetch, (struct ph_text){"", 0}, ENOENT);
    }
}

bool aws_fetch_init(struct aws_fetch *fetch, const struct ph_host *host, struct aws_settings *settings,
                    struct aws_meter *meter, void (*done)(void *context), void *context)
{
    fetch->host = host;
    fetch->settings = settings;
    fetch->meter = meter;
    fetch->done = done;
    fetch->context = context;
    buffer_init(&fetch->header, TOKEN_CEILING);
    return aws_errand_init(&fetch->errand, host);
}

void aws_fetch_clear(struct aws_fetch *fetch)
{
    forget_request(fetch);
    aws_keyset_clear(&fetch->keys);
    aws_errand_clear(&fetch->errand);
}
