// SPDX-License-Identifier: Apache-2.0
//
// The arguments of a command, read by a table that also writes its help.
//
// Options may stand before, between and behind the operands; "--name value" and "--name=value" are the same; "--" ends
// the options; "-" is an operand. What is wrong is said in one line on stderr, with the nearest name for an option that
// is not known.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_LIST_MAX 1000

/// Words in the order in which they were given; they belong to argv.
struct options_list {
    size_t count;
    const char *items[OPTIONS_LIST_MAX];
};

/// An option. Exactly one of `flag`, `text`, `number` and `list` is set: it says of which type the option is and where its value goes.
struct options_entry {
    const char *name;      ///< without the dashes
    const char *argument;  ///< the value's name in the help; NULL for a flag
    const char *help;      ///< a phrase
    char letter;           ///< of the short form, or 0
    bool optional;         ///< a number may be left out; the next word is one only if it is digits alone
    bool greedy;           ///< a list takes all words up to the next option
    long minimum, maximum; ///< of a number
    bool *flag;
    const char **text;
    long *number;
    struct options_list *list; ///< all that were given
    bool *given;               ///< beside one of the others: set when the option is there; may be NULL
};

/// A command's arguments.
struct options_command {
    const char *name;     ///< "user add"
    const char *operands; ///< as the usage shows them: "NAME"; "" for none
    const char *about;    ///< what the command does, in lines
    const struct options_entry *entries;
    size_t count;
    size_t operands_min, operands_max;
};

/// Reads `argv` behind its first word. `operands_r` may be NULL for a command without any. False: the command ends with
/// `code_r`, after its help on stdout or a line on stderr.
bool options_read(const struct options_command *command, int argc, char **argv, struct options_list *operands_r,
                  int *code_r);

/// Says on stderr what is wrong with a command's arguments and where its help is; returns EXIT_WRONG_USAGE.
int options_wrong(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
