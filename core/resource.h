// SPDX-License-Identifier: Apache-2.0
//
// The template of a right's resource, piece by piece: "arn:{partition}:sqs:{region}:{account}:{queue_url/}".
// What each placeholder means is said at struct ph_right in posthouse/plugin.h. Nothing is allocated here.
#ifndef CORE_RESOURCE_H
#define CORE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct options_table;

enum resource_part {
    RESOURCE_TEXT,      ///< stands for itself
    RESOURCE_OPTION,    ///< {NAME}
    RESOURCE_LAST,      ///< {NAME/}
    RESOURCE_SECRET,    ///< {secret} and {secret:PREFIX}
    RESOURCE_KEY,       ///< {key}
    RESOURCE_PARTITION, ///< {partition}
    RESOURCE_REGION,    ///< {region}
    RESOURCE_ACCOUNT,   ///< {account}
    RESOURCE_BROKEN     ///< a brace without its other
};

struct resource_piece {
    enum resource_part part;
    const char *text; ///< the text, the option's name or the secret's prefix; not followed by a NUL
    size_t length;
};

/// Takes the next piece and moves `*at` behind it; false at the template's end.
bool resource_next(const char **at, struct resource_piece *piece_r);

/// True when every placeholder is known and every option exists with a type that can stand in a resource (text,
/// URL, list) and is no secret. Else `error` holds why, without a newline.
bool resource_check(const char *resource, const struct options_table *table, struct buffer *error);

/// The first placeholder that stands for one or several values (option, secret, key): what makes a right one
/// resource or many. False when there is none.
bool resource_subject(const char *resource, struct resource_piece *piece_r);

#endif
