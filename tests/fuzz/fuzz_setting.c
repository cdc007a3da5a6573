/* Any bytes as a setting of each kind: refused with a reason, or a setting whose one plain text
 * parses to the same setting and prints the same again. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/setting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prints_and_parses(const struct sw_setting *first)
{
    struct sw_setting second;
    struct sw_buf text = {0};
    struct sw_buf again = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    sw_setting_print(first, &text);
    err = sw_setting_parse(first->kind, sw_span_str(first->name), sw_buf_span(&text), &second, why);
    SW_ASSERT(err == SW_ERR_OK);
    sw_setting_print(&second, &again);
    SW_ASSERT(sw_span_equal(sw_buf_span(&text), sw_buf_span(&again)));
    SW_ASSERT(memcmp(first, &second, sizeof second) == 0);
    sw_buf_release(&text);
    sw_buf_release(&again);
}

/* The first line is the name, the rest the lines of the setting. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sw_setting setting;
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    const size_t name_size = end == NULL ? size : (size_t)(end - data);
    const size_t rest = end == NULL ? size : name_size + 1;

    for (unsigned kind = 0; kind <= SW_SETTING_KIND_COUNT; kind++) {
        char why[SW_WHY_SIZE] = "";
        const enum sw_err err = sw_setting_parse((enum sw_setting_kind)kind,
                                                 sw_span_of(data, name_size),
                                                 sw_span_of(data + rest, size - rest),
                                                 &setting,
                                                 why);

        if (err == SW_ERR_OK) {
            prints_and_parses(&setting);
        } else {
            SW_ASSERT(why[0] != '\0');
        }
    }
    return 0;
}
