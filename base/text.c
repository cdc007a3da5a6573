/* Decimal and hex, without the locale and the leniency of strtoull. */
#include "base/text.h"

#include <string.h>

const char *sw_text_digits(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *at = text;

    while (*at >= '0' && *at <= '9') {
        const uint64_t digit = (uint64_t)(*at - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        value = value * 10 + digit;
        at++;
    }
    if (at == text) {
        return NULL;
    }
    *ret_value = value;
    return at;
}

bool sw_text_number(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *rest = sw_text_digits(text, &value);

    if (rest == NULL || *rest != '\0') {
        return false;
    }
    *ret_value = value;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool sw_text_hex(const char *text, uint8_t *out, size_t size)
{
    if (strlen(text) != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}
