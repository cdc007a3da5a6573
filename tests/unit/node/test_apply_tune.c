/* What is decided about an index: its vectors keep fewer bits from one entry on, on every replica,
 * and never more again. Tunings: test_query_tune.c. */
#include <math.h>

#include "node/vectors_private.h"
#include "tests/unit/node/vector_kit.h"

enum { ENTRIES = 900, PROBES = 40 }; /* two segments are sealed, and a part of a third */

static struct sw_buf records;

static struct sw_request lower(uint8_t bits)
{
    struct sw_request request = kit_request(SW_OP_INDEX_LOWER);

    sw_buf_clear(&kit_value);
    sw_write_u8(&kit_value, bits);
    request.key = sw_span_str("facts");
    request.value = sw_buf_span(&kit_value);
    return request;
}

static void put(struct kit *kit, unsigned number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_item item = kit_item("facts", &vector, "content");
    char key[24];

    (void)snprintf(key, sizeof key, "k%u", number);
    assert_int_equal(kit_run(kit, 1, kit_vector_put(key, &item)).err, SW_ERR_OK);
}

static struct kit filled(void)
{
    struct kit kit = kit_open();

    (void)kit_run(&kit, 1, kit_index_create("facts", KIT_DIM));
    for (unsigned i = 0; i < ENTRIES; i++) {
        put(&kit, i);
    }
    return kit;
}

static uint64_t told(struct kit *kit, const char *what)
{
    struct sw_request request = kit_request(SW_OP_INDEX_STATUS);
    struct sw_reply reply;
    char text[2048];
    const char *at;

    request.key = sw_span_str("facts");
    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    assert_true(reply.detail.size < sizeof text);
    memcpy(text, reply.detail.data, reply.detail.size);
    text[reply.detail.size] = '\0';
    at = strstr(text, what);
    assert_non_null(at);
    return strtoull(at + strlen(what), NULL, 10);
}

/* Entries without a command, as a leader's ticks are, until no index has work left. */
static void work(struct kit *kit)
{
    for (int i = 0; kit->state.vectors.working; i++) {
        struct sw_request tick = {.op = SW_OP_TICK, .expected = kit->state.clock_ms + 1};

        assert_true(i < 1000);
        (void)kit_run(kit, 1, tick);
    }
}

static struct kit_hits ask(struct kit *kit, unsigned number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_query query = kit_question("facts", &vector);

    return kit_search(kit, &query);
}

/* Something near the vector, which finds its entry at a distance that depends on all its bits. */
static double distance_near(struct kit *kit, unsigned number)
{
    struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_query query = kit_question("facts", &vector);
    struct kit_hits found;
    char key[24];

    vector.at[3] += 0.3F;
    found = kit_search(kit, &query);
    (void)snprintf(key, sizeof key, "k%u", number);
    assert_string_equal(found.hits[0].key, key);
    return found.hits[0].distance;
}

static double true_distance(unsigned number)
{
    const struct kit_vector vector = kit_vector_of(number);
    struct kit_vector near = vector;
    double dot = 0, aa = 0, bb = 0;

    near.at[3] += 0.3F;
    for (int i = 0; i < KIT_DIM; i++) {
        dot += (double)vector.at[i] * (double)near.at[i];
        aa += (double)vector.at[i] * (double)vector.at[i];
        bb += (double)near.at[i] * (double)near.at[i];
    }
    return 1 - dot / sqrt(aa * bb);
}

static void there_is_something_to_lower(void **state)
{
    struct kit kit = kit_open();

    (void)state;
    kit_assert_result(kit_run(&kit, 1, lower(8)), SW_ERR_NO_INDEX, 0, 0);
    (void)kit_run(&kit, 1, kit_index_create("facts", KIT_DIM));
    kit_assert_result(kit_run(&kit, 1, lower(8)), SW_ERR_NOT_FOUND, 1, 0);
    assert_int_equal(told(&kit, "\"bits\":"), 16);
    put(&kit, 1);
    kit_assert_result(kit_run(&kit, 1, lower(8)), SW_ERR_OK, 3, 0);
    assert_int_equal(told(&kit, "\"bits\":"), 8);
    assert_int_equal(told(&kit, "\"error_ppm\":"), 0); /* nothing is sealed */
    kit_close(&kit);
}

static void never_up(void **state)
{
    struct kit kit = filled();
    const uint64_t revision = kit.state.revision;

    (void)state;
    kit_assert_result(kit_run(&kit, 1, lower(16)), SW_ERR_CONFLICT, revision, 16);
    kit_assert_result(kit_run(&kit, 1, lower(4)), SW_ERR_OK, revision + 1, 0);
    kit_assert_result(kit_run(&kit, 1, lower(16)), SW_ERR_CONFLICT, revision + 1, 4);
    kit_assert_result(kit_run(&kit, 1, lower(8)), SW_ERR_CONFLICT, revision + 1, 4);
    kit_assert_result(kit_run(&kit, 1, lower(4)), SW_ERR_CONFLICT, revision + 1, 4);
    work(&kit);
    kit_commit(&kit);
    kit_restart(&kit);
    kit_assert_result(kit_run(&kit, 1, lower(6)), SW_ERR_CONFLICT, revision + 1, 4);
    assert_int_equal(told(&kit, "\"bits\":"), 4);
    kit_assert_result(kit_run(&kit, 1, lower(2)), SW_ERR_OK, revision + 2, 0);
    kit_close(&kit);
}

/* A cosine moves by less than the vector does. */
static void what_is_left_is_as_near_as_the_index_says(void **state)
{
    static const uint8_t ladder[] = {8, 6, 4};
    struct kit kit = filled();
    double before[PROBES];

    (void)state;
    for (unsigned i = 0; i < PROBES; i++) {
        before[i] = ask(&kit, i).hits[1].distance;
    }
    for (size_t step = 0; step < sizeof ladder; step++) {
        double greatest = 0;
        uint64_t error;

        assert_int_equal(kit_run(&kit, 1, lower(ladder[step])).err, SW_ERR_OK);
        work(&kit);
        assert_int_equal(told(&kit, "\"bits\":"), ladder[step]);
        assert_int_equal(told(&kit, "\"segments\":"), 2);
        assert_int_equal(told(&kit, "\"to_lower\":"), 0);
        assert_int_equal(told(&kit, "\"entries\":\""), ENTRIES);
        error = told(&kit, "\"error_ppm\":");
        assert_true(error > 0 && error < 400000);
        for (unsigned i = 0; i < PROBES; i++) {
            greatest = fmax(greatest, fabs(ask(&kit, i).hits[1].distance - before[i]));
        }
        assert_true(greatest > 0);                    /* less is kept, */
        assert_true(greatest <= (double)error / 1e6); /* but not much less */
    }
    kit_close(&kit);
}

/* What is put later is whole until its segment is sealed. */
static void a_later_put_is_whole_until_it_is_sealed(void **state)
{
    struct kit kit = filled();
    const uint64_t segments = told(&kit, "\"segments\":");
    double whole;

    (void)state;
    assert_int_equal(kit_run(&kit, 1, lower(4)).err, SW_ERR_OK);
    work(&kit);
    put(&kit, 5000);
    whole = distance_near(&kit, 5000);
    assert_true(fabs(whole - true_distance(5000)) < 0.0002);
    for (unsigned i = 5001; told(&kit, "\"segments\":") == segments; i++) {
        put(&kit, i);
    }
    work(&kit);
    assert_true(fabs(distance_near(&kit, 5000) - whole) > 0.0002);
    kit_close(&kit);
}

/* One commits at the end, one after each entry and starts again: the same bytes. */
static void replicas_lower_alike(void **state)
{
    struct kit one = filled(), other = filled();

    (void)state;
    for (unsigned i = 0; i < 24; i++) {
        struct kit *const kits[] = {&one, &other};

        for (int j = 0; j < 2; j++) {
            if (i == 3 || i == 5) { /* the second while the first is half done */
                assert_int_equal(kit_run(kits[j], 1, lower(i == 3 ? 8 : 2)).err, SW_ERR_OK);
            } else if (i % 3 == 0) {
                (void)kit_run(kits[j], 1, kit_delete("k7"));
            } else {
                put(kits[j], i);
            }
        }
        kit_commit(&other);
        kit_restart(&other);
        assert_int_equal(one.state.digest, other.state.digest);
    }
    assert_int_equal(told(&other, "\"to_lower\":"), 0);
    kit_commit(&one);
    kit_assert_equal_stores(one.store, other.store);
    kit_close(&one);
    kit_close(&other);
}

static void hostile_bits(void **state)
{
    char why[SW_WHY_SIZE];

    (void)state;
    for (unsigned bits = 0; bits <= UINT8_MAX; bits++) {
        const struct sw_request request = lower((uint8_t)bits);
        const bool good =
            bits == 16 || bits == 8 || bits == 6 || bits == 4 || bits == 2 || bits == 1;

        assert_int_equal(sw_request_validate(&request, why), good ? SW_ERR_OK : SW_ERR_INVALID);
    }
    for (size_t size = 0; size <= 2; size += 2) { /* none, and one too many */
        struct sw_request request = lower(8);

        sw_write_u8(&kit_value, 8);
        request.value = sw_span_of(kit_value.data, size);
        assert_int_equal(sw_request_validate(&request, why),
                         size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE);
    }
}

static int release(void **state)
{
    (void)state;
    sw_buf_release(&records);
    sw_buf_release(&kit_value);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_something_to_lower),
        cmocka_unit_test(never_up),
        cmocka_unit_test(what_is_left_is_as_near_as_the_index_says),
        cmocka_unit_test(a_later_put_is_whole_until_it_is_sealed),
        cmocka_unit_test(replicas_lower_alike),
        cmocka_unit_test(hostile_bits),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
