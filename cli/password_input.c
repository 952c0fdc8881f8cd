// SPDX-License-Identifier: Apache-2.0
//
// See password_input.h.
#include "cli/password_input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

// What was read up to its line's end; false for what does not fit.
static bool cut_line(const char *where, char password_r[PASSWORD_INPUT_SIZE])
{
    const size_t length = strcspn(password_r, "\r\n");
    if (password_r[length] == '\0' && length == PASSWORD_INPUT_SIZE - 1) {
        fprintf(stderr, "posthouse: the password in %s is too long\n", where);
        return false;
    }
    password_r[length] = '\0';
    return true;
}

static bool read_line(FILE *in, const char *where, char password_r[PASSWORD_INPUT_SIZE])
{
    if (fgets(password_r, PASSWORD_INPUT_SIZE, in) == NULL) {
        fprintf(stderr, "posthouse: there is no password in %s\n", where);
        return false;
    }
    return cut_line(where, password_r);
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

// A signal while the echo is off ends the question; it is sent again when the terminal is as it was.
static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    caught = number;
}

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define SIGNAL_COUNT (sizeof SIGNALS / sizeof SIGNALS[0])

// Waits for the answer's line; false when a signal came first. Signals come in while it waits and at no other time, so
// that none is missed between looking and waiting.
static bool wait_for_line(const sigset_t *open)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return ppoll(&input, 1, NULL, open) == 1;
}

static bool read_silently(const char *question, const struct termios *kept, char password_r[PASSWORD_INPUT_SIZE])
{
    struct sigaction before[SIGNAL_COUNT];
    const struct sigaction noting = {.sa_handler = note_signal};
    struct termios silent = *kept;
    sigset_t closed, open;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    caught = 0;
    sigemptyset(&closed);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaddset(&closed, SIGNALS[i]);
    }
    sigprocmask(SIG_BLOCK, &closed, &open);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaction(SIGNALS[i], &noting, &before[i]);
    }
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(question, stderr); // not before: an answer in between would show and be lost
    const bool got = wait_for_line(&open) && fgets(password_r, PASSWORD_INPUT_SIZE, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, kept);
    fputc('\n', stderr);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        sigaction(SIGNALS[i], &before[i], NULL);
    }
    sigprocmask(SIG_SETMASK, &open, NULL);
    if (caught != 0) {
        raise(caught);
    }
    return got;
}

static bool prompt(const char *text, char password_r[PASSWORD_INPUT_SIZE])
{
    struct termios kept;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &kept) != 0) {
        fputs("posthouse: there is no terminal to ask for the password: use --password-stdin or --password-file\n",
              stderr);
        return false;
    }
    return read_silently(text, &kept, password_r) && cut_line("the answer", password_r);
}

bool password_input_named(const char *text, const char *file, bool from_stdin, char password_r[PASSWORD_INPUT_SIZE])
{
    if (file != NULL) {
        return read_file(file, password_r);
    }
    return from_stdin ? read_line(stdin, "stdin", password_r) : prompt(text, password_r);
}

bool password_input(const char *file, bool from_stdin, bool twice, char password_r[PASSWORD_INPUT_SIZE])
{
    char again[PASSWORD_INPUT_SIZE];
    if (!password_input_named(twice ? "New password: " : "Password: ", file, from_stdin, password_r)) {
        return false;
    }
    if (file != NULL || from_stdin || !twice) {
        return true;
    }
    const bool got = prompt("The same again: ", again);
    const bool same = got && strcmp(password_r, again) == 0;
    explicit_bzero(again, sizeof again);
    if (got && !same) {
        fputs("posthouse: the two passwords differ\n", stderr);
    }
    return same;
}
