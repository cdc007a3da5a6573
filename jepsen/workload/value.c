/* Values that carry their own proof. */
#include "jepsen/workload/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jepsen/workload/dice.h"

/* Length and letters follow from the number alone. */
static size_t padding_size(uint64_t number)
{
    return 1 + (size_t)(sw_dice_mix(number) % SW_VALUE_PADDING_MAX);
}

static char padding_letter(uint64_t number, size_t at)
{
    return (char)('a' + (sw_dice_mix(number + 1) + at * (1 + number % 23)) % 26);
}

void sw_value_write(struct sw_edn *out, uint64_t number, bool padded)
{
    const size_t size = padding_size(number);
    char *letters;

    sw_edn_add(out, "%" PRIu64, number);
    if (!padded) {
        return;
    }
    letters = malloc(size + 1);
    if (letters == NULL) {
        out->cut = true;
        return;
    }
    for (size_t i = 0; i < size; i++) {
        letters[i] = padding_letter(number, i);
    }
    letters[size] = '\0';
    sw_edn_add(out, " %s", letters);
    free(letters);
}

/* The decimal number at `*at`, which moves behind it. */
static bool number_at(struct swarm_slice bytes, size_t *at, uint64_t *ret_number)
{
    const char *text = bytes.data;
    const size_t start = *at;
    uint64_t number = 0;

    while (*at < bytes.size && text[*at] >= '0' && text[*at] <= '9' && *at - start < 19) {
        number = number * 10 + (uint64_t)(text[*at] - '0');
        (*at)++;
    }
    *ret_number = number;
    return *at > start && (text[start] != '0' || *at == start + 1);
}

bool sw_value_read(struct swarm_slice bytes, uint64_t *ret_number)
{
    const char *text = bytes.data;
    uint64_t number = 0;
    size_t at = 0;

    if (!number_at(bytes, &at, &number)) {
        return false;
    }
    if (at < bytes.size) {
        if (text[at] != ' ' || bytes.size - at - 1 != padding_size(number)) {
            return false;
        }
        for (size_t i = 0; at + 1 + i < bytes.size; i++) {
            if (text[at + 1 + i] != padding_letter(number, i)) {
                return false;
            }
        }
    }
    *ret_number = number;
    return true;
}

bool sw_value_numbers(
    struct swarm_slice bytes, char end, uint64_t *ret_numbers, uint32_t max, uint32_t *ret_count)
{
    const char *text = bytes.data;
    uint32_t count = 0;
    size_t at = 0;

    while (at < bytes.size) {
        if (count == max || !number_at(bytes, &at, &ret_numbers[count])) {
            return false;
        }
        if (at == bytes.size || text[at] != end) {
            return false;
        }
        at++;
        count++;
    }
    *ret_count = count;
    return true;
}
