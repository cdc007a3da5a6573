/* A histogram of durations: 128 buckets for each power of two, so any value is off by less than one
 * percent, in 40 KiB whatever the number of samples. Pure. */
#ifndef SW_TOOLS_HISTOGRAM_H
#define SW_TOOLS_HISTOGRAM_H

#include <stdint.h>

enum { SW_HISTOGRAM_BITS = 7, SW_HISTOGRAM_BUCKETS = (1 << SW_HISTOGRAM_BITS) * 40 };

/* Zero-initialise. */
struct sw_histogram {
    uint64_t counts[SW_HISTOGRAM_BUCKETS];
    uint64_t count;
    uint64_t max; /* exact */
};

void sw_histogram_add(struct sw_histogram *histogram, uint64_t value);
void sw_histogram_merge(struct sw_histogram *into, const struct sw_histogram *from);
/* The least value (to one percent) that `per_mille_x10` ten-thousandths of the samples do not
 * exceed; 0 without samples. 9900 = p99, 9990 = p99.9. */
uint64_t sw_histogram_quantile(const struct sw_histogram *histogram, uint32_t ten_thousandths);

#endif
