/* Any text as a configuration file: refused with a reason, or accepted so that what is printed
 * reads back to the same settings. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_reads_back(const struct sw_config *config)
{
    static const struct sw_swarm_id none = {{0}};
    struct sw_config again;
    struct sw_buf first = {0};
    struct sw_buf second = {0};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    if (memcmp(&config->swarm, &none, sizeof none) == 0) {
        return; /* not set: prints as zeros, which is a different thing in a file */
    }
    sw_config_print(config, &first);
    sw_write_u8(&first, 0);
    sw_config_init(&again);
    err = sw_config_parse(&again, (const char *)first.data, why);
    /* A comment character inside a value ends it for the reader of the file: then the text that
     * was accepted did not come from a file, which is not the case here. */
    SW_ASSERT(err == SW_ERR_OK);
    memcpy(again.origins, config->origins, sizeof again.origins);
    again.members_origin = config->members_origin;
    sw_config_print(&again, &second);
    sw_write_u8(&second, 0);
    SW_ASSERT(strcmp((const char *)first.data, (const char *)second.data) == 0);
    sw_buf_release(&first);
    sw_buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_config config;
    char why[SW_WHY_SIZE] = "";
    char *text = malloc(size + 1);

    SW_ASSERT(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    sw_config_init(&config);
    if (sw_config_parse(&config, text, why) == SW_ERR_OK) {
        print_reads_back(&config);
        (void)sw_config_check(&config, why);
    } else {
        SW_ASSERT(why[0] != '\0');
    }
    free(text);
    return 0;
}
