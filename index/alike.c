/* The square of the product against the product of the squares: no root, nothing rounded. */
#include "index/alike.h"

#include "base/assert.h"
#include "index/rows.h"
#include "index/vector.h"

__extension__ typedef unsigned __int128 wide;

enum sw_err
sw_alike_of(const struct sw_space *space, struct sw_span row, struct sw_alike *ret_alike)
{
    const uint32_t dim = sw__dim_padded(space->dim);
    struct sw__row view;
    const enum sw_err err = sw__row_view(row, dim, &view);

    if (err == SW_ERR_OK) {
        ret_alike->dim = dim;
        sw__row_restore(&view, dim, ret_alike->fixed);
        ret_alike->norm2 = sw__norm2(ret_alike->fixed, dim);
    }
    return err;
}

SW__CLONES static int64_t dot(const int32_t *a, const int32_t *b, uint32_t dim)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        sum += (int64_t)a[i] * b[i];
    }
    return sum;
}

/* Norms are at most a little over 2^24 (index/vector.h), so by Cauchy and Schwarz no partial sum
 * passes 2^50; squared and times 10^6 that is below 2^121. */
bool sw_alike_by(const struct sw_alike *a, const struct sw_alike *b, uint32_t permille)
{
    const wide bound = (wide)permille * permille;
    int64_t product;

    SW_ASSERT(a->dim == b->dim);
    SW_ASSERT(permille <= SW_ALIKE_PERMILLE);
    SW_ASSERT(a->norm2 < UINT64_C(1) << 50);
    SW_ASSERT(b->norm2 < UINT64_C(1) << 50);
    product = dot(a->fixed, b->fixed, a->dim);
    return product > 0 && (wide)product * (wide)product * SW_ALIKE_PERMILLE * SW_ALIKE_PERMILLE >=
                              bound * a->norm2 * b->norm2;
}
