// SPDX-License-Identifier: Apache-2.0
//
// `posthouse iam-policy`: the least-privilege policy that exactly one configuration needs.
#ifndef CLI_IAM_POLICY_H
#define CLI_IAM_POLICY_H

int iam_policy_run(int argc, char **argv);

#endif
