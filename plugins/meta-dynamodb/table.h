// SPDX-License-Identifier: Apache-2.0
//
// The table itself: is it there, can it be used (open, health), and making it for local use (setup).
#ifndef PLUGINS_META_DYNAMODB_TABLE_H
#define PLUGINS_META_DYNAMODB_TABLE_H

#include "plugins/meta-dynamodb/dynamodb.h"

/// Asks for the table on behalf of a call.
void table_ask(struct dynamodb *dynamodb, struct ph_call *call, aws_ask_done_f *done);

/// Reads the answer. PH_OK: the table can be used. Else *answer says why not, with a text from the call's arena.
enum ph_outcome table_judge(const struct dynamodb *dynamodb, struct ph_call *call, struct aws_answer *answer);

ph_start_f table_health;
ph_start_f table_setup;

#endif
