/* Reads a node's list of vector indexes with cJSON, into rows. */
#include <cjson/cJSON.h>

#include "tools/indexes.h"

enum { COLUMN_COUNT = 10 };

static const struct sw_column columns[COLUMN_COUNT] = {{"name", SW_CELL_TEXT},
                                                       {"dim", SW_CELL_SMALL},
                                                       {"metric", SW_CELL_TEXT},
                                                       {"dtype", SW_CELL_TEXT},
                                                       {"model", SW_CELL_TEXT},
                                                       {"entries", SW_CELL_TEXT},
                                                       {"buckets", SW_CELL_SMALL},
                                                       {"epoch", SW_CELL_SMALL},
                                                       {"working", SW_CELL_BOOL},
                                                       {"digest", SW_CELL_TEXT}};

static void add_cell(struct sw_output *out, size_t column, const cJSON *value)
{
    if (cJSON_IsString(value) != 0) {
        sw_output_text(out, column, cJSON_GetStringValue(value));
    } else if (cJSON_IsNumber(value) != 0 && cJSON_GetNumberValue(value) >= 0) {
        sw_output_number(out, column, (uint64_t)cJSON_GetNumberValue(value));
    } else if (cJSON_IsBool(value) != 0) {
        sw_output_text(out, column, cJSON_IsTrue(value) != 0 ? "true" : "false");
    }
}

bool sw_indexes_print(const char *json, enum sw_format format, FILE *file)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "indexes");
    const bool good = cJSON_IsArray(list) != 0;
    const cJSON *index;
    struct sw_output out;

    sw_output_init(&out, "indexes", columns, COLUMN_COUNT);
    cJSON_ArrayForEach(index, list)
    {
        sw_output_row(&out);
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            add_cell(&out, i, cJSON_GetObjectItemCaseSensitive(index, columns[i].name));
        }
    }
    if (good) {
        (void)sw_output_print(&out, format, file);
    }
    sw_output_release(&out);
    cJSON_Delete(root);
    return good;
}
