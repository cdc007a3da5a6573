/* A histogram of durations with logarithmic buckets. */
#include "tools/histogram.h"

#include "base/assert.h"

enum { LINEAR = 1 << SW_HISTOGRAM_BITS };

/* Values below 128 have a bucket each; above, the 8 leading bits choose it. */
static uint32_t bucket_of(uint64_t value)
{
    uint32_t shift;
    uint64_t bucket;

    if (value < LINEAR) {
        return (uint32_t)value;
    }
    shift = 63U - (uint32_t)__builtin_clzll(value) - SW_HISTOGRAM_BITS;
    bucket = (uint64_t)(shift + 1) * LINEAR + ((value >> shift) - LINEAR);
    return bucket < SW_HISTOGRAM_BUCKETS ? (uint32_t)bucket : SW_HISTOGRAM_BUCKETS - 1;
}

/* The highest value of a bucket. */
static uint64_t value_of(uint32_t bucket)
{
    uint32_t shift;

    if (bucket < LINEAR) {
        return bucket;
    }
    shift = bucket / LINEAR - 1;
    return ((uint64_t)(bucket % LINEAR) + LINEAR + 1) * ((uint64_t)1 << shift) - 1;
}

void sw_histogram_add(struct sw_histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->max) {
        histogram->max = value;
    }
}

void sw_histogram_merge(struct sw_histogram *into, const struct sw_histogram *from)
{
    for (uint32_t i = 0; i < SW_HISTOGRAM_BUCKETS; i++) {
        into->counts[i] += from->counts[i];
    }
    into->count += from->count;
    if (from->max > into->max) {
        into->max = from->max;
    }
}

uint64_t sw_histogram_quantile(const struct sw_histogram *histogram, uint32_t ten_thousandths)
{
    const uint64_t wanted = (histogram->count * ten_thousandths + 9999) / 10000;
    uint64_t seen = 0;

    SW_ASSERT(ten_thousandths <= 10000);
    for (uint32_t i = 0; i < SW_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && seen >= wanted) {
            const uint64_t value = value_of(i);

            return value < histogram->max ? value : histogram->max;
        }
    }
    return 0;
}
