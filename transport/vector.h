/* Vectors, their index and questions to it, as they travel in a request's value.
 *
 * An index belongs to one partition: it finds keys of it by a vector that was put with them. What a
 * vector's bytes mean is the index's business (index/space.h); here they have a size. As in proto.h
 * there is one encoding for each thing, and both sides check by the same rules. Byte tables are in
 * docs/PROTOCOL.md. Pure. */
#ifndef SW_TRANSPORT_VECTOR_H
#define SW_TRANSPORT_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rw.h"

/* Of a new index. Numbers of metric and dtype are those of index/space.h. */
struct sw_vector_space {
    uint8_t metric;
    uint8_t dtype;
    int8_t exponent; /* no vector is longer than 2^exponent; 0 for cosine */
    uint32_t dim;
    uint32_t version; /* of the model */
    uint64_t seed;    /* random: it makes buckets unguessable */
    struct sw_span model;
};

enum sw_attribute_kind { SW_ATTRIBUTE_NUMBER = 1, SW_ATTRIBUTE_TEXT = 2, SW_ATTRIBUTE_KIND_COUNT };

/* A typed field of an item that questions may ask for. Several of one name are a set: tags. */
struct sw_attribute {
    enum sw_attribute_kind kind;
    struct sw_span name;
    int64_t number;
    struct sw_span text;
};

/* What a VECTOR_PUT puts at its key. */
struct sw_vector_item {
    struct sw_span index; /* its name */
    struct sw_span vector;
    uint32_t context; /* whose watermark hides it */
    bool novel;       /* only if no entry is within `distance_max` */
    double distance_max;
    uint32_t attribute_count;
    struct sw_attribute attributes[SW_ATTRIBUTE_COUNT_MAX];
    struct sw_span content; /* the key's value */
};

enum sw_condition_kind {
    SW_CONDITION_EQUAL = 1,  /* an attribute of that name has the number or text */
    SW_CONDITION_RANGE = 2,  /* ... a number from `low` to `high`, both included */
    SW_CONDITION_PREFIX = 3, /* ... a text that begins so */
    SW_CONDITION_KIND_COUNT
};

/* All conditions with one `clause` are alternatives; every clause has to hold. */
struct sw_condition {
    enum sw_condition_kind kind;
    uint8_t clause;
    struct sw_attribute attribute; /* EQUAL, PREFIX */
    int64_t low;                   /* RANGE, of the attribute's name */
    int64_t high;
};

enum {
    SW_VECTOR_STALE = 1 << 0,     /* also entries below their context's watermark */
    SW_VECTOR_CONTEXT = 1 << 1,   /* only those of `context` */
    SW_VECTOR_BOUNDED = 1 << 2,   /* only those within `distance_max` */
    SW_VECTOR_KEYS_ONLY = 1 << 3, /* without the keys' values */
    SW_VECTOR_FLAGS_ALL = (1 << 4) - 1,
};

struct sw_vector_query {
    struct sw_span index;
    struct sw_span vector;
    uint32_t flags;
    uint32_t k;
    uint32_t probe;           /* buckets; 0: by recall */
    uint32_t rerank;          /* candidates compared exactly; 0: by recall */
    uint32_t recall_permille; /* 0: 950 */
    uint32_t context;
    double distance_max;
    uint64_t revision_min; /* only entries put at these revisions; 0 = no bound */
    uint64_t revision_max;
    uint32_t condition_count;
    struct sw_condition conditions[SW_CONDITION_COUNT_MAX];
};

/* What searches of an index that name no recall and no budget are given. All 0: the default. */
struct sw_vector_tuning {
    uint32_t target_permille; /* 0, 500 to 999; what a leader tunes the budget for: 0, nothing */
    uint32_t probe_percent;   /* buckets, of the root of their number; 0: as the target says, ... */
    uint32_t rerank_tenths;   /* ... and candidates compared exactly, of k */
};

enum {
    SW_VECTOR_TUNING_SIZE = 10,
    SW_VECTOR_PROBE_MIN = 10,
    SW_VECTOR_PROBE_MAX = 3200,
    SW_VECTOR_RERANK_MIN = 10,
    SW_VECTOR_RERANK_MAX = 2000,
};

void sw_vector_tuning_encode(const struct sw_vector_tuning *tuning, struct sw_buf *out);
enum sw_err sw_vector_tuning_decode(struct sw_span bytes, struct sw_vector_tuning *ret_tuning)
    SW_MUST_CHECK;
enum sw_err sw_vector_tuning_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* The same, and there is a budget. */
enum sw_err sw_vector_budget_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* Bits a number that stored vectors are to keep: 16, 8, 6, 4, 2 or 1, in one byte. */
enum { SW_VECTOR_BITS_SIZE = 1 };
enum sw_err sw_vector_bits_decode(struct sw_span bytes, uint32_t *ret_bits) SW_MUST_CHECK;
enum sw_err sw_vector_bits_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
void sw_vector_space_encode(const struct sw_vector_space *space, struct sw_buf *out);
enum sw_err sw_vector_space_decode(struct sw_span bytes, struct sw_vector_space *ret_space)
    SW_MUST_CHECK;
void sw_vector_item_encode(const struct sw_vector_item *item, struct sw_buf *out);
/* TOO_LARGE: more attributes than an item may have. */
enum sw_err sw_vector_item_decode(struct sw_span bytes, struct sw_vector_item *ret_item)
    SW_MUST_CHECK;
void sw_vector_query_encode(const struct sw_vector_query *query, struct sw_buf *out);
/* TOO_LARGE: more conditions than a question may have. */
enum sw_err sw_vector_query_decode(struct sw_span bytes, struct sw_vector_query *ret_query)
    SW_MUST_CHECK;
void sw_attribute_encode(const struct sw_attribute *attribute, struct sw_buf *out);
void sw_attribute_read(struct sw_reader *in, struct sw_attribute *ret_attribute);

enum sw_err sw_vector_index_name_validate(struct sw_span name, char ret_why[SW_WHY_SIZE])
    SW_MUST_CHECK;
/* Decode, and check everything that does not depend on the index: names, sizes, counts. */
enum sw_err sw_vector_space_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_vector_item_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
enum sw_err sw_vector_query_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* A question that a watcher asks of each put: it has a greatest distance, and nothing that says how
 * to search. k is 1. */
enum sw_err sw_vector_watch_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

/* True if this one attribute is enough for the condition. */
bool sw_condition_holds(const struct sw_condition *condition, const struct sw_attribute *attribute);
/* True if an item with these attributes is what the conditions ask for. */
bool sw_conditions_hold(const struct sw_condition *conditions,
                        uint32_t condition_count,
                        const struct sw_attribute *attributes,
                        uint32_t attribute_count);

#endif
