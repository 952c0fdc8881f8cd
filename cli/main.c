// SPDX-License-Identifier: Apache-2.0
//
// posthouse, the command.

int main(void)
{
    return 0;
}
