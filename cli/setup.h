// SPDX-License-Identifier: Apache-2.0
//
// `posthouse setup`: makes in the backends what a configuration names and is missing, for local use.
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

int setup_run(int argc, char **argv);

#endif
