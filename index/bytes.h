/* Little-endian numbers where a call for each would be most of the work: inner loops only. The rest
 * of index/ uses base/rw.h. Private to index/. */
#ifndef SW_INDEX_BYTES_H
#define SW_INDEX_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#    include "base/rw.h"
#endif

static inline uint32_t sw__u32(const uint8_t *in)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t value;

    memcpy(&value, in, sizeof(value));
    return value;
#else
    return sw_load_u32(in);
#endif
}

static inline uint64_t sw__u64(const uint8_t *in)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t value;

    memcpy(&value, in, sizeof(value));
    return value;
#else
    return sw_load_u64(in);
#endif
}

static inline void sw__set_u32(uint8_t *out, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(out, &value, sizeof(value));
#else
    sw_store_u32(out, value);
#endif
}

static inline void sw__set_u64(uint8_t *out, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(out, &value, sizeof(value));
#else
    sw_store_u64(out, value);
#endif
}

#endif
