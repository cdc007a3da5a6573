/* The record of a space: checked, coded, and what it asks of a vector; see space.h. */
#include "index/space.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "index/vector.h"

static bool is_name(const char *text)
{
    const size_t size = strnlen(text, SW_SPACE_NAME_SIZE_MAX + 1);

    if (size == 0 || size > SW_SPACE_NAME_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return true;
}

static const char *wrong_field(const struct sw_space *space)
{
    if (!is_name(space->name)) {
        return "name: 1 to 64 printable ASCII characters without a blank";
    }
    if (strnlen(space->model, SW_SPACE_MODEL_SIZE_MAX + 1) > SW_SPACE_MODEL_SIZE_MAX) {
        return "model: at most 128 bytes";
    }
    if (space->dim < SW_SPACE_DIM_MIN || space->dim > SW_SPACE_DIM_MAX) {
        return "dim: 16 to 4096";
    }
    if (space->metric != SW_METRIC_COSINE && space->metric != SW_METRIC_INNER_PRODUCT &&
        space->metric != SW_METRIC_L2) {
        return "metric: cosine, inner product or L2";
    }
    if (space->dtype != SW_DTYPE_F32 && space->dtype != SW_DTYPE_F16 &&
        space->dtype != SW_DTYPE_I8) {
        return "dtype: f32, f16 or i8";
    }
    if (space->exponent < SW_SPACE_EXPONENT_MIN || space->exponent > SW_SPACE_EXPONENT_MAX) {
        return "exponent: -60 to 60";
    }
    if (space->metric == SW_METRIC_COSINE && space->exponent != 0) {
        return "exponent: 0 for cosine, whose vectors are made one long";
    }
    return NULL;
}

enum sw_err sw_space_check(const struct sw_space *space, char why[SW_WHY_SIZE])
{
    const char *wrong = wrong_field(space);

    if (wrong != NULL) {
        (void)snprintf(why, SW_WHY_SIZE, "%s", wrong);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

bool sw_space_validate(const struct sw_space *space)
{
    return wrong_field(space) == NULL;
}

void sw_space_encode(const struct sw_space *space, struct sw_buf *buf)
{
    SW_ASSERT(sw_space_validate(space));
    sw_write_u8(buf, SW_SPACE_FORMAT);
    sw_write_u8(buf, (uint8_t)space->metric);
    sw_write_u8(buf, (uint8_t)space->dtype);
    sw_write_u8(buf, (uint8_t)space->exponent);
    sw_write_u32(buf, space->dim);
    sw_write_u32(buf, space->version);
    sw_write_u32(buf, space->generation);
    sw_write_u64(buf, space->seed);
    sw_write_blob(buf, sw_span_str(space->name));
    sw_write_blob(buf, sw_span_str(space->model));
}

static void read_text(struct sw_reader *in, uint32_t size_max, char *ret_text)
{
    const struct sw_span text = sw_read_blob(in, size_max);

    if (text.size > 0 && memchr(text.data, 0, text.size) != NULL) {
        sw_reader_fail(in);
        return;
    }
    if (text.size > 0) {
        memcpy(ret_text, text.data, text.size);
    }
    ret_text[text.size] = 0;
}

enum sw_err sw_space_decode(struct sw_span bytes, struct sw_space *ret_space)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_space space = {0};
    const uint8_t format = sw_read_u8(&in);
    enum sw_err err;

    if (format > SW_SPACE_FORMAT) {
        return SW_ERR_NEWER_FORMAT;
    }
    space.metric = (enum sw_metric)sw_read_u8(&in);
    space.dtype = (enum sw_dtype)sw_read_u8(&in);
    space.exponent = (int8_t)sw_read_u8(&in);
    space.dim = sw_read_u32(&in);
    space.version = sw_read_u32(&in);
    space.generation = sw_read_u32(&in);
    space.seed = sw_read_u64(&in);
    read_text(&in, SW_SPACE_NAME_SIZE_MAX, space.name);
    read_text(&in, SW_SPACE_MODEL_SIZE_MAX, space.model);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK && (format == 0 || !sw_space_validate(&space))) {
        err = SW_ERR_MALFORMED;
    }
    if (err == SW_ERR_OK) {
        *ret_space = space;
    }
    return err;
}

size_t sw_space_vector_size(const struct sw_space *space)
{
    const size_t size = space->dtype == SW_DTYPE_F32 ? 4 : (space->dtype == SW_DTYPE_F16 ? 2 : 1);

    return size * space->dim;
}

bool sw_space_equal(const struct sw_space *a, const struct sw_space *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->model, b->model) == 0 && a->dim == b->dim &&
           a->metric == b->metric && a->dtype == b->dtype && a->exponent == b->exponent &&
           a->version == b->version && a->generation == b->generation && a->seed == b->seed;
}

enum sw_err
sw_space_check_vector(const struct sw_space *space, struct sw_span vector, char why[SW_WHY_SIZE])
{
    int32_t fixed[SW_SPACE_DIM_MAX];

    return sw__vector_fixed(space, vector, fixed, why);
}

double sw_space_distance(const struct sw_space *space, int64_t distance)
{
    return ldexp((double)distance, 2 * space->exponent - SW_DISTANCE_BITS);
}

int64_t sw_space_distance_of(const struct sw_space *space, double distance)
{
    const double scaled = ldexp(distance, SW_DISTANCE_BITS - 2 * space->exponent);

    if (!(scaled > (double)INT64_MIN)) {
        return INT64_MIN; /* also what is no number: nothing is as near as that */
    }
    return scaled < 0x1p62 ? (int64_t)scaled : INT64_MAX;
}
