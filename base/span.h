/* A borrowed view of bytes. Passed by value, never stored past the call that received it. */
#ifndef SW_BASE_SPAN_H
#define SW_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sw_span {
    const uint8_t *data; /* borrowed; may be NULL when size is 0 */
    size_t size;         /* bytes */
};

static inline struct sw_span sw_span_of(const void *data, size_t size)
{
    return (struct sw_span){.data = data, .size = size};
}

static inline struct sw_span sw_span_str(const char *text)
{
    return sw_span_of(text, strlen(text));
}

static inline bool sw_span_equal(struct sw_span a, struct sw_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Orders as memcmp does, a prefix before what it is a prefix of: <0, 0, >0. */
static inline int sw_span_compare(struct sw_span a, struct sw_span b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : (a.size > b.size ? 1 : 0);
}

#endif
