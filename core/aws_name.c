// SPDX-License-Identifier: Apache-2.0
//
// See core/aws_name.h. The prefixes are those of the services' endpoint rules (AWS SDKs, partitions.json).
#include "core/aws_name.h"
#include <stddef.h>
#include <string.h>

#define ACCOUNT_LENGTH 12

static const struct partition {
    const char *prefix;
    const char *name;
    const char *suffix;
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn"},       {"us-gov-", "aws-us-gov", "amazonaws.com"},
    {"us-iso-", "aws-iso", "c2s.ic.gov"},        {"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov"}, {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"},
    {"eusc-", "aws-eusc", "amazonaws.eu"},       {"", "aws", "amazonaws.com"},
};

static const struct partition *partition_of(const char *region)
{
    const struct partition *partition = partitions;
    while (strncmp(region, partition->prefix, strlen(partition->prefix)) != 0) {
        partition++; // the last one fits all
    }
    return partition;
}

const char *aws_name_partition(const char *region)
{
    return partition_of(region)->name;
}

const char *aws_name_suffix(const char *region)
{
    return partition_of(region)->suffix;
}

bool aws_name_is_arn(const char *value)
{
    return strncmp(value, "arn:", 4) == 0;
}

static bool take(char part[AWS_NAME_PART_SIZE], const char *from, size_t length)
{
    if (length >= AWS_NAME_PART_SIZE) {
        return false;
    }
    memcpy(part, from, length);
    part[length] = '\0';
    return true;
}

static bool read_arn(const char *value, struct aws_name *name)
{
    char service[AWS_NAME_PART_SIZE];
    char *const parts[] = {name->partition, service, name->region, name->account};
    const char *at = value + 4;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t length = strcspn(at, ":");
        if (at[length] != ':' || !take(parts[i], at, length)) {
            return false;
        }
        at += length + 1;
    }
    return name->partition[0] != '\0' && *at != '\0';
}

static bool is_region(const char *label, size_t length)
{
    size_t dashes = 0;
    for (size_t i = 0; i < length; i++) {
        bool letter = (label[i] >= 'a' && label[i] <= 'z') || (label[i] >= '0' && label[i] <= '9');
        dashes += label[i] == '-' ? 1 : 0;
        if (!letter && label[i] != '-') {
            return false;
        }
    }
    return dashes >= 2;
}

// The region in sqs.REGION.…, sqs-fips.REGION.… and the older REGION.queue.…; none for another host.
static void read_host(const char *host, size_t length, struct aws_name *name)
{
    static const char *const services[] = {"sqs.", "sqs-fips."};
    static const char older[] = ".queue.";
    const char *label = NULL;
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (strncmp(host, services[i], strlen(services[i])) == 0) {
            label = host + strlen(services[i]);
        }
    }
    size_t first = strcspn(host, "./:");
    if (label == NULL && strncmp(host + first, older, sizeof older - 1) == 0) {
        label = host;
    }
    size_t size = label != NULL ? strcspn(label, "./:") : 0;
    if (label != NULL && (size_t)(label - host) + size <= length && is_region(label, size)) {
        (void)take(name->region, label, size);
    }
}

static bool read_queue_url(const char *value, struct aws_name *name)
{
    size_t scheme = strncmp(value, "https://", 8) == 0 ? 8 : strncmp(value, "http://", 7) == 0 ? 7 : 0;
    const char *host = value + scheme;
    size_t length = strcspn(host, "/");
    if (scheme == 0 || host[length] != '/') {
        return false;
    }
    const char *account = host + length + 1;
    if (strspn(account, "0123456789") != ACCOUNT_LENGTH || account[ACCOUNT_LENGTH] != '/' ||
        account[ACCOUNT_LENGTH + 1] == '\0' || strchr(account + ACCOUNT_LENGTH + 1, '/') != NULL) {
        return false;
    }
    read_host(host, length, name);
    return take(name->account, account, ACCOUNT_LENGTH);
}

bool aws_name_read(const char *value, struct aws_name *name_r)
{
    *name_r = (struct aws_name){.partition = ""};
    return aws_name_is_arn(value) ? read_arn(value, name_r) : read_queue_url(value, name_r);
}
