/* What the tests of vector indexes share: short vectors, requests of one line, answers unpacked. */
#ifndef SW_TESTS_UNIT_NODE_VECTOR_KIT_H
#define SW_TESTS_UNIT_NODE_VECTOR_KIT_H

#include <stdio.h>

#include "base/prng.h"
#include "index/space.h"
#include "node/query.h"
#include "tests/unit/node/state_kit.h"
#include "transport/vector.h"

enum { KIT_DIM = 16, KIT_HITS = 32 };

struct kit_vector {
    float at[KIT_DIM];
};

struct kit_hit {
    char key[64];
    double distance;
};

struct kit_hits {
    enum sw_err err;
    uint32_t count;
    struct kit_hit hits[KIT_HITS];
    char detail[1024];
};

/* One of a few hundred thousand directions, the same for the same number. */
static inline struct kit_vector kit_vector_of(uint64_t number)
{
    struct sw_prng prng = sw_prng_of(number);
    struct kit_vector vector;

    for (int i = 0; i < KIT_DIM; i++) {
        vector.at[i] = (float)sw_prng_below(&prng, 2001) / 1000 - 1;
    }
    vector.at[0] += 0.001F;
    return vector;
}

/* Requests point to it until the next one is made. */
static struct sw_buf kit_value;

static inline struct sw_request kit_index_create(const char *name, uint32_t dim)
{
    const struct sw_vector_space space = {
        .metric = SW_METRIC_COSINE, .dtype = SW_DTYPE_F32, .dim = dim, .seed = 99};
    struct sw_request request = kit_request(SW_OP_INDEX_CREATE);

    sw_buf_clear(&kit_value);
    sw_vector_space_encode(&space, &kit_value);
    request.key = sw_span_str(name);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static inline struct sw_vector_item
kit_item(const char *index, const struct kit_vector *vector, const char *content)
{
    return (struct sw_vector_item){.index = sw_span_str(index),
                                   .vector = sw_span_of(vector, sizeof *vector),
                                   .content = sw_span_str(content)};
}

static inline struct sw_request kit_vector_put(const char *key, const struct sw_vector_item *item)
{
    struct sw_request request = kit_request(SW_OP_VECTOR_PUT);

    sw_buf_clear(&kit_value);
    sw_vector_item_encode(item, &kit_value);
    request.key = sw_span_str(key);
    request.value = sw_buf_span(&kit_value);
    return request;
}

static inline struct sw_vector_query kit_question(const char *index,
                                                  const struct kit_vector *vector)
{
    return (struct sw_vector_query){
        .index = sw_span_str(index), .vector = sw_span_of(vector, sizeof *vector), .k = 5};
}

static inline struct kit_hits kit_search(struct kit *kit, const struct sw_vector_query *query)
{
    struct sw_request request = kit_request(SW_OP_VECTOR_SEARCH);
    struct kit_hits found = {0};
    struct sw_buf records = {0};
    struct sw_reply reply;
    struct sw_reader in;

    sw_buf_clear(&kit_value);
    sw_vector_query_encode(query, &kit_value);
    request.value = sw_buf_span(&kit_value);
    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    found.err = reply.err;
    found.count = reply.record_count;
    assert_true(found.count <= KIT_HITS);
    in = sw_reader_of(reply.records);
    for (uint32_t i = 0; i < found.count; i++) {
        struct sw_record record;

        assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
        assert_true(record.key.size < sizeof found.hits[i].key);
        memcpy(found.hits[i].key, record.key.data, record.key.size);
        memcpy(&found.hits[i].distance, &record.lease, sizeof record.lease);
    }
    assert_true(reply.detail.size < sizeof found.detail);
    if (reply.detail.size > 0) {
        memcpy(found.detail, reply.detail.data, reply.detail.size);
    }
    sw_buf_release(&records);
    return found;
}

#endif
