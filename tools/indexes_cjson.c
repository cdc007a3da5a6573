/* Reads a node's list of vector indexes with cJSON, into rows. */
#include <cjson/cJSON.h>
#include <stdlib.h>

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

static uint64_t number_of(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

    if (cJSON_IsString(value) != 0) {
        return strtoull(cJSON_GetStringValue(value), NULL, 10);
    }
    return cJSON_IsNumber(value) != 0 && cJSON_GetNumberValue(value) > 0
               ? (uint64_t)cJSON_GetNumberValue(value)
               : 0;
}

static void read_bins(const cJSON *list, struct sw_index_status *status)
{
    const cJSON *bin;

    cJSON_ArrayForEach(bin, list)
    {
        if (status->bin_count < SW_INDEX_STATUS_BINS) {
            status->bins[status->bin_count].from = (uint32_t)number_of(bin, "from");
            status->bins[status->bin_count++].buckets = (uint32_t)number_of(bin, "buckets");
        }
    }
}

bool sw_index_status_read(const char *json, struct sw_index_status *ret_status)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(root, "name");
    const cJSON *bins = cJSON_GetObjectItemCaseSensitive(root, "histogram");
    const bool good = cJSON_IsString(name) != 0 && cJSON_IsArray(bins) != 0;

    *ret_status = (struct sw_index_status){.bin_count = 0};
    if (good) {
        (void)snprintf(ret_status->name, sizeof ret_status->name, "%s", cJSON_GetStringValue(name));
        ret_status->dim = (uint32_t)number_of(root, "dim");
        ret_status->target_permille = (uint32_t)number_of(root, "target_permille");
        ret_status->probe_percent = (uint32_t)number_of(root, "probe_percent");
        ret_status->rerank_tenths = (uint32_t)number_of(root, "rerank_tenths");
        ret_status->samples = (uint32_t)number_of(root, "samples");
        ret_status->recall_permille = (uint32_t)number_of(root, "recall_permille");
        ret_status->buckets = (uint32_t)number_of(root, "buckets");
        ret_status->largest = (uint32_t)number_of(root, "largest");
        ret_status->entries = number_of(root, "entries");
        ret_status->scanned = number_of(root, "scanned");
        read_bins(bins, ret_status);
    }
    cJSON_Delete(root);
    return good;
}

static void copy_text(const cJSON *object, const char *name, char *out, size_t size)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

    (void)snprintf(out, size, "%s", cJSON_IsString(value) != 0 ? cJSON_GetStringValue(value) : "");
}

bool sw_index_check_read(const char *json, struct sw_index_check_status *ret_status)
{
    cJSON *root = cJSON_Parse(json);
    const bool good = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(root, "fault")) != 0 &&
                      cJSON_IsString(cJSON_GetObjectItemCaseSensitive(root, "digest")) != 0;

    if (good) {
        *ret_status = (struct sw_index_check_status){
            .entries = number_of(root, "entries"),
            .places = number_of(root, "places"),
            .keys = number_of(root, "keys"),
            .records = number_of(root, "records"),
            .still = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "still")) != 0};
        copy_text(root, "digest", ret_status->digest, sizeof ret_status->digest);
        copy_text(root, "fault", ret_status->fault, sizeof ret_status->fault);
    }
    cJSON_Delete(root);
    return good;
}

bool sw_index_status_print(const char *json, enum sw_format format, FILE *file)
{
    cJSON *root = cJSON_Parse(json);
    const cJSON *field;
    struct sw_output out;
    char number[32];

    if (cJSON_IsObject(root) == 0 || cJSON_GetArraySize(root) > SW_FIELDS_MAX) {
        cJSON_Delete(root);
        return false;
    }
    sw_output_init(&out, "index", NULL, 0);
    cJSON_ArrayForEach(field, root)
    {
        if (cJSON_IsString(field) != 0) {
            sw_output_field(&out, field->string, SW_CELL_TEXT, cJSON_GetStringValue(field));
        } else if (cJSON_IsNumber(field) != 0) {
            (void)snprintf(number, sizeof number, "%.0f", cJSON_GetNumberValue(field));
            sw_output_field(&out, field->string, SW_CELL_TEXT, number);
        } else if (cJSON_IsBool(field) != 0) {
            sw_output_field(
                &out, field->string, SW_CELL_TEXT, cJSON_IsTrue(field) != 0 ? "true" : "false");
        } else {
            char *text = cJSON_PrintUnformatted(field);

            sw_output_field(&out, field->string, SW_CELL_JSON, text);
            cJSON_free(text);
        }
    }
    (void)sw_output_print(&out, format, file);
    sw_output_release(&out);
    cJSON_Delete(root);
    return true;
}
