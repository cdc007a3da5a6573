/* Any text as a URL: refused with a sentence, or parts that are what they say they are. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char why[SW_WHY_SIZE] = "";
    struct sw_url url;

    SW_ASSERT(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (sw_url_parse(text, &url, why) != SW_ERR_OK) {
        SW_ASSERT(why[0] != '\0');
    } else {
        SW_ASSERT(sw_url_is(text));
        SW_ASSERT(url.embedded == (url.dir[0] != '\0'));
        SW_ASSERT(!url.embedded || url.hosts[0] == '\0');
        SW_ASSERT(!url.embedded || url.config[0] == '\0');
        SW_ASSERT(strlen(url.tenant) <= SW_TENANT_SIZE_MAX);
        SW_ASSERT(strlen(url.name_space) <= SW_NAMESPACE_SIZE_MAX);
        SW_ASSERT(strlen(url.partition) <= SW_PARTITION_SIZE_MAX);
    }
    free(text);
    return 0;
}
