// SPDX-License-Identifier: Apache-2.0
//
// See core/encode.h.
#include "core/encode.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void encode_hex(const void *data, size_t length, char *out)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++) {
        *out++ = hex_digits[bytes[i] >> 4];
        *out++ = hex_digits[bytes[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool decode_hex(const char *text, size_t length, void *out, size_t size)
{
    uint8_t *bytes = out;
    if (length / 2 != size || length % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

size_t encode_base64url(const void *data, size_t length, char *out)
{
    const uint8_t *bytes = data;
    char *start = out;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < length; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        for (held += 8; held >= 6; held -= 6) {
            *out++ = base64_digits[bits >> (held - 6) & 63];
        }
    }
    if (held > 0) {
        *out++ = base64_digits[bits << (6 - held) & 63];
    }
    *out = '\0';
    return (size_t)(out - start);
}

// What each byte stands for, plus one; 0 for none. A token is read with every request.
static const uint8_t base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

bool decode_base64url(const char *text, size_t length, void *out, size_t size, size_t *length_r)
{
    uint8_t *bytes = out;
    size_t written = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    if (length % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        uint32_t value = base64_values[(uint8_t)text[i]];
        if (value == 0) {
            return false;
        }
        bits = (bits << 6 | (value - 1)) & 0x3fff;
        held += 6;
        if (held >= 8) {
            if (written == size) {
                return false;
            }
            held -= 8;
            bytes[written++] = (uint8_t)(bits >> held);
        }
    }
    *length_r = written;
    return (bits & ((1u << held) - 1)) == 0;
}
