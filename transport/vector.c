/* Codec and rules of vectors and of questions, and what a condition means. */
#include "transport/vector.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static_assert(sizeof(double) == sizeof(uint64_t), "distances travel as IEEE 754 doubles");

/* --- codec ------------------------------------------------------------------------------------ */

static void write_double(struct sw_buf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    sw_write_u64(out, bits);
}

/* One encoding each: no NaN, and no zero with a sign. */
static double read_double(struct sw_reader *in)
{
    const uint64_t bits = sw_read_u64(in);
    double value;

    memcpy(&value, &bits, sizeof value);
    if (isnan(value) || (value == 0 && bits != 0)) {
        sw_reader_fail(in);
        return 0;
    }
    return value;
}

void sw_vector_space_encode(const struct sw_vector_space *space, struct sw_buf *out)
{
    sw_write_u8(out, space->metric);
    sw_write_u8(out, space->dtype);
    sw_write_u8(out, (uint8_t)space->exponent);
    sw_write_u32(out, space->dim);
    sw_write_u32(out, space->version);
    sw_write_u64(out, space->seed);
    sw_write_short(out, space->model);
}

enum sw_err sw_vector_space_decode(struct sw_span bytes, struct sw_vector_space *ret_space)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_space->metric = sw_read_u8(&in);
    ret_space->dtype = sw_read_u8(&in);
    ret_space->exponent = (int8_t)sw_read_u8(&in);
    ret_space->dim = sw_read_u32(&in);
    ret_space->version = sw_read_u32(&in);
    ret_space->seed = sw_read_u64(&in);
    ret_space->model = sw_read_short(&in);
    return sw_reader_finish(&in);
}

void sw_attribute_encode(const struct sw_attribute *attribute, struct sw_buf *out)
{
    sw_write_u8(out, (uint8_t)attribute->kind);
    sw_write_short(out, attribute->name);
    if (attribute->kind == SW_ATTRIBUTE_NUMBER) {
        sw_write_u64(out, (uint64_t)attribute->number);
    } else {
        sw_write_short(out, attribute->text);
    }
}

void sw_attribute_read(struct sw_reader *in, struct sw_attribute *ret_attribute)
{
    *ret_attribute = (struct sw_attribute){.kind = (enum sw_attribute_kind)sw_read_u8(in)};
    if (ret_attribute->kind == 0 || ret_attribute->kind >= SW_ATTRIBUTE_KIND_COUNT) {
        sw_reader_fail(in);
    }
    ret_attribute->name = sw_read_short(in);
    if (ret_attribute->kind == SW_ATTRIBUTE_NUMBER) {
        ret_attribute->number = (int64_t)sw_read_u64(in);
    } else {
        ret_attribute->text = sw_read_short(in);
    }
}

void sw_vector_item_encode(const struct sw_vector_item *item, struct sw_buf *out)
{
    SW_ASSERT(item->attribute_count <= SW_ATTRIBUTE_COUNT_MAX);
    sw_write_short(out, item->index);
    sw_write_u32(out, item->context);
    sw_write_u8(out, item->novel ? 1 : 0);
    if (item->novel) {
        write_double(out, item->distance_max);
    }
    sw_write_u8(out, (uint8_t)item->attribute_count);
    for (uint32_t i = 0; i < item->attribute_count; i++) {
        sw_attribute_encode(&item->attributes[i], out);
    }
    sw_write_blob(out, item->vector);
    sw_write_blob(out, item->content);
}

enum sw_err sw_vector_item_decode(struct sw_span bytes, struct sw_vector_item *ret_item)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_item->index = sw_read_short(&in);
    ret_item->context = sw_read_u32(&in);
    ret_item->novel = sw_read_u8_max(&in, 1) != 0;
    ret_item->distance_max = ret_item->novel ? read_double(&in) : 0;
    ret_item->attribute_count = sw_read_u8(&in);
    if (ret_item->attribute_count > SW_ATTRIBUTE_COUNT_MAX) {
        return SW_ERR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < ret_item->attribute_count && !in.failed; i++) {
        sw_attribute_read(&in, &ret_item->attributes[i]);
    }
    ret_item->vector = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    ret_item->content = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    return sw_reader_finish(&in);
}

static void condition_encode(const struct sw_condition *condition, struct sw_buf *out)
{
    sw_write_u8(out, (uint8_t)condition->kind);
    sw_write_u8(out, condition->clause);
    if (condition->kind == SW_CONDITION_RANGE) {
        sw_write_short(out, condition->attribute.name);
        sw_write_u64(out, (uint64_t)condition->low);
        sw_write_u64(out, (uint64_t)condition->high);
    } else {
        sw_attribute_encode(&condition->attribute, out);
    }
}

static void read_condition(struct sw_reader *in, struct sw_condition *out)
{
    *out = (struct sw_condition){.kind = (enum sw_condition_kind)sw_read_u8(in),
                                 .clause = sw_read_u8(in)};
    if (out->kind == 0 || out->kind >= SW_CONDITION_KIND_COUNT) {
        sw_reader_fail(in);
    }
    if (out->kind == SW_CONDITION_RANGE) {
        out->attribute.kind = SW_ATTRIBUTE_NUMBER;
        out->attribute.name = sw_read_short(in);
        out->low = (int64_t)sw_read_u64(in);
        out->high = (int64_t)sw_read_u64(in);
    } else {
        sw_attribute_read(in, &out->attribute);
    }
}

void sw_vector_query_encode(const struct sw_vector_query *query, struct sw_buf *out)
{
    SW_ASSERT(query->condition_count <= SW_CONDITION_COUNT_MAX);
    sw_write_short(out, query->index);
    sw_write_u8(out, (uint8_t)query->flags);
    sw_write_u32(out, query->k);
    sw_write_u32(out, query->probe);
    sw_write_u32(out, query->rerank);
    sw_write_u32(out, query->recall_permille);
    sw_write_u32(out, query->context);
    write_double(out, query->distance_max);
    sw_write_u64(out, query->revision_min);
    sw_write_u64(out, query->revision_max);
    sw_write_u8(out, (uint8_t)query->condition_count);
    for (uint32_t i = 0; i < query->condition_count; i++) {
        condition_encode(&query->conditions[i], out);
    }
    sw_write_blob(out, query->vector);
}

enum sw_err sw_vector_query_decode(struct sw_span bytes, struct sw_vector_query *ret_query)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_query->index = sw_read_short(&in);
    ret_query->flags = sw_read_u8_max(&in, SW_VECTOR_FLAGS_ALL);
    ret_query->k = sw_read_u32(&in);
    ret_query->probe = sw_read_u32(&in);
    ret_query->rerank = sw_read_u32(&in);
    ret_query->recall_permille = sw_read_u32(&in);
    ret_query->context = sw_read_u32(&in);
    ret_query->distance_max = read_double(&in);
    ret_query->revision_min = sw_read_u64(&in);
    ret_query->revision_max = sw_read_u64(&in);
    ret_query->condition_count = sw_read_u8(&in);
    if (ret_query->condition_count > SW_CONDITION_COUNT_MAX) {
        return SW_ERR_TOO_LARGE;
    }
    for (uint32_t i = 0; i < ret_query->condition_count && !in.failed; i++) {
        read_condition(&in, &ret_query->conditions[i]);
    }
    ret_query->vector = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    return sw_reader_finish(&in);
}

void sw_vector_tuning_encode(const struct sw_vector_tuning *tuning, struct sw_buf *out)
{
    sw_write_u16(out, (uint16_t)tuning->target_permille);
    sw_write_u32(out, tuning->probe_percent);
    sw_write_u32(out, tuning->rerank_tenths);
}

enum sw_err sw_vector_tuning_decode(struct sw_span bytes, struct sw_vector_tuning *ret_tuning)
{
    struct sw_reader in = sw_reader_of(bytes);

    ret_tuning->target_permille = sw_read_u16(&in);
    ret_tuning->probe_percent = sw_read_u32(&in);
    ret_tuning->rerank_tenths = sw_read_u32(&in);
    return sw_reader_finish(&in);
}

enum sw_err sw_vector_bits_decode(struct sw_span bytes, uint32_t *ret_bits)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint32_t bits = sw_read_u8(&in);
    const enum sw_err err = sw_reader_finish(&in);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (bits != 16 && bits != 8 && bits != 6 && bits != 4 && bits != 2 && bits != 1) {
        return SW_ERR_INVALID;
    }
    *ret_bits = bits;
    return SW_ERR_OK;
}

/* --- rules ------------------------------------------------------------------------------------ */

static enum sw_err
check_name(const char *what, struct sw_span name, size_t size_max, char ret_why[SW_WHY_SIZE])
{
    if (name.size == 0 || name.size > size_max) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "the name of %s is %zu bytes, allowed are 1 to %zu",
                 what,
                 name.size,
                 size_max);
        return name.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~') {
            snprintf(ret_why,
                     SW_WHY_SIZE,
                     "the name of %s has byte 0x%02x at %zu, allowed is printable ASCII without "
                     "spaces",
                     what,
                     (unsigned)name.data[i],
                     i);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

enum sw_err sw_vector_index_name_validate(struct sw_span name, char ret_why[SW_WHY_SIZE])
{
    return check_name("the index", name, SW_SPACE_NAME_SIZE_MAX, ret_why);
}

static enum sw_err check_vector(struct sw_span vector, char ret_why[SW_WHY_SIZE])
{
    if (vector.size >= SW_SPACE_DIM_MIN && vector.size <= 4 * SW_SPACE_DIM_MAX) {
        return SW_ERR_OK;
    }
    snprintf(ret_why,
             SW_WHY_SIZE,
             "the vector is %zu bytes, allowed are %d to %d",
             vector.size,
             SW_SPACE_DIM_MIN,
             4 * SW_SPACE_DIM_MAX);
    return SW_ERR_INVALID;
}

static enum sw_err check_attribute(const struct sw_attribute *attribute, char ret_why[SW_WHY_SIZE])
{
    enum sw_err err;

    err = check_name("an attribute", attribute->name, SW_ATTRIBUTE_NAME_SIZE_MAX, ret_why);
    if (err == SW_ERR_OK && attribute->text.size > SW_ATTRIBUTE_TEXT_SIZE_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "the text of attribute %.*s is %zu bytes, the limit is %d bytes",
                 (int)attribute->name.size,
                 (const char *)attribute->name.data,
                 attribute->text.size,
                 SW_ATTRIBUTE_TEXT_SIZE_MAX);
        err = SW_ERR_TOO_LARGE;
    }
    return err;
}

enum sw_err sw_vector_space_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_vector_space space;

    if (sw_vector_space_decode(bytes, &space) != SW_ERR_OK) {
        snprintf(ret_why, SW_WHY_SIZE, "the description of the index does not decode");
        return SW_ERR_INVALID;
    }
    if (space.dim < SW_SPACE_DIM_MIN || space.dim > SW_SPACE_DIM_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "vectors of %u numbers, allowed are %d to %d",
                 (unsigned)space.dim,
                 SW_SPACE_DIM_MIN,
                 SW_SPACE_DIM_MAX);
        return SW_ERR_INVALID;
    }
    if (space.model.size > SW_SPACE_MODEL_SIZE_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "the name of the model is %zu bytes, the limit is %d bytes",
                 space.model.size,
                 SW_SPACE_MODEL_SIZE_MAX);
        return SW_ERR_TOO_LARGE;
    }
    return SW_ERR_OK;
}

enum sw_err sw_vector_item_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_vector_item item;
    enum sw_err err = sw_vector_item_decode(bytes, &item);

    if (err != SW_ERR_OK) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 err == SW_ERR_TOO_LARGE ? "an item has at most %d attributes"
                                         : "the item does not decode",
                 SW_ATTRIBUTE_COUNT_MAX);
        return err == SW_ERR_TOO_LARGE ? err : SW_ERR_INVALID;
    }
    err = sw_vector_index_name_validate(item.index, ret_why);
    if (err == SW_ERR_OK) {
        err = check_vector(item.vector, ret_why);
    }
    if (err == SW_ERR_OK && item.novel && !isfinite(item.distance_max)) {
        snprintf(ret_why, SW_WHY_SIZE, "the greatest distance is not finite");
        err = SW_ERR_INVALID;
    }
    for (uint32_t i = 0; i < item.attribute_count && err == SW_ERR_OK; i++) {
        err = check_attribute(&item.attributes[i], ret_why);
    }
    return err;
}

static enum sw_err check_query(const struct sw_vector_query *query, char ret_why[SW_WHY_SIZE])
{
    if (query->k == 0 || query->k > SW_SEARCH_COUNT_MAX) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "k is %u, allowed is 1 to %d",
                 (unsigned)query->k,
                 SW_SEARCH_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    if (query->recall_permille > 1000 ||
        (query->recall_permille > 0 && query->recall_permille < 500)) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "recall is %u permille, allowed is 500 to 1000",
                 (unsigned)query->recall_permille);
        return SW_ERR_INVALID;
    }
    if (((query->flags & SW_VECTOR_CONTEXT) == 0 && query->context != 0) ||
        ((query->flags & SW_VECTOR_BOUNDED) == 0 && query->distance_max != 0)) {
        snprintf(ret_why, SW_WHY_SIZE, "a context or distance is named without its flag");
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum sw_err sw_vector_query_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_vector_query query;
    enum sw_err err = sw_vector_query_decode(bytes, &query);

    if (err != SW_ERR_OK) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 err == SW_ERR_TOO_LARGE ? "a question has at most %d conditions"
                                         : "the question does not decode",
                 SW_CONDITION_COUNT_MAX);
        return err == SW_ERR_TOO_LARGE ? err : SW_ERR_INVALID;
    }
    err = sw_vector_index_name_validate(query.index, ret_why);
    if (err == SW_ERR_OK) {
        err = check_vector(query.vector, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_query(&query, ret_why);
    }
    for (uint32_t i = 0; i < query.condition_count && err == SW_ERR_OK; i++) {
        err = check_attribute(&query.conditions[i].attribute, ret_why);
        if (err == SW_ERR_OK && query.conditions[i].kind == SW_CONDITION_PREFIX &&
            query.conditions[i].attribute.kind != SW_ATTRIBUTE_TEXT) {
            snprintf(ret_why, SW_WHY_SIZE, "only a text has a prefix");
            err = SW_ERR_INVALID;
        }
    }
    return err;
}

enum sw_err sw_vector_watch_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_vector_query query;
    enum sw_err err = sw_vector_query_validate(bytes, ret_why);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_vector_query_decode(bytes, &query);
    SW_ASSERT(err == SW_ERR_OK); /* it was just judged */
    if ((query.flags & SW_VECTOR_BOUNDED) == 0 || !isfinite(query.distance_max)) {
        snprintf(ret_why, SW_WHY_SIZE, "a watch by meaning names a greatest distance");
        return SW_ERR_INVALID;
    }
    if ((query.flags & (SW_VECTOR_STALE | SW_VECTOR_KEYS_ONLY)) != 0 || query.k != 1 ||
        query.probe != 0 || query.rerank != 0 || query.recall_permille != 0 ||
        query.revision_min != 0 || query.revision_max != 0) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "a watch by meaning looks at each put: it takes no budget, window or k");
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum sw_err sw_vector_tuning_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_vector_tuning tuning;

    if (sw_vector_tuning_decode(bytes, &tuning) != SW_ERR_OK) {
        snprintf(ret_why, SW_WHY_SIZE, "the tuning does not decode");
        return SW_ERR_INVALID;
    }
    if (tuning.target_permille != 0 &&
        (tuning.target_permille < 500 || tuning.target_permille > 999)) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "the recall is %u permille, allowed is 500 to 999",
                 (unsigned)tuning.target_permille);
        return SW_ERR_INVALID;
    }
    if ((tuning.probe_percent == 0) != (tuning.rerank_tenths == 0) ||
        (tuning.probe_percent != 0 && (tuning.probe_percent < SW_VECTOR_PROBE_MIN ||
                                       tuning.probe_percent > SW_VECTOR_PROBE_MAX ||
                                       tuning.rerank_tenths < SW_VECTOR_RERANK_MIN ||
                                       tuning.rerank_tenths > SW_VECTOR_RERANK_MAX))) {
        snprintf(ret_why,
                 SW_WHY_SIZE,
                 "a budget is %d to %d %% of the root of the buckets and %d to %d tenths of k",
                 SW_VECTOR_PROBE_MIN,
                 SW_VECTOR_PROBE_MAX,
                 SW_VECTOR_RERANK_MIN,
                 SW_VECTOR_RERANK_MAX);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum sw_err sw_vector_budget_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_vector_tuning tuning;
    enum sw_err err = sw_vector_tuning_validate(bytes, ret_why);

    if (err == SW_ERR_OK) {
        err = sw_vector_tuning_decode(bytes, &tuning);
    }
    if (err == SW_ERR_OK && tuning.probe_percent == 0) {
        snprintf(ret_why, SW_WHY_SIZE, "a budget to measure with is missing");
        err = SW_ERR_INVALID;
    }
    return err;
}

enum sw_err sw_vector_bits_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    uint32_t bits;

    if (sw_vector_bits_decode(bytes, &bits) == SW_ERR_OK) {
        return SW_ERR_OK;
    }
    snprintf(ret_why, SW_WHY_SIZE, "stored vectors keep 16, 8, 6, 4, 2 or 1 bits a number");
    return SW_ERR_INVALID;
}

/* --- conditions ------------------------------------------------------------------------------- */

bool sw_condition_holds(const struct sw_condition *condition, const struct sw_attribute *attribute)
{
    const struct sw_attribute *wanted = &condition->attribute;

    if (attribute->kind != wanted->kind || !sw_span_equal(attribute->name, wanted->name)) {
        return false;
    }
    if (condition->kind == SW_CONDITION_RANGE) {
        return attribute->number >= condition->low && attribute->number <= condition->high;
    }
    if (condition->kind == SW_CONDITION_PREFIX) {
        return attribute->text.size >= wanted->text.size &&
               sw_span_equal(sw_span_of(attribute->text.data, wanted->text.size), wanted->text);
    }
    return attribute->kind == SW_ATTRIBUTE_NUMBER ? attribute->number == wanted->number
                                                  : sw_span_equal(attribute->text, wanted->text);
}

static bool clause_holds(const struct sw_condition *conditions,
                         uint32_t condition_count,
                         uint8_t clause,
                         const struct sw_attribute *attributes,
                         uint32_t attribute_count)
{
    for (uint32_t i = 0; i < condition_count; i++) {
        for (uint32_t j = 0; j < attribute_count && conditions[i].clause == clause; j++) {
            if (sw_condition_holds(&conditions[i], &attributes[j])) {
                return true;
            }
        }
    }
    return false;
}

bool sw_conditions_hold(const struct sw_condition *conditions,
                        uint32_t condition_count,
                        const struct sw_attribute *attributes,
                        uint32_t attribute_count)
{
    for (uint32_t i = 0; i < condition_count; i++) {
        if (!clause_holds(
                conditions, condition_count, conditions[i].clause, attributes, attribute_count)) {
            return false;
        }
    }
    return true;
}
