/* Members of a JSON object, each of one kind, by name. */
#include "tools/json_cjson.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "base/text.h"

void sw_json_text(const struct cJSON *object, const char *name, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

uint64_t sw_json_number(const struct cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    uint64_t value = 0;

    return text != NULL && sw_text_number(text, &value) ? value : 0;
}

bool sw_json_bool(const struct cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name)) != 0;
}
