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

static int base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '-' ? 62 : digit == '_' ? 63 : -1;
}

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
        int value = base64_value(text[i]);
        if (value < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)value) & 0x3fff;
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
