// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/endpoint.h. The partitions are those of the SDKs' partitions.json; a region that none of them claims
// is taken to be in "aws", as the SDKs do.
#include "plugins/aws/endpoint.h"
#include "plugins/aws/client.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct partition {
    const char *prefix; // of its regions
    const char *suffix;
    const char *dual_stack_suffix;
};

static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"", "amazonaws.com", "api.aws"}, // aws and aws-us-gov
};

bool aws_region_is_sound(const char *region)
{
    size_t length = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < AWS_REGION_SIZE && region[length] == '\0' && region[0] != '-' &&
           region[length - 1] != '-';
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Secrets Manager's ordinary endpoints have IPv6 addresses in the larger partitions; the other name is for the rest.
static bool is_dual_stack_already(const char *service, const char *region, const struct partition *partition, bool fips)
{
    bool large = partition->prefix[0] == '\0' || (begins(region, "cn-") && !fips);
    return strcmp(service, "secretsmanager") == 0 && large;
}

bool aws_endpoint_url(const char *service, const char *region, bool fips, bool dual_stack, char url_r[AWS_URL_SIZE])
{
    if (!aws_region_is_sound(region)) {
        return false;
    }
    const struct partition *partition = partitions;
    while (!begins(region, partition->prefix)) {
        partition++;
    }
    // GovCloud's ordinary endpoints are FIPS 140 ones, but for Secrets Manager's.
    if (begins(region, "us-gov-") && !dual_stack && strcmp(service, "secretsmanager") != 0) {
        fips = false;
    }
    bool other = dual_stack && !is_dual_stack_already(service, region, partition, fips);
    const char *suffix = other ? partition->dual_stack_suffix : partition->suffix;
    int length = snprintf(url_r, AWS_URL_SIZE, "https://%s%s.%s.%s/", service, fips ? "-fips" : "", region, suffix);
    return length > 0 && length < AWS_URL_SIZE;
}

bool aws_endpoint_read(const char *url, struct aws_endpoint *endpoint_r)
{
    bool tls = strncasecmp(url, "https://", 8) == 0;
    if (!tls && strncasecmp(url, "http://", 7) != 0) {
        return false;
    }
    const char *authority = url + (tls ? 8 : 7);
    size_t length = strcspn(authority, "/?#");
    const char *path = authority + length;
    size_t whole = strlen(url);
    if (length == 0 || whole + 2 > AWS_URL_SIZE || memchr(authority, '@', length) != NULL ||
        path[strcspn(path, "?#")] != '\0') {
        return false;
    }
    for (const unsigned char *at = (const unsigned char *)url; *at != '\0'; at++) {
        if (*at <= ' ' || *at >= 0x7f) {
            return false;
        }
    }
    const char *standard = tls ? ":443" : ":80";
    size_t port = strlen(standard);
    size_t host = length > port && strncmp(authority + length - port, standard, port) == 0 ? length - port : length;
    snprintf(endpoint_r->host, sizeof endpoint_r->host, "%.*s", (int)host, authority);
    snprintf(endpoint_r->path, sizeof endpoint_r->path, "%s", path[0] != '\0' ? path : "/");
    snprintf(endpoint_r->url, sizeof endpoint_r->url, "%.*s%s", (int)(authority + length - url), url,
             path[0] != '\0' ? path : "/");
    return true;
}

// --- Regions in names --------------------------------------------------------------------------------------

// Copies a part when it is a region.
static bool take_region(const char *part, size_t length, char *region_r, size_t size)
{
    if (length == 0 || length >= size) {
        return false;
    }
    memcpy(region_r, part, length);
    region_r[length] = '\0';
    // All regions end in a number, which no service and no suffix does.
    return aws_region_is_sound(region_r) && strchr(region_r, '-') != NULL &&
           isdigit((unsigned char)region_r[length - 1]);
}

static bool region_of_arn(const char *arn, char *region_r, size_t size)
{
    for (int part = 0; part < 3; part++) {
        arn += strcspn(arn, ":");
        if (*arn++ == '\0') {
            return false;
        }
    }
    return take_region(arn, strcspn(arn, ":"), region_r, size);
}

bool aws_region_of(const char *text, char *region_r, size_t size)
{
    if (strncmp(text, "arn:", 4) == 0) {
        return region_of_arn(text, region_r, size);
    }
    const char *scheme = strstr(text, "://");
    const char *at = scheme != NULL ? scheme + 3 : text;
    size_t host = strcspn(at, ":/?#");
    // Only AWS's own hosts: an emulator's name tells nothing.
    bool own = false;
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++) {
        const char *const suffixes[] = {partitions[i].suffix, partitions[i].dual_stack_suffix};
        for (size_t j = 0; j < 2; j++) {
            size_t length = strlen(suffixes[j]);
            own = own || (host > length && at[host - length - 1] == '.' &&
                          strncasecmp(at + host - length, suffixes[j], length) == 0);
        }
    }
    // The last that looks like one: the name of a VPC endpoint, in front, may do so too.
    bool known = false;
    for (const char *end = at + host; own && at < end; at++) {
        char found[AWS_REGION_SIZE];
        size_t label = strcspn(at, ".:/?#");
        if (take_region(at, label, found, size < sizeof found ? size : sizeof found)) {
            snprintf(region_r, size, "%s", found);
            known = true;
        }
        at += label;
    }
    return known;
}
