/* Numbers and times as people type them: the whole input or nothing. */
#include "tools/parse.h"

#include <string.h>

#include "base/text.h"

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
    if (!sw_text_number(number, &value)) {
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
