// SPDX-License-Identifier: Apache-2.0
//
// Fuzzes the reader of the shared files of profiles, as either file. What it takes is trimmed, of one line, and as the file
// has it.
#include "plugins/aws/profile.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *file, size_t size)
{
    if (text == NULL) {
        return;
    }
    size_t length = strlen(text);
    assert(length > 0 && strchr(text, '\n') == NULL);
    assert(text[0] != ' ' && text[length - 1] != ' ' && text[0] != '\t' && text[length - 1] != '\t');
    assert(memmem(file, size, text, length) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"default", "work"};
    const char *file = (const char *)data;
    for (size_t i = 0; i < 4; i++) {
        struct aws_profile profile = {0};
        aws_profile_read(&profile, i % 2 == 0 ? AWS_PROFILE_CREDENTIALS : AWS_PROFILE_CONFIG, names[i / 2], file, size);
        const char *const texts[] = {profile.id,       profile.secret,         profile.token,
                                     profile.region,   profile.role_arn,       profile.role_session_name,
                                     profile.sso,      profile.source_profile, profile.web_identity_token_file,
                                     profile.ca_bundle};
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            check_text(texts[j], file, size);
            assert(texts[j] == NULL || profile.found);
        }
        aws_profile_clear(&profile);
    }
    return 0;
}
