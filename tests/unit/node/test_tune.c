/* On three kinds of data the measured recall is that of a brute force, and steps of the budget end
 * inside the band around the target. */
#include "node/tune.h"
#include "tests/unit/index/index_world.h"

enum { DIM = 48, ENTRIES = 2048, BUCKETS = 64 };

/* Crowds, as agents' notes; one wide cloud, where nothing is near; and a line of near duplicates.
 */
enum kind { CROWDS, CLOUD, DUPLICATES, KIND_COUNT };

static void vector_of(enum kind kind, struct sw_prng *prng, float *ret_vector)
{
    const uint64_t group = sw_prng_below(prng, 300);
    struct sw_prng same = sw_prng_of(group + 5);

    if (kind == CROWDS) {
        world_vector(prng, DIM, ret_vector);
        return;
    }
    for (uint32_t d = 0; d < DIM; d++) {
        const int64_t own = (int64_t)sw_prng_below(prng, 2000) - 1000;
        const int64_t shared = (int64_t)sw_prng_below(&same, 2000) - 1000;

        ret_vector[d] = (float)(kind == CLOUD ? own : shared + own / 8) / 1024.0F;
    }
}

static struct world filled(enum kind kind)
{
    struct world world = world_new(DIM, SW_METRIC_COSINE);
    struct sw_prng prng = sw_prng_of(40 + (uint64_t)kind);

    for (uint32_t at = 0; at < ENTRIES; at++) {
        vector_of(kind, &prng, world.entries[at].vector);
        world.entries[at].seq = ++world.seq;
        world_put(&world, at);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, BUCKETS), SW_ERR_OK);
    world_settle(&world);
    world_open(&world);
    return world;
}

static double cosine_distance(const float *a, const float *b)
{
    double dot = 0, x = 0, y = 0;

    for (uint32_t d = 0; d < DIM; d++) {
        dot += (double)a[d] * (double)b[d];
        x += (double)a[d] * (double)a[d];
        y += (double)b[d] * (double)b[d];
    }
    return 1 - dot / __builtin_sqrt(x * y);
}

/* Of new vectors of the same kind, in doubles and without the library: permille. */
static uint32_t
true_recall(struct world *world, enum kind kind, struct sw_index_budget budget, uint32_t queries)
{
    struct sw_prng prng = sw_prng_of(900 + (uint64_t)kind);
    static double distances[ENTRIES];
    uint32_t found = 0;

    for (uint32_t i = 0; i < queries; i++) {
        struct sw_index_query query = {.k = SW_TUNE_K, .budget = budget};
        struct sw_index_hit hits[SW_TUNE_K];
        double best[SW_TUNE_K];
        uint32_t count = 0;
        float vector[WORLD_DIM_MAX];

        vector_of(kind, &prng, vector);
        query.vector = world_span(world, vector);
        assert_int_equal(sw_index_search(world->reader, &query, hits, &count, NULL), SW_ERR_OK);
        for (int k = 0; k < SW_TUNE_K; k++) {
            best[k] = 1e9;
        }
        for (uint32_t at = 0; at < ENTRIES; at++) {
            double distance = cosine_distance(vector, world->entries[at].vector);

            distances[at] = distance;
            for (int k = 0; k < SW_TUNE_K; k++) {
                if (distance < best[k]) {
                    const double farther = best[k];

                    best[k] = distance;
                    distance = farther;
                }
            }
        }
        for (uint32_t j = 0; j < count; j++) {
            found += distances[hits[j].id - 1] <= best[SW_TUNE_K - 1] + 1e-6 ? 1 : 0;
        }
    }
    return found * 1000 / (queries * SW_TUNE_K);
}

static void fill_window(struct world *world,
                        struct sw_prng *prng,
                        struct sw_index_budget budget,
                        struct sw_tune_window *window)
{
    for (int i = 0; i < SW_TUNE_WINDOW; i++) {
        struct sw_tune_sample sample;
        const uint64_t id = 1 + sw_prng_below(prng, ENTRIES);

        assert_int_equal(sw_tune_measure(world->reader, id, budget, &sample), SW_ERR_OK);
        sw_tune_add(window, budget, sample);
    }
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

static void what_is_measured_is_true(void **state)
{
    /* A recall that is worth having; entries are easier to find than strangers where it is not. */
    static const struct sw_index_budget budgets[KIND_COUNT][3] = {
        {{30, 40}, {50, 60}, {300, 240}},
        {{350, 220}, {450, 300}, {600, 400}},
        {{120, 100}, {200, 150}, {400, 300}}};

    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct world world = filled((enum kind)kind);
        struct sw_prng prng = sw_prng_of(11);

        for (size_t i = 0; i < 3; i++) {
            struct sw_tune_window window = {.count = 0};
            uint32_t measured;
            const uint32_t truth = true_recall(&world, (enum kind)kind, budgets[kind][i], 500);

            fill_window(&world, &prng, budgets[kind][i], &window);
            measured = sw_tune_recall(&window);
            print_message("kind %d, budget %zu: measured %u, true %u\n", kind, i, measured, truth);
            assert_true(apart(measured, truth) <= 20);
        }
        world_free(&world);
    }
}

static void steps_reach_the_target(void **state)
{
    static const uint32_t targets[] = {900, 970};
    static const struct sw_index_budget begins[] = {{40, 60}, {600, 400}};

    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct world world = filled((enum kind)kind);
        struct sw_prng prng = sw_prng_of(12);

        for (int i = 0; i < 4; i++) {
            const uint32_t target = targets[i / 2];
            struct sw_index_budget budget = begins[i % 2];
            struct sw_tune_window window;
            uint32_t truth;
            int steps = 0;

            do {
                window = (struct sw_tune_window){.count = 0};
                fill_window(&world, &prng, budget, &window);
                assert_true(++steps < 40);
            } while (sw_tune_next(&window, target, &budget));
            truth = true_recall(&world, (enum kind)kind, budget, 150);
            print_message("kind %d, target %u: %u%% of the root, %u tenths, recall %u, %d steps\n",
                          kind,
                          target,
                          budget.probe_percent,
                          budget.rerank_tenths,
                          truth,
                          steps);
            assert_true(truth + 25 >= target);
        }
        world_free(&world);
    }
}

static struct sw_tune_window window_of(uint8_t found, uint8_t wide, uint32_t count)
{
    const struct sw_index_budget budget = {70, 120};
    struct sw_tune_window window = {.count = 0};

    for (uint32_t i = 0; i < count; i++) {
        sw_tune_add(&window,
                    budget,
                    (struct sw_tune_sample){.wanted = 100, .found = found, .found_wide = wide});
    }
    return window;
}

static void a_step_is_what_was_lacking(void **state)
{
    struct sw_index_budget next = {0};
    struct sw_tune_window window = window_of(90, 91, SW_TUNE_WINDOW);

    (void)state;
    assert_true(sw_tune_next(&window, 950, &next)); /* other buckets */
    assert_true(next.probe_percent > 70);
    assert_true(next.rerank_tenths > 120);
    window = window_of(90, 99, SW_TUNE_WINDOW);
    assert_true(sw_tune_next(&window, 950, &next)); /* candidates */
    assert_int_equal(next.probe_percent, 70);
    assert_true(next.rerank_tenths > 120);
    window = window_of(100, 100, SW_TUNE_WINDOW);
    assert_true(sw_tune_next(&window, 950, &next));
    assert_true(next.probe_percent < 70);
    assert_true(next.rerank_tenths < 120);
    window = window_of(96, 99, SW_TUNE_WINDOW);
    assert_false(sw_tune_next(&window, 950, &next)); /* inside the band it rests */
    window = window_of(50, 50, SW_TUNE_SAMPLES_MIN - 1);
    assert_false(sw_tune_next(&window, 950, &next)); /* too few to tell */
    window = window_of(50, 50, SW_TUNE_WINDOW);
    assert_false(sw_tune_next(&window, 0, &next)); /* nobody wants it tuned */
    sw_tune_add(&window,
                (struct sw_index_budget){80, 120},
                (struct sw_tune_sample){.wanted = 10, .found = 10, .found_wide = 10});
    assert_int_equal(window.count, 1); /* another budget, another recall */
    assert_int_equal(sw_tune_recall(&window), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_measured_is_true),
        cmocka_unit_test(steps_reach_the_target),
        cmocka_unit_test(a_step_is_what_was_lacking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
