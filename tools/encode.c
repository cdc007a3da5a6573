/* Bytes as text: UTF-8 if they are printable, else base64, or hex on request. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tools/output.h"

static const char *const names[] = {"auto", "utf8", "hex", "base64"};

bool sw_encoding_parse(const char *text, enum sw_encoding *ret_encoding)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_encoding = (enum sw_encoding)i;
            return true;
        }
    }
    return false;
}

const char *sw_encoding_name(enum sw_encoding encoding)
{
    return names[encoding];
}

/* Size of the UTF-8 character at `at`, 0 if there is none (or an overlong or surrogate one). */
static size_t character_size(const uint8_t *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t size = at[0] < 0x80       ? 1
                        : at[0] >> 5 == 6  ? 2
                        : at[0] >> 4 == 14 ? 3
                        : at[0] >> 3 == 30 ? 4
                                           : 0;
    uint32_t code;

    if (size == 0 || size > left) {
        return 0;
    }
    code = size == 1 ? at[0] : at[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if (at[i] >> 6 != 2) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fU);
    }
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    return size;
}

bool sw_is_text(struct sw_span bytes)
{
    size_t at = 0;

    while (at < bytes.size) {
        const uint8_t c = bytes.data[at];
        const size_t size = character_size(bytes.data + at, bytes.size - at);

        if (size == 0 || c == 0x7f || (c < ' ' && c != '\n' && c != '\t' && c != '\r')) {
            return false;
        }
        at += size;
    }
    return true;
}

enum sw_encoding sw_encoding_of(struct sw_span bytes, enum sw_encoding encoding)
{
    if (encoding != SW_ENCODING_AUTO) {
        return encoding;
    }
    return sw_is_text(bytes) ? SW_ENCODING_UTF8 : SW_ENCODING_BASE64;
}

static void encode_hex(struct sw_span bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.size] = '\0';
}

static void encode_base64(struct sw_span bytes, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;

    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        const uint32_t group = (uint32_t)bytes.data[i] << 16 |
                               (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                               (left > 2 ? bytes.data[i + 2] : 0);

        out[at] = digits[group >> 18];
        out[at + 1] = digits[group >> 12 & 63];
        out[at + 2] = '=';
        out[at + 3] = '=';
        if (left > 1) {
            out[at + 2] = digits[group >> 6 & 63];
        }
        if (left > 2) {
            out[at + 3] = digits[group & 63];
        }
        at += 4;
    }
    out[at] = '\0';
}

char *sw_encode(struct sw_span bytes, enum sw_encoding encoding)
{
    char *out = malloc(2 * bytes.size + 8);

    SW_ASSERT(out != NULL);
    switch (sw_encoding_of(bytes, encoding)) {
    case SW_ENCODING_HEX:
        encode_hex(bytes, out);
        break;
    case SW_ENCODING_BASE64:
        encode_base64(bytes, out);
        break;
    case SW_ENCODING_AUTO:
    case SW_ENCODING_UTF8:
        if (bytes.size > 0) {
            memcpy(out, bytes.data, bytes.size);
        }
        out[bytes.size] = '\0';
        break;
    }
    return out;
}
