// SPDX-License-Identifier: Apache-2.0
//
// A plugin made for another ABI, with larger structs.
#include <posthouse/plugin.h>

extern PH_EXPORT const struct ph_plugin PH_DESCRIPTOR;
const struct ph_plugin PH_DESCRIPTOR = {
    .magic = PH_ABI_MAGIC,
    .abi_major = PH_ABI_MAJOR + 1,
    .abi_minor = PH_ABI_MINOR + 3,
    .plugin_size = sizeof(struct ph_plugin) + 8,
    .option_size = sizeof(struct ph_option),
    .operations_size = sizeof(struct ph_queue_operations),
    .common_size = sizeof(struct ph_common_operations),
    .kind = PH_KIND_QUEUE,
    .name = "future",
};
