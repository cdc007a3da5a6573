/* Searches: over a store whose values move, with conditions, and with a bound on their work. */
#include "node/vectors_private.h"
#include "storage/store_lmdb.h"
#include "tests/unit/node/vector_kit.h"
#include "tests/unit/storage/temp_dir.h"

enum { KEYS = 3000, KINDS = 50, FOUND_MAX = 16 };

/* What the store must say, beside it. */
struct model {
    bool there[KEYS];
    int64_t kind[KEYS];
    uint64_t vector[KEYS];
};

static void with_index(struct kit *kit)
{
    kit_assert_result(kit_run(kit, 1, kit_index_create("notes", KIT_DIM)), SW_ERR_OK, 1, 0);
}

static void put(struct kit *kit, struct model *model, uint32_t key, int64_t kind, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    struct sw_vector_item item = kit_item("notes", &vector, "text");
    char name[16];

    (void)snprintf(name, sizeof name, "key-%04u", key);
    item.attribute_count = 1;
    item.attributes[0] = (struct sw_attribute){
        .kind = SW_ATTRIBUTE_NUMBER, .name = sw_span_str("kind"), .number = kind};
    assert_int_equal(kit_run(kit, 1, kit_vector_put(name, &item)).err, SW_ERR_OK);
    model->there[key] = true;
    model->kind[key] = kind;
    model->vector[key] = number;
}

static void del(struct kit *kit, struct model *model, uint32_t key)
{
    char name[16];

    (void)snprintf(name, sizeof name, "key-%04u", key);
    (void)kit_run(kit, 1, kit_delete(name));
    model->there[key] = false;
}

static struct sw_vector_query question(const struct kit_vector *vector, int64_t kind)
{
    struct sw_vector_query query = kit_question("notes", vector);

    query.recall_permille = 1000;
    query.k = FOUND_MAX;
    if (kind >= 0) {
        query.condition_count = 1;
        query.conditions[0] = (struct sw_condition){.kind = SW_CONDITION_EQUAL,
                                                    .attribute = {.kind = SW_ATTRIBUTE_NUMBER,
                                                                  .name = sw_span_str("kind"),
                                                                  .number = kind}};
    }
    return query;
}

static struct sw_vectors_answer
ask(struct kit *kit, const struct sw_vector_query *query, enum sw_vectors_effort effort)
{
    const struct sw_request request = kit_request(SW_OP_VECTOR_SEARCH);
    const struct sw_place place = {
        .tenant = request.tenant, .name_space = request.name_space, .partition = request.partition};
    struct sw_vectors_answer answer;
    struct sw_buf value = {0};
    struct sw_buf out = {0};

    sw_vector_query_encode(query, &value);
    assert_int_equal(
        sw_vectors_search(
            &kit->state.vectors, kit->store, &place, sw_buf_span(&value), effort, &out, &answer),
        SW_ERR_OK);
    sw_buf_release(&value);
    sw_buf_release(&out);
    return answer;
}

/* Every key that is found is of the kind, and none that is nearer is left out. */
static void check_kind(struct kit *kit, const struct model *model, int64_t kind, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_query query = question(&vector, kind);
    const struct kit_hits found = kit_search(kit, &query);
    uint32_t expected = 0;

    assert_int_equal(found.err, SW_ERR_OK);
    for (uint32_t i = 0; i < KEYS; i++) {
        expected += model->there[i] && model->kind[i] == kind ? 1 : 0;
    }
    assert_int_equal(found.count, expected < FOUND_MAX ? expected : FOUND_MAX);
    for (uint32_t i = 0; i < found.count; i++) {
        const uint32_t key = (uint32_t)strtoul(found.hits[i].key + 4, NULL, 10);

        assert_true(model->there[key]);
        assert_int_equal(model->kind[key], kind);
    }
}

/* Entries come, go and are replaced under the same keys, and attributes are remembered throughout.
 */
static void conditions_hold_for_what_is_there_now(void **unused)
{
    struct kit kit = kit_open();
    struct model *model = calloc(1, sizeof *model);
    struct sw_prng prng = sw_prng_of(7);

    (void)unused;
    assert_non_null(model);
    with_index(&kit);
    for (uint32_t i = 0; i < 2500; i++) {
        const uint32_t key = (uint32_t)sw_prng_below(&prng, 500);

        if (sw_prng_chance(&prng, 1, 5)) {
            del(&kit, model, key);
        } else {
            put(&kit, model, key, (int64_t)sw_prng_below(&prng, KINDS), i);
        }
        if (i % 50 == 0) {
            check_kind(&kit, model, (int64_t)sw_prng_below(&prng, KINDS), i);
        }
        if (i % 170 == 0) {
            kit_commit(&kit);
        }
    }
    assert_true(kit.state.vectors.all[0]->attributes.slot_count > 400);
    assert_int_equal(kit.state.vectors.all[0]->attributes.sets.count, KINDS);
    free(model);
    kit_close(&kit);
}

/* The real store keeps what it writes in memory of its own until it commits: a reader that held on
 * to what it saw there would read what was freed. Its twin says what the answers are. */
static void answers_are_the_same_where_values_move(void **unused)
{
    char dir[TEMP_DIR_SIZE];
    struct sw_store_lmdb_config config = {.path = dir, .node = {1}, .map_size = 256 << 20};
    struct kit mem = kit_open();
    struct kit lmdb = {0};
    struct model *model = calloc(1, sizeof *model);
    struct sw_prng prng = sw_prng_of(3);
    char why[SW_WHY_SIZE];

    (void)unused;
    assert_non_null(model);
    temp_dir_make(dir);
    assert_int_equal(sw_store_lmdb_open(&config, &lmdb.store, why), SW_ERR_OK);
    kit_load(&lmdb);
    with_index(&mem);
    with_index(&lmdb);
    for (uint32_t i = 0; i < KEYS; i++) {
        const struct kit_vector vector = kit_vector_of(i / 2);
        const struct sw_vector_query query = question(&vector, -1);
        struct kit_hits a, b;

        put(&mem, model, i, 0, i);
        put(&lmdb, model, i, 0, i);
        if (i % 3 == 0) {
            del(&mem, model, i / 3);
            del(&lmdb, model, i / 3);
        }
        if (sw_prng_chance(&prng, 1, 100)) {
            kit_commit(&lmdb);
        }
        if (sw_prng_chance(&prng, 1, 20)) {
            a = kit_search(&mem, &query);
            b = kit_search(&lmdb, &query);
            assert_memory_equal(&a, &b, sizeof a);
        }
    }
    sw_state_release(&lmdb.state);
    sw_store_lmdb_close(lmdb.store);
    sw_buf_release(&lmdb.entry);
    free(lmdb.results);
    temp_dir_remove(dir);
    free(model);
    kit_close(&mem);
}

/* Who keeps writers waiting is told so instead of an answer; with more effort there is one. */
static void a_brief_look_gives_up_before_it_takes_long(void **unused)
{
    struct kit kit = kit_open();
    struct model *model = calloc(1, sizeof *model);
    const struct kit_vector vector = kit_vector_of(1);
    struct sw_vector_query query = question(&vector, -1);

    (void)unused;
    assert_non_null(model);
    with_index(&kit);
    for (uint32_t i = 0; i < KEYS; i++) {
        put(&kit, model, i, i, i);
    }
    assert_true(ask(&kit, &query, SW_VECTORS_BRIEF).unfinished); /* exact */
    assert_int_equal(ask(&kit, &query, SW_VECTORS_FULL).count, FOUND_MAX);
    query.recall_permille = 0;
    assert_false(ask(&kit, &query, SW_VECTORS_BRIEF).unfinished);
    query.k = 500;
    assert_true(ask(&kit, &query, SW_VECTORS_BRIEF).unfinished);
    assert_int_equal(ask(&kit, &query, SW_VECTORS_FULL).count, 500);
    query = question(&vector, 2999); /* many looks at the store, until its attributes are known */
    query.recall_permille = 0;
    assert_true(ask(&kit, &query, SW_VECTORS_BRIEF).unfinished);
    assert_int_equal(ask(&kit, &query, SW_VECTORS_FULL).count, 1);
    assert_false(ask(&kit, &query, SW_VECTORS_BRIEF).unfinished);
    assert_int_equal(ask(&kit, &query, SW_VECTORS_BRIEF).count, 1);
    free(model);
    kit_close(&kit);
}

static void whether_a_thing_is_new_has_a_bound(void **unused)
{
    struct kit kit = kit_open();
    struct model *model = calloc(1, sizeof *model);
    struct kit_vector vector = kit_vector_of(KEYS / 2);
    struct sw_vector_item item = kit_item("notes", &vector, "text");
    struct sw_vectors_match match;

    (void)unused;
    assert_non_null(model);
    with_index(&kit);
    for (uint32_t i = 0; i < KEYS; i++) {
        put(&kit, model, i, 0, i);
    }
    item.novel = true;
    item.distance_max = 0.001;
    assert_int_equal(sw_vectors_nearest(kit.state.vectors.all[0], &item, 0, &match), SW_ERR_OK);
    assert_int_equal(match.id, KEYS / 2 + 2); /* the index is revision 1 */
    assert_false(match.terminated_early);
    assert_int_equal(sw_vectors_nearest(kit.state.vectors.all[0], &item, 64, &match), SW_ERR_OK);
    assert_int_equal(match.id, 0);
    assert_true(match.terminated_early);
    free(model);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_for_what_is_there_now),
        cmocka_unit_test(answers_are_the_same_where_values_move),
        cmocka_unit_test(a_brief_look_gives_up_before_it_takes_long),
        cmocka_unit_test(whether_a_thing_is_new_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
