/* Three replicas of one log that differ in everything that is their own business: one never
 * commits, one commits, searches and dies at random, one starts again after each entry. Their
 * digests must be equal after every entry, and so must their answers and at the end their tables.
 *
 * Vector indexes and contexts are what this is about: they keep counters, pivots and buckets in
 * memory, work in steps at the end of entries, and are read by searches on one replica only. */
#include "base/log.h"
#include "base/prng.h"
#include "tests/unit/node/vector_kit.h"
#include "transport/context.h"

enum {
    STILL,
    LIVELY,
    FORGETFUL,
    REPLICA_COUNT,
    INDEX_COUNT = 4,
    ENTRY_COUNT = 1500,
    DROP_AT = 1200, /* the first index, which has grown by then, goes */
    COMMAND_COUNT_MAX = 8,
    KEY_COUNT = 2000,
    DIM_MAX = 48,
    CENTRE_COUNT = 40,
};

struct run {
    uint64_t seed;
    struct sw_prng prng;
    struct kit replicas[REPLICA_COUNT];
    struct sw_vector_space spaces[INDEX_COUNT];
    struct sw_buf log[ENTRY_COUNT];
    uint32_t count;
    uint64_t lease; /* the newest */
    uint64_t clock_ms;
    char key[64]; /* of the request being made, as are these */
    float numbers[DIM_MAX];
    struct sw_buf value;
};

static const char *const names[INDEX_COUNT] = {"one", "two", "three", "four"};

static uint32_t below(struct run *run, uint32_t bound)
{
    return (uint32_t)sw_prng_below(&run->prng, bound);
}

static void fail_at(const struct run *run, const char *what)
{
    fail_msg("seed %llu, entry %u: %s", (unsigned long long)run->seed, run->count, what);
}

/* The first is filled most, so that it outgrows its first epoch before it is dropped; nobody asks
 * it what is new, for which each replica would write out what it has in memory. */
static uint32_t any_index(struct run *run)
{
    return below(run, 2) == 0 ? 0 : below(run, INDEX_COUNT);
}

/* --- requests --------------------------------------------------------------------------------- */

/* Near one of some centres, or equal to it, so that there are crowds and ties. */
static struct sw_span vector_for(struct run *run, uint32_t index)
{
    struct sw_prng centre = sw_prng_of(1000 + below(run, CENTRE_COUNT));
    const uint32_t spread = below(run, 10) == 0 ? 0 : 400;
    const uint32_t dim = run->spaces[index].dim;

    for (uint32_t i = 0; i < dim; i++) {
        run->numbers[i] = ((float)sw_prng_below(&centre, 2001) - 1000 +
                           (float)below(run, spread + 1) - (float)(spread / 2)) /
                          1000;
    }
    run->numbers[0] += 0.001F;
    return sw_span_of(run->numbers, dim * sizeof run->numbers[0]);
}

static struct sw_request valued(struct run *run, enum sw_op op, const char *key)
{
    struct sw_request request = kit_request(op);

    request.key = sw_span_str(key);
    request.value = sw_buf_span(&run->value);
    return request;
}

static const char *any_key(struct run *run)
{
    (void)snprintf(run->key, sizeof run->key, "key-%u", below(run, KEY_COUNT));
    return run->key;
}

static struct sw_request index_request(struct run *run)
{
    const uint32_t index = below(run, INDEX_COUNT);

    if (index > 0 && below(run, 3) == 0) {
        return valued(run, SW_OP_INDEX_DROP, names[index]);
    }
    sw_vector_space_encode(&run->spaces[index], &run->value);
    return valued(run, SW_OP_INDEX_CREATE, names[index]);
}

static struct sw_request vector_request(struct run *run)
{
    const uint32_t index = any_index(run);
    struct sw_vector_item item = {
        .index = sw_span_str(names[index]),
        .context = below(run, 5),
        .novel = index > 0 && below(run, 6) == 0,
        .vector = vector_for(run, index),
        .content = sw_span_str("text"),
        .attribute_count = 1,
        .attributes = {{.kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("year")}}};
    struct sw_request request;

    item.attributes[0].number = below(run, 20);
    item.distance_max = item.novel ? 0.01 * below(run, 30) : 0;
    sw_vector_item_encode(&item, &run->value);
    request = valued(run, SW_OP_VECTOR_PUT, any_key(run));
    request.lease = below(run, 5) == 0 ? run->lease : 0;
    return request;
}

static struct sw_request lower_request(struct run *run)
{
    static const uint8_t ladder[] = {16, 8, 6, 4, 2, 1};

    sw_write_u8(&run->value, ladder[below(run, sizeof ladder)]);
    return valued(run, SW_OP_INDEX_LOWER, names[any_index(run)]);
}

/* A header or a block that no context wrote. */
static struct sw_request forged_request(struct run *run, const char *id)
{
    const uint64_t token = sw_prng_next(&run->prng) >> (1 + below(run, 63));
    struct sw_context header = {.block_size = 1 + below(run, 60),
                                .blocks = sw_prng_next(&run->prng) >> below(run, 64),
                                .next = token,
                                .window_blocks = below(run, 9),
                                .window_token = token >> below(run, 20),
                                .watermark = sw_prng_next(&run->prng) >> below(run, 64)};
    const struct sw_context_block block = {
        .number = below(run, 99), .tokens = 1 + below(run, 9), .content = sw_span_str("forged")};
    struct sw_request request;

    memcpy(header.index, names[0], strlen(names[0]));
    if (below(run, 2) == 0) {
        sw_context_write(&header, &run->value);
        (void)snprintf(run->key, sizeof run->key, "ctx/%s", id);
    } else {
        sw_context_block_write(&block, &run->value);
        (void)snprintf(
            run->key, sizeof run->key, "ctx-block/%s/%016llx", id, (unsigned long long)token);
    }
    request = valued(run, SW_OP_PUT, run->key);
    request.lease = below(run, 2) == 0 ? run->lease : 0;
    return request;
}

/* A tombstone, a policy or a use that no context wrote. */
static struct sw_request forged_part(struct run *run, const char *id)
{
    const struct sw_context_gone gone = {
        .reason = SW_GONE_AGE, .tokens = 1, .size = below(run, 99), .vector = vector_for(run, 0)};
    const uint64_t token = below(run, 400);

    if (below(run, 2) == 0) {
        sw_context_gone_write(&gone, &run->value);
    } else {
        sw_buf_printf(&run->value, "swarm-policy 1\nprunes=1\n");
    }
    (void)snprintf(run->key,
                   sizeof run->key,
                   below(run, 3) == 0 ? "ctx-policy/%s" : "ctx-gone/%s/%016llx",
                   id,
                   (unsigned long long)token);
    return valued(run, SW_OP_PUT, run->key);
}

static struct sw_request policy_request(struct run *run, const char *id)
{
    const struct sw_context_rules rules = {
        .prunes = below(run, 2) == 0,
        .dedupe = (enum sw_dedupe)below(run, SW_DEDUPE_COUNT),
    };
    struct sw_context_rules full = rules;

    if (rules.prunes) {
        full.any = below(run, 2) == 0;
        full.high = below(run, 2) == 0;
        full.threshold = (int64_t)below(run, 100) - 50;
        full.idle_ms = below(run, 3) == 0 ? below(run, 900) : 0;
        full.keep = below(run, 60);
        full.size_max = below(run, 2) * below(run, 600);
    }
    full.similar = rules.dedupe == SW_DEDUPE_NONE ? 0 : 500 + below(run, 501);
    sw_context_rules_encode(&full, &run->value);
    return valued(run, SW_OP_CONTEXT_POLICY, below(run, 3) == 0 ? SW_CONTEXT_PARTITION : id);
}

/* What a context does with its blocks, by command. */
static struct sw_request tend_request(struct run *run, const char *id)
{
    const struct sw_context_policy policy = {.any = below(run, 3) == 0,
                                             .threshold = (int64_t)below(run, 100) - 50,
                                             .keep = below(run, 200),
                                             .idle_ms = below(run, 2) * below(run, 900)};
    const struct sw_context_undo undo = {.from = below(run, 400), .end = 400 + below(run, 4000)};
    const uint64_t first = below(run, 400);
    const uint64_t tokens[] = {first, first + 1 + below(run, 40)};

    switch (below(run, 4)) {
    case 0:
        sw_context_policy_encode(&policy, &run->value);
        return valued(run, SW_OP_CONTEXT_PRUNE, id);
    case 1:
        sw_context_undo_encode(&undo, &run->value);
        return valued(run, SW_OP_CONTEXT_RESTORE, id);
    case 2:
        sw_context_tokens_encode(tokens, 2, &run->value);
        return valued(run, SW_OP_CONTEXT_TOUCH, id);
    default:
        return policy_request(run, id);
    }
}

static struct sw_request append_request(struct run *run, const char *id)
{
    static const char *const texts[] = {
        "a block of text", "a block of text, too", "nothing of the kind", "four words in all"};
    struct sw_context_append append = {.tokens = 1 + below(run, 40),
                                       .has_score = below(run, 2) == 0,
                                       .content = sw_span_str(texts[below(run, 4)])};

    if (below(run, 2) == 0) {
        append.vector = vector_for(run, below(run, INDEX_COUNT));
    }
    append.score = append.has_score ? (int64_t)below(run, 100) - 50 : 0;
    sw_context_append_encode(&append, &run->value);
    return valued(run, SW_OP_CONTEXT_APPEND, id);
}

static struct sw_request context_request(struct run *run)
{
    const char *id = below(run, 2) == 0 ? "alpha" : "beta";
    const struct sw_context_window window = {.blocks = below(run, 12),
                                             .ms = below(run, 3) == 0 ? below(run, 500) : 0,
                                             .similar = below(run, 3) == 0 ? below(run, 1001) : 0};
    struct sw_context_spec spec = {.block_size = 1 + below(run, 50), .window = window};

    switch (below(run, 24)) {
    case 0:
        spec.overlap = below(run, spec.block_size);
        spec.index = sw_span_str(names[below(run, INDEX_COUNT)]);
        sw_context_spec_encode(&spec, &run->value);
        return valued(run, SW_OP_CONTEXT_CREATE, id);
    case 1:
        sw_context_window_encode(&window, &run->value);
        return valued(run, SW_OP_CONTEXT_WINDOW, id);
    case 2:
        return forged_request(run, id);
    case 4:
        return forged_part(run, id);
    case 5:
    case 6:
    case 7:
        return tend_request(run, id);
    case 3:
        return below(run, 3) == 0 ? valued(run, SW_OP_CONTEXT_DELETE, id) : append_request(run, id);
    default:
        return append_request(run, id);
    }
}

static struct sw_request any_request(struct run *run)
{
    const uint32_t kind = below(run, 1000);
    struct sw_request request;

    sw_buf_clear(&run->value);
    if (kind < 6) {
        return index_request(run);
    }
    if (kind < 8) {
        return lower_request(run);
    }
    if (kind < 120) {
        return kit_delete(any_key(run));
    }
    if (kind < 130) {
        request = kit_request(SW_OP_LEASE_GRANT);
        request.limit = 1000;
        return request;
    }
    if (kind < 135) {
        run->clock_ms += below(run, 900);
        return (struct sw_request){.op = SW_OP_TICK, .expected = run->clock_ms};
    }
    if (kind < 180) {
        return kit_put(any_key(run), "plain");
    }
    return kind < 280 ? context_request(run) : vector_request(run);
}

static void make_entry(struct run *run)
{
    struct sw_buf *entry = &run->log[run->count];
    const uint32_t count = 1 + below(run, COMMAND_COUNT_MAX);

    sw_entry_begin(entry, run->count + 1);
    if (run->count == DROP_AT) {
        struct sw_request drop = kit_request(SW_OP_INDEX_DROP);

        drop.key = sw_span_str(names[0]);
        kit_entry_add(entry, &drop);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sw_request request = any_request(run);

        kit_entry_add(entry, &request);
    }
    run->count++;
}

/* --- replicas --------------------------------------------------------------------------------- */

static void catch_up(struct run *run, struct kit *replica)
{
    while (replica->state.index < run->count) {
        const struct sw_buf *entry = &run->log[replica->state.index];

        if (kit_apply_body(replica, sw_buf_span(entry)) != SW_ERR_OK) {
            fail_at(run, "an entry could not be executed");
        }
    }
}

static void search(struct run *run,
                   struct kit *replica,
                   const struct sw_vector_query *query,
                   struct sw_buf *out)
{
    struct sw_request request = kit_request(SW_OP_VECTOR_SEARCH);
    struct sw_buf value = {0};
    struct sw_reply reply;

    sw_vector_query_encode(query, &value);
    request.value = sw_buf_span(&value);
    if (sw_query(&replica->state, replica->store, &request, out, &reply) != SW_ERR_OK) {
        fail_at(run, "a search stopped the replica");
    }
    sw_buf_release(&value);
}

static struct sw_vector_query any_query(struct run *run)
{
    const uint32_t index = any_index(run);
    struct sw_vector_query query = {.index = sw_span_str(names[index]),
                                    .k = 1 + below(run, 100),
                                    .vector = vector_for(run, index)};

    query.recall_permille = below(run, 3) == 0 ? 500 + below(run, 501) : 0;
    if (below(run, 4) == 0) {
        query.condition_count = 1;
        query.conditions[0] = (struct sw_condition){
            .kind = SW_CONDITION_RANGE,
            .attribute = {.kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("year")},
            .high = below(run, 12)};
    }
    return query;
}

static void live(struct run *run)
{
    struct kit *lively = &run->replicas[LIVELY];
    struct kit *forgetful = &run->replicas[FORGETFUL];
    struct sw_buf out = {0};

    if (below(run, 3) == 0) {
        const struct sw_vector_query query = any_query(run);

        search(run, lively, &query, &out);
    }
    if (below(run, 5) == 0) {
        kit_commit(lively);
    }
    if (below(run, 20) == 0) {
        kit_restart(lively);
        catch_up(run, lively);
    }
    kit_commit(forgetful);
    kit_restart(forgetful);
    sw_buf_release(&out);
}

static void compare(struct run *run)
{
    const struct kit *still = &run->replicas[STILL];
    const struct sw_vector_query query = any_query(run);
    struct sw_buf answers[REPLICA_COUNT] = {{0}};

    for (int i = 0; i < REPLICA_COUNT; i++) {
        const struct kit *replica = &run->replicas[i];

        if (replica->state.digest != still->state.digest ||
            replica->state.revision != still->state.revision ||
            replica->state.vectors.count != still->state.vectors.count) {
            fail_at(run, "replicas differ");
        }
    }
    if (run->count % 16 != 0) {
        return;
    }
    for (int i = LIVELY; i < REPLICA_COUNT; i++) {
        search(run, &run->replicas[i], &query, &answers[i]);
        if (!sw_span_equal(sw_buf_span(&answers[i]), sw_buf_span(&answers[LIVELY]))) {
            fail_at(run, "searches differ");
        }
    }
    for (int i = 0; i < REPLICA_COUNT; i++) {
        sw_buf_release(&answers[i]);
    }
}

static void begin(struct run *run, uint64_t seed)
{
    *run = (struct run){.seed = seed, .prng = sw_prng_of(seed)};
    for (uint32_t i = 0; i < INDEX_COUNT; i++) {
        const uint8_t metric = (uint8_t)(1 + below(run, 3));

        run->spaces[i] = (struct sw_vector_space){.metric = metric,
                                                  .dtype = SW_DTYPE_F32,
                                                  .exponent = metric == SW_METRIC_COSINE ? 0 : 4,
                                                  .dim = 16 + 16 * below(run, 3),
                                                  .seed = seed};
    }
    for (int i = 0; i < REPLICA_COUNT; i++) {
        run->replicas[i] = kit_open();
    }
}

static void end(struct run *run)
{
    for (int i = 0; i < REPLICA_COUNT; i++) {
        kit_commit(&run->replicas[i]);
        kit_assert_equal_stores(run->replicas[STILL].store, run->replicas[i].store);
    }
    for (int i = 0; i < REPLICA_COUNT; i++) {
        kit_close(&run->replicas[i]);
    }
    for (uint32_t i = 0; i < run->count; i++) {
        sw_buf_release(&run->log[i]);
    }
    sw_buf_release(&run->value);
}

/* A grant answers with the lease as value and revision, and little else does. */
static void note_lease(struct run *run)
{
    const struct kit *still = &run->replicas[STILL];

    for (uint32_t i = 0; i < still->result_count; i++) {
        const struct sw_command_result *result = &still->results[i];

        if (result->err == SW_ERR_OK && result->value > 0 && result->value == result->revision) {
            run->lease = result->value;
        }
    }
}

static void replicas_agree(void **state)
{
    const uint64_t *seed = *state;
    static struct run run;

    begin(&run, *seed);
    while (run.count < ENTRY_COUNT) {
        make_entry(&run);
        for (int i = 0; i < REPLICA_COUNT; i++) {
            catch_up(&run, &run.replicas[i]);
        }
        note_lease(&run);
        live(&run);
        compare(&run);
    }
    end(&run);
}

/* The seed of one run, or runs of the first three. */
int main(int argc, char **argv)
{
    uint64_t seeds[3] = {1, 2, 3};
    const struct CMUnitTest tests[3] = {
        cmocka_unit_test_prestate(replicas_agree, &seeds[0]),
        cmocka_unit_test_prestate(replicas_agree, &seeds[1]),
        cmocka_unit_test_prestate(replicas_agree, &seeds[2]),
    };

    if (argc == 2) {
        seeds[0] = strtoull(argv[1], NULL, 10);
        return _cmocka_run_group_tests("one", tests, 1, NULL, NULL);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
