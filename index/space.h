/* What a space of vectors is: how long they are, what their numbers mean, how near is measured.
 *
 * All vectors of one index belong to one space; nothing of it changes after its creation, because
 * every stored code depends on all of it. A new embedding model is a new generation beside the old
 * one. Numbers are integers from here on: docs in index/README.md say how a float becomes one. */
#ifndef SW_INDEX_SPACE_H
#define SW_INDEX_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"
#include "base/span.h"

/* Numbers are stored: never renumber. */
enum sw_metric { SW_METRIC_COSINE = 1, SW_METRIC_INNER_PRODUCT = 2, SW_METRIC_L2 = 3 };

/* How a coordinate comes in; all little-endian. An i8 stands for itself divided by 128. */
enum sw_dtype { SW_DTYPE_F32 = 1, SW_DTYPE_F16 = 2, SW_DTYPE_I8 = 3 };

enum {
    SW_SPACE_FORMAT = 1,
    SW_SPACE_EXPONENT_MIN = -60,
    SW_SPACE_EXPONENT_MAX = 60,
    /* Distances are counted in 2^(2 * exponent - SW_DISTANCE_BITS). */
    SW_DISTANCE_BITS = 40,
};

/* Format, little-endian:
 *   u8 format · u8 metric · u8 dtype · i8 exponent · u32 dim · u32 version · u32 generation
 *   u64 seed · u32 size, name · u32 size, model */
struct sw_space {
    char name[SW_SPACE_NAME_SIZE_MAX + 1];   /* 1.. printable ASCII bytes without space */
    char model[SW_SPACE_MODEL_SIZE_MAX + 1]; /* free text, may be empty: what made the vectors */
    uint32_t dim;                            /* SW_SPACE_DIM_MIN..SW_SPACE_DIM_MAX */
    enum sw_metric metric;
    enum sw_dtype dtype;
    /* No vector is longer than 2^exponent (inner product and L2; 0 for cosine, which has unit
     * vectors). The nearer to the true lengths, the finer the codes. */
    int8_t exponent;
    uint32_t version;    /* of the model */
    uint32_t generation; /* of the space: which of several side by side */
    uint64_t seed; /* of rotation, samples and digest; a secret one makes buckets unguessable */
};

/* INVALID with the field in `why`. */
enum sw_err sw_space_check(const struct sw_space *space, char why[SW_WHY_SIZE]) SW_MUST_CHECK;
bool sw_space_validate(const struct sw_space *space);
void sw_space_encode(const struct sw_space *space, struct sw_buf *buf);
/* MALFORMED, NEWER_FORMAT; a decoded space is valid and encodes to the same bytes. */
enum sw_err sw_space_decode(struct sw_span bytes, struct sw_space *ret_space) SW_MUST_CHECK;

/* Bytes of one vector as it comes in. */
size_t sw_space_vector_size(const struct sw_space *space);
/* True if vectors of both may be compared with one another. */
bool sw_space_equal(const struct sw_space *a, const struct sw_space *b);
/* What a client may send as a vector: INVALID with both dimensions, the coordinate that is no
 * number, the zero that has no direction, or the length that is over the space's. */
enum sw_err sw_space_check_vector(const struct sw_space *space,
                                  struct sw_span vector,
                                  char why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* A distance as people know it. Cosine: 1 - cos, inner product: -<a, b>, L2: squared. For display
 * and for settings only: nothing replicated depends on a float. */
double sw_space_distance(const struct sw_space *space, int64_t distance);
int64_t sw_space_distance_of(const struct sw_space *space, double distance);

#endif
