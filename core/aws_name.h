// SPDX-License-Identifier: Apache-2.0
//
// What names of AWS resources tell of where these are: partition, region and account in an ARN or a queue URL.
// Nothing is allocated here, and nothing asked for.
#ifndef CORE_AWS_NAME_H
#define CORE_AWS_NAME_H

#include <stdbool.h>

#define AWS_NAME_PART_SIZE 64

/// "" for what is not told.
struct aws_name {
    char partition[AWS_NAME_PART_SIZE];
    char region[AWS_NAME_PART_SIZE];
    char account[AWS_NAME_PART_SIZE];
};

/// True for "arn:…".
bool aws_name_is_arn(const char *value);

/// Reads an ARN (arn:PARTITION:SERVICE:REGION:ACCOUNT:…) or a queue URL (https://sqs.REGION.SUFFIX/ACCOUNT/NAME, with
/// any host for an emulator). False for anything else.
bool aws_name_read(const char *value, struct aws_name *name_r);

/// The partition of a region: "aws", "aws-cn", "aws-us-gov", …
const char *aws_name_partition(const char *region);

/// What the hosts of a region's services end in, such as "amazonaws.com".
const char *aws_name_suffix(const char *region);

#endif
