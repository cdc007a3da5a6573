/* From floats to fixed point, and to the stored form and back; see vector.h. */
#include "index/vector.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"
#include "index/bytes.h"

enum { ALIGNED_BITS = 25, WORD = 64 };

static_assert(2 * ALIGNED_BITS + 12 < 63, "squares of the longest vector add up");

/* mantissa * 2^exponent */
struct number {
    int32_t mantissa;
    int exponent;
    bool finite;
};

uint32_t sw__dim_padded(uint32_t dim)
{
    return (dim + WORD - 1) / WORD * WORD;
}

uint64_t sw__isqrt(uint64_t value)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 62; bit != 0; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

SW__INLINE struct number number_of(uint32_t magnitude, bool negative, int exponent)
{
    const int32_t mantissa = (int32_t)magnitude;

    return (struct number){negative ? -mantissa : mantissa, exponent, true};
}

SW__INLINE struct number read_f32(const uint8_t *in)
{
    const uint32_t bits = sw__u32(in);
    const uint32_t exponent = bits >> 23 & 0xff;
    const uint32_t fraction = bits & 0x7fffff;

    if (exponent == 0xff) {
        return (struct number){0};
    }
    if (exponent == 0) {
        return number_of(fraction, bits >> 31 != 0, -149);
    }
    return number_of(fraction | 1U << 23, bits >> 31 != 0, (int)exponent - 150);
}

SW__INLINE struct number read_f16(const uint8_t *in)
{
    const uint32_t bits = sw_load_u16(in);
    const uint32_t exponent = bits >> 10 & 0x1f;
    const uint32_t fraction = bits & 0x3ff;

    if (exponent == 0x1f) {
        return (struct number){0};
    }
    if (exponent == 0) {
        return number_of(fraction, bits >> 15 != 0, -24);
    }
    return number_of(fraction | 1U << 10, bits >> 15 != 0, (int)exponent - 25);
}

SW__INLINE struct number read_i8(const uint8_t *in)
{
    return (struct number){(int8_t)in[0], -7, true};
}

/* `dtype` is a constant wherever this is called, so that nothing is decided for each coordinate. */
SW__INLINE struct number read_one(enum sw_dtype dtype, const uint8_t *data, uint32_t i)
{
    if (dtype == SW_DTYPE_F32) {
        return read_f32(data + (size_t)4 * i);
    }
    return dtype == SW_DTYPE_F16 ? read_f16(data + (size_t)2 * i) : read_i8(data + i);
}

/* The place above the highest bit: |value| < 2^top. */
SW__INLINE int top_of(struct number number)
{
    const uint32_t magnitude = (uint32_t)(number.mantissa < 0 ? -number.mantissa : number.mantissa);

    return number.exponent + 32 - __builtin_clz(magnitude | 1);
}

/* mantissa * 2^shift, halves away from zero, without a branch. |mantissa| <= 2^24, shift <= 26. */
SW__INLINE int32_t scaled(int32_t mantissa, int shift)
{
    const int right = 26 - shift > 62 ? 62 : 26 - shift;
    const int64_t sign = mantissa < 0 ? -1 : 0;
    const int64_t magnitude = ((mantissa ^ sign) - sign) << 26;
    const int64_t value = (magnitude + ((INT64_C(1) << right) >> 1)) >> right;

    return (int32_t)((value ^ sign) - sign);
}

SW__CLONES uint64_t sw__norm2(const int32_t *fixed, uint32_t dim)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        sum += (uint64_t)((int64_t)fixed[i] * fixed[i]);
    }
    return sum;
}

/* Of all coordinates: the highest top of those that are not zero. */
struct survey {
    int top;
    bool any;
    uint32_t wrong; /* the first that is not finite, or the dimension */
};

SW__INLINE struct survey survey_of(enum sw_dtype dtype, const uint8_t *data, uint32_t dim)
{
    struct survey survey = {.top = INT32_MIN, .wrong = dim};

    for (uint32_t i = 0; i < dim; i++) {
        const struct number number = read_one(dtype, data, i);
        const int top = number.mantissa == 0 ? INT32_MIN : top_of(number);

        survey.top = top > survey.top ? top : survey.top;
        if (!number.finite && survey.wrong == dim) {
            survey.wrong = i;
        }
    }
    survey.any = survey.top != INT32_MIN;
    return survey;
}

SW__CLONES static struct survey survey_all(const struct sw_space *space, const uint8_t *data)
{
    if (space->dtype == SW_DTYPE_F32) {
        return survey_of(SW_DTYPE_F32, data, space->dim);
    }
    return space->dtype == SW_DTYPE_F16 ? survey_of(SW_DTYPE_F16, data, space->dim)
                                        : survey_of(SW_DTYPE_I8, data, space->dim);
}

SW__INLINE void
convert(enum sw_dtype dtype, const uint8_t *data, uint32_t dim, int unit, int32_t *ret_fixed)
{
    for (uint32_t i = 0; i < dim; i++) {
        const struct number number = read_one(dtype, data, i);

        ret_fixed[i] = number.mantissa == 0 ? 0 : scaled(number.mantissa, number.exponent - unit);
    }
}

SW__CLONES static void
convert_all(const struct sw_space *space, const uint8_t *data, int unit, int32_t *ret_fixed)
{
    if (space->dtype == SW_DTYPE_F32) {
        convert(SW_DTYPE_F32, data, space->dim, unit, ret_fixed);
    } else if (space->dtype == SW_DTYPE_F16) {
        convert(SW_DTYPE_F16, data, space->dim, unit, ret_fixed);
    } else {
        convert(SW_DTYPE_I8, data, space->dim, unit, ret_fixed);
    }
}

static void make_unit(int32_t *fixed, uint32_t dim)
{
    const uint64_t norm = sw__isqrt(sw__norm2(fixed, dim));
    const int64_t inverse = (int64_t)((UINT64_C(1) << 56) / norm);

    SW_ASSERT(norm >= UINT64_C(1) << (ALIGNED_BITS - 1));
    for (uint32_t i = 0; i < dim; i++) {
        fixed[i] = (int32_t)sw__round_shift(fixed[i] * inverse, 32);
    }
}

static enum sw_err too_long(const struct sw_space *space, char why[SW_WHY_SIZE])
{
    (void)snprintf(
        why, SW_WHY_SIZE, "the vector is longer than the space allows: 2^%d", space->exponent);
    return SW_ERR_INVALID;
}

enum sw_err sw__vector_fixed(const struct sw_space *space,
                             struct sw_span vector,
                             int32_t *ret_fixed,
                             char why[SW_WHY_SIZE])
{
    const size_t one = sw_space_vector_size(space) / space->dim;
    const bool cosine = space->metric == SW_METRIC_COSINE;
    struct survey survey;

    if (vector.size != one * space->dim) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "the vector has %zu bytes, %zu dimensions; the space has %u",
                       vector.size,
                       vector.size / one,
                       space->dim);
        return SW_ERR_INVALID;
    }
    survey = survey_all(space, vector.data);
    if (survey.wrong != space->dim) {
        (void)snprintf(
            why, SW_WHY_SIZE, "coordinate %u of the vector is no finite number", survey.wrong);
        return SW_ERR_INVALID;
    }
    if (cosine && !survey.any) {
        (void)snprintf(why, SW_WHY_SIZE, "a vector of zeros has no direction");
        return SW_ERR_INVALID;
    }
    if (!cosine && survey.any && survey.top > space->exponent + 1) {
        return too_long(space, why);
    }
    convert_all(space,
                vector.data,
                cosine ? survey.top - ALIGNED_BITS : space->exponent - SW__FIXED_BITS,
                ret_fixed);
    memset(ret_fixed + space->dim,
           0,
           (sw__dim_padded(space->dim) - space->dim) * sizeof(ret_fixed[0]));
    if (cosine) {
        make_unit(ret_fixed, space->dim);
    } else if (sw__norm2(ret_fixed, space->dim) > UINT64_C(1) << (2 * SW__FIXED_BITS)) {
        return too_long(space, why);
    }
    return SW_ERR_OK;
}

SW__INLINE uint32_t magnitude_max(const int32_t *fixed, uint32_t dim)
{
    uint32_t max = 0;

    for (uint32_t i = 0; i < dim; i++) {
        const uint32_t magnitude = (uint32_t)(fixed[i] < 0 ? -fixed[i] : fixed[i]);

        max = magnitude > max ? magnitude : max;
    }
    return max;
}

SW__CLONES uint32_t sw__vector_store(const int32_t *fixed,
                                     uint32_t dim,
                                     int8_t *ret_high,
                                     int8_t *ret_low)
{
    const uint64_t max = magnitude_max(fixed, dim);
    const uint64_t scale =
        max == 0 ? 1 : ((max << SW__STORED_BITS) + SW__STORED_MAX - 1) / SW__STORED_MAX;
    const int64_t inverse = (int64_t)((UINT64_C(1) << (32 + SW__STORED_BITS)) / scale);

    SW_ASSERT(max <= UINT64_C(1) << (SW__FIXED_BITS + 2));
    for (uint32_t i = 0; i < dim; i++) {
        const int32_t x = (int32_t)sw__round_shift(fixed[i] * inverse, 32);
        const int32_t high = (x + 128) >> 8;

        ret_high[i] = (int8_t)high;
        ret_low[i] = (int8_t)(x - high * 256);
    }
    return (uint32_t)scale;
}

SW__CLONES void sw__vector_restore(
    const int8_t *high, const int8_t *low, uint32_t scale, uint32_t dim, int32_t *ret_fixed)
{
    for (uint32_t i = 0; i < dim; i++) {
        const int64_t x = high[i] * 256 + low[i];

        ret_fixed[i] = (int32_t)sw__round_shift(x * scale, SW__STORED_BITS);
    }
}

SW__CLONES uint64_t sw__vector_query(const int32_t *fixed, uint32_t dim, int16_t *ret_query)
{
    const uint64_t norm = sw__isqrt(sw__norm2(fixed, dim));
    const int64_t inverse =
        norm == 0 ? 0 : (int64_t)((UINT64_C(1) << (32 + SW__QUERY_BITS)) / norm);

    for (uint32_t i = 0; i < dim; i++) {
        const int64_t q = sw__round_shift(fixed[i] * inverse, 32);

        ret_query[i] = (int16_t)(q > INT16_MAX ? INT16_MAX : (q < -INT16_MAX ? -INT16_MAX : q));
    }
    return norm;
}
