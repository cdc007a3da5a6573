/* Token bucket in integers: a thousandth of `rate` tokens flows in every millisecond. */
#include "transport/bucket.h"

#include "base/assert.h"

enum { MILLI = 1000 };

void sw_bucket_init(struct sw_bucket *bucket, uint32_t rate, uint64_t now_ms)
{
    SW_ASSERT(rate > 0);
    *bucket = (struct sw_bucket){
        .rate = rate, .level_milli = (uint64_t)rate * MILLI, .filled_ms = now_ms};
}

bool sw_bucket_take(struct sw_bucket *bucket, uint64_t now_ms)
{
    const uint64_t full = (uint64_t)bucket->rate * MILLI;
    const uint64_t passed_ms = now_ms > bucket->filled_ms ? now_ms - bucket->filled_ms : 0;

    /* A second fills it; longer pauses must not overflow the product. */
    if (passed_ms >= MILLI) {
        bucket->level_milli = full;
    } else {
        bucket->level_milli += passed_ms * bucket->rate;
        if (bucket->level_milli > full) {
            bucket->level_milli = full;
        }
    }
    if (passed_ms > 0) {
        bucket->filled_ms = now_ms;
    }
    if (bucket->level_milli < MILLI) {
        return false;
    }
    bucket->level_milli -= MILLI;
    return true;
}
