// SPDX-License-Identifier: Apache-2.0
//
// An alert as SNS takes it: subject, one text for each protocol, attributes for filter policies. Pure functions.
#ifndef PLUGINS_ALERT_SNS_MESSAGE_H
#define PLUGINS_ALERT_SNS_MESSAGE_H

#include "core/buffer.h"
#include "posthouse/plugin.h"

/// What a publish may weigh in all: 256 KiB, less a margin for what the service counts on top.
#define SNS_PUBLISH_MAX ((size_t)250000)
#define SNS_SUBJECT_SIZE 101
#define SNS_ID_SIZE 37
/// Raw delivery to a queue drops messages with more than ten attributes; two are the plugin's own.
#define SNS_ATTRIBUTES_MAX 10

/// The id in its usual form.
void sns_id(const struct ph_id *id, char text_r[SNS_ID_SIZE]);

/// The subject: ASCII without control characters, at most 100 characters, no blanks at its ends; never empty.
void sns_subject(const struct ph_alert *alert, char subject_r[SNS_SUBJECT_SIZE]);

/// Appends the message, a JSON object of one text for each protocol: "default" is a JSON object for programs,
/// "email" is for people, "sms" is short. The body is cut to `body_limit` bytes at a character's boundary.
void sns_message(const struct ph_alert *alert, size_t body_limit, struct buffer *out);

/// Appends an entry of PublishBatch: parameters of the form, numbered from 1, with `index` as its id. Returns what it
/// weighs, or 0 when the buffer is full. The body is cut further where the whole would weigh more than a publish may.
size_t sns_entry(const struct ph_alert *alert, size_t number, size_t index, size_t body_limit, bool fifo,
                 struct buffer *form);

#endif
