// SPDX-License-Identifier: Apache-2.0
//
// See password_input.h.
#include "cli/password_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool read_line(FILE *in, const char *where, char password_r[PASSWORD_INPUT_SIZE])
{
    if (fgets(password_r, PASSWORD_INPUT_SIZE, in) == NULL) {
        fprintf(stderr, "posthouse: there is no password in %s\n", where);
        return false;
    }
    const size_t length = strcspn(password_r, "\r\n");
    if (password_r[length] == '\0' && length == PASSWORD_INPUT_SIZE - 1) {
        fprintf(stderr, "posthouse: the password in %s is too long\n", where);
        return false;
    }
    password_r[length] = '\0';
    return true;
}

static bool read_file(const char *file, char password_r[PASSWORD_INPUT_SIZE])
{
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        fprintf(stderr, "posthouse: cannot read the password file %s: %s\n", file, strerror(errno));
        return false;
    }
    const bool good = read_line(in, file, password_r);
    fclose(in);
    return good;
}

static bool prompt(const char *text, char password_r[PASSWORD_INPUT_SIZE])
{
    struct termios kept, silent;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &kept) != 0) {
        fputs("posthouse: there is no terminal to ask for the password: use --password-stdin or --password-file\n",
              stderr);
        return false;
    }
    silent = kept;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    fputs(text, stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    const bool good = read_line(stdin, "the answer", password_r);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &kept);
    fputc('\n', stderr);
    return good;
}

bool password_input(const char *file, bool from_stdin, bool twice, char password_r[PASSWORD_INPUT_SIZE])
{
    char again[PASSWORD_INPUT_SIZE];
    if (file != NULL) {
        return read_file(file, password_r);
    }
    if (from_stdin) {
        return read_line(stdin, "the first line of stdin", password_r);
    }
    if (!prompt("Password: ", password_r) || (twice && !prompt("The same again: ", again))) {
        return false;
    }
    const bool same = !twice || strcmp(password_r, again) == 0;
    explicit_bzero(again, sizeof again);
    if (!same) {
        fputs("posthouse: the two passwords differ\n", stderr);
    }
    return same;
}
