// SPDX-License-Identifier: Apache-2.0
//
// posthoused, the daemon.

int main(void)
{
    return 0;
}
