/* The one parser of durations, sizes, addresses and hex; whole input or nothing. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "node/config_private.h"
#include "transport/crypto_sodium.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *rest = sw_text_digits(text, &value);

    if (rest == NULL) {
        return false;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, rest) == 0) {
            if (value > UINT64_MAX / units->factor) {
                return false;
            }
            *ret_value = value * units->factor;
            return true;
        }
    }
    return false;
}

bool sw_config_duration(const char *text, uint64_t *ret_ms)
{
    /* No bare number: "5" could be anything. Zero needs no unit. */
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    return parse_with_unit(text, units, ret_ms);
}

bool sw_config_size(const char *text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"KiB", (uint64_t)1 << 10},
                                        {"MiB", (uint64_t)1 << 20},
                                        {"GiB", (uint64_t)1 << 30},
                                        {"TiB", (uint64_t)1 << 40},
                                        {NULL, 0}};

    return parse_with_unit(text, units, ret_bytes);
}

bool sw_config_address(const char *text, char ret_host[SW_ADDRESS_SIZE_MAX], uint16_t *ret_port)
{
    const bool bracket = text[0] == '[';
    const char *start = bracket ? text + 1 : text;
    const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    const char *port_text;
    const char *rest;
    uint64_t port = 0;

    if (end == NULL || end == start || strlen(text) >= SW_ADDRESS_SIZE_MAX) {
        return false;
    }
    port_text = bracket ? end + 1 : end;
    if (*port_text != ':' || (!bracket && memchr(start, ':', (size_t)(end - start)) != NULL)) {
        return false;
    }
    for (const char *c = start; c < end; c++) {
        /* What names and numbers of hosts are made of; a bracket may hold a zone (fe80::1%eth0). */
        if (!isalnum((unsigned char)*c) && strchr(bracket ? ":.%-_" : ".-_*", *c) == NULL) {
            return false;
        }
    }
    rest = sw_text_digits(port_text + 1, &port);
    if (rest == NULL || *rest != '\0' || port == 0 || port > UINT16_MAX) {
        return false;
    }
    if (ret_host != NULL) {
        memcpy(ret_host, start, (size_t)(end - start));
        ret_host[end - start] = '\0';
    }
    if (ret_port != NULL) {
        *ret_port = (uint16_t)port;
    }
    return true;
}

bool sw_config_public_key(const char *text, uint8_t out[32])
{
    uint8_t key[SW_KEY_SIZE];

    static_assert(sizeof key == 32, "a public key has 32 bytes");
    if (sw_text_hex(text, key, sizeof key) || sw_key_parse(sw_span_str(text), key) == SW_ERR_OK) {
        memcpy(out, key, sizeof key);
        return true;
    }
    return false;
}
