/* A prepared vector and the rows it is compared with. */
#include "index/measure.h"

#include <stdlib.h>

#include "base/assert.h"
#include "index/distance.h"
#include "index/rotate.h"

struct sw_measure {
    enum sw_metric metric;
    uint32_t dim; /* padded */
    const struct sw__kernel *kernel;
    struct sw__exact exact;
};

enum sw_err sw_measure_new(const struct sw_space *space,
                           struct sw_span vector,
                           char why[SW_WHY_SIZE],
                           struct sw_measure **ret_measure)
{
    const uint32_t dim = sw__dim_padded(space->dim);
    int32_t fixed[SW_SPACE_DIM_MAX];
    struct sw__rotation *rotation;
    struct sw_measure *measure;
    const enum sw_err err = sw__vector_fixed(space, vector, fixed, why);

    SW_ASSERT(sw_space_validate(space));
    if (err != SW_ERR_OK) {
        return err;
    }
    measure = malloc(sizeof *measure);
    SW_ASSERT(measure != NULL);
    measure->metric = space->metric;
    measure->dim = dim;
    measure->kernel = sw__kernel_best();
    rotation = sw__rotation_new(dim, space->seed);
    sw__rotate(rotation, fixed);
    sw__rotation_free(rotation);
    sw__exact_of(fixed, dim, &measure->exact);
    *ret_measure = measure;
    return SW_ERR_OK;
}

void sw_measure_free(struct sw_measure *measure)
{
    free(measure);
}

size_t sw_measure_row_size(const struct sw_space *space)
{
    return sw__row_size(sw__dim_padded(space->dim));
}

enum sw_err sw_measure_row(const struct sw_measure *measure,
                           uint64_t id,
                           struct sw_span row,
                           int64_t *ret_distance)
{
    int8_t scratch[SW_SPACE_DIM_MAX];
    struct sw__row view;
    const enum sw_err err = sw__row_view(row, measure->dim, &view);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (view.id != id) {
        return SW_ERR_CORRUPT;
    }
    sw__row_unpack(&view, measure->dim, scratch);
    *ret_distance = sw__exact_distance(
        &measure->exact,
        measure->metric,
        &view,
        sw__exact_dot(&measure->exact, measure->kernel, &view, measure->dim, true));
    return SW_ERR_OK;
}
