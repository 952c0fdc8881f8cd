// SPDX-License-Identifier: Apache-2.0
//
// A message in full, as people read it.
#ifndef CLI_MESSAGE_PRINT_H
#define CLI_MESSAGE_PRINT_H

#include <jansson.h>

/// Prints what the object has of a message, with its body: an item of the inbox or the sent box, or a whole message.
void message_print(const json_t *message);

#endif
