/* Members of a JSON object as the nodes write them. */
#ifndef SW_TOOLS_JSON_CJSON_H
#define SW_TOOLS_JSON_CJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

/* Empty if there is no such text, and cut at `size`. */
void sw_json_text(const struct cJSON *object, const char *name, char *out, size_t size);
/* 64-bit numbers come as strings; 0 if there is none. */
uint64_t sw_json_number(const struct cJSON *object, const char *name);
bool sw_json_bool(const struct cJSON *object, const char *name);

#endif
