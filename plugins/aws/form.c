// SPDX-License-Identifier: Apache-2.0
//
// See plugins/aws/form.h.
#include "plugins/aws/form.h"
#include <ctype.h>
#include <stdarg.h>

static void add_value(struct buffer *form, const char *value, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    buffer_byte(form, '=');
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)value[i];
        if ((byte < 0x80 && isalnum(byte)) || byte == '-' || byte == '_' || byte == '.' || byte == '~') {
            buffer_byte(form, (char)byte);
        } else if (byte == ' ') {
            buffer_byte(form, '+');
        } else {
            const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
            buffer_append(form, escape, sizeof escape);
        }
    }
}

void aws_form_add(struct buffer *form, const char *name, const char *value, size_t length)
{
    buffer_byte(form, '&');
    buffer_text(form, name);
    add_value(form, value, length);
}

void aws_form_addf(struct buffer *form, const char *value, size_t length, const char *name, ...)
{
    va_list arguments;
    buffer_byte(form, '&');
    va_start(arguments, name);
    buffer_vprintf(form, name, arguments);
    va_end(arguments);
    add_value(form, value, length);
}
