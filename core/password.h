// SPDX-License-Identifier: Apache-2.0
//
// Passwords: scrypt by OpenSSL, stored as `$scrypt$ln=15,r=8,p=1$SALT$HASH` (salt and hash in base64url).
//
// The cost travels with the stored text, so it can be raised later. Each call takes tens of milliseconds and
// some 32 MiB at the default cost: run it on the offload pool, a bounded number at a time. Pure functions,
// any thread.
#ifndef CORE_PASSWORD_H
#define CORE_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Bytes of a stored password, its NUL included.
#define PASSWORD_STORED_SIZE 128

/// The work of one scrypt: N = 2^log2_n, block size r, parallelism p. Allowed: log2_n 1–18, r 1–16, p 1–8,
/// and no more than 128 MiB (128 × N × r).
struct password_cost {
    unsigned log2_n;
    unsigned r;
    unsigned p;
};

/// N = 2^15, r = 8, p = 1.
extern const struct password_cost password_cost_default;

enum password_outcome {
    PASSWORD_RIGHT,
    PASSWORD_WRONG,
    PASSWORD_UNREADABLE, ///< the stored text is not one of ours
    PASSWORD_FAILED,     ///< OpenSSL could not compute it, most likely for want of memory
};

/// Makes the stored text of a password with a fresh salt. False when the cost is not allowed or OpenSSL
/// fails.
bool password_make(const char *password, size_t length, const struct password_cost *cost,
                   char stored_r[PASSWORD_STORED_SIZE]);

/// Checks a password against a stored text; compares in constant time.
enum password_outcome password_verify(const char *password, size_t length, const char *stored);

/// A stored text that no password matches, as costly to verify as `cost` says: for users that do not exist,
/// so that the time of an answer does not tell.
void password_dummy(const struct password_cost *cost, char stored_r[PASSWORD_STORED_SIZE]);

/// True when `stored` was made at another cost than `cost` (or is unreadable) and should be made again at the
/// next successful login.
bool password_outdated(const char *stored, const struct password_cost *cost);

#endif
