/* Numbers and times as people type them: the whole input or nothing. */
#include "tools/parse.h"

#include <string.h>

bool sw_parse_number(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        const uint64_t digit = (uint64_t)(*text - '0');

        if (*text < '0' || *text > '9' || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

bool sw_parse_duration(const char *text, uint64_t *ret_ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    const size_t digits = strspn(text, "0123456789");
    char number[24];
    uint64_t value = 0;

    if (digits == 0 || digits >= sizeof number) {
        return false;
    }
    memcpy(number, text, digits);
    number[digits] = '\0';
    if (!sw_parse_number(number, &value)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + digits, units[i].name) == 0 && value <= UINT64_MAX / units[i].ms) {
            *ret_ms = value * units[i].ms;
            return true;
        }
    }
    return false;
}
