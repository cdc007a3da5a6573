/* Token bucket: at most `rate` events a second, and as many at once after a pause. */
#ifndef SW_TRANSPORT_BUCKET_H
#define SW_TRANSPORT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct sw_bucket {
    uint32_t rate;
    uint64_t level_milli; /* thousandths of a token */
    uint64_t filled_ms;
};

void sw_bucket_init(struct sw_bucket *bucket, uint32_t rate, uint64_t now_ms);
/* Takes one token; false if there is none. */
bool sw_bucket_take(struct sw_bucket *bucket, uint64_t now_ms);

#endif
