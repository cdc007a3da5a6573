/* The name of a content is its XXH3-128 in the canonical order, the same on every machine. */
#include "index/exact.h"

#include <assert.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

static_assert(sizeof(XXH128_canonical_t) == SW_EXACT_NAME_SIZE, "a name is what XXH3-128 gives");

struct sw_exact_name sw_exact_name_of(struct sw_span content)
{
    struct sw_exact_name name;
    XXH128_canonical_t canonical;

    SW_ASSERT(content.size == 0 || content.data != NULL);
    XXH128_canonicalFromHash(
        &canonical,
        XXH3_128bits(content.size == 0 ? "" : (const char *)content.data, content.size));
    memcpy(name.bytes, canonical.digest, sizeof name.bytes);
    return name;
}

bool sw_exact_same(const struct sw_exact_name *a_name,
                   struct sw_span a,
                   const struct sw_exact_name *b_name,
                   struct sw_span b)
{
    SW_ASSERT(a_name != NULL);
    SW_ASSERT(b_name != NULL);
    return memcmp(a_name->bytes, b_name->bytes, sizeof a_name->bytes) == 0 && sw_span_equal(a, b);
}
