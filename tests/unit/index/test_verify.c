/* The check finds nothing wrong with a sound index, whatever state it is in, and each kind of
 * damage. */
#include "index/block.h"
#include "index/layout.h"
#include "index/verify.h"
#include "tests/unit/index/index_world.h"

enum { ENTRIES = 1500, DIM = 64, RECORDS_A_STEP = 7 };

static enum sw_err verify(const struct world *world, struct sw_index_verify_report *ret_report)
{
    struct sw_index_verify *check = sw_index_verify_new(world->map, sw_span_str("ab"));
    enum sw_err err = SW_ERR_OK;
    bool done = false;

    while (err == SW_ERR_OK && !done) {
        err = sw_index_verify_step(check, RECORDS_A_STEP, &done);
    }
    assert_true((err == SW_ERR_OK) == (sw_index_verify_why(check)[0] == 0));
    sw_index_verify_report(check, ret_report);
    sw_index_verify_free(check);
    return err;
}

/* Each part with an object of its own, as if nothing but the mark were kept. */
static enum sw_err verify_in_parts(const struct world *world,
                                   uint32_t entries,
                                   const struct sw_index_verify_owner *owner,
                                   struct sw_index_verify_mark *mark)
{
    enum sw_err err = SW_ERR_OK;

    *mark = (struct sw_index_verify_mark){.stamp = 0};
    while (err == SW_ERR_OK && mark->phase != SW_INDEX_VERIFY_DONE) {
        struct sw_index_verify *check = sw_index_verify_new(world->map, sw_span_str("ab"));

        err = sw_index_verify_open(check, mark);
        if (err == SW_ERR_OK) {
            err = sw_index_verify_part(check, owner, entries, mark);
        }
        assert_true((err == SW_ERR_OK) == (sw_index_verify_why(check)[0] == 0));
        sw_index_verify_free(check);
    }
    return err;
}

static struct world filled(uint64_t seed)
{
    struct world world = world_new(DIM, SW_METRIC_L2);
    struct sw_prng prng = sw_prng_of(seed);

    for (uint32_t at = 0; at < ENTRIES; at++) {
        world.entries[at].slice = at % 3;
        world_fill(&world, at, &prng);
    }
    world_settle(&world);
    assert_int_equal(sw_index_train(world.index, 12), SW_ERR_OK);
    return world;
}

static void assert_sound(struct world *world)
{
    struct sw_index_verify_report report;
    struct sw_index_histogram histogram, read;
    struct sw_index_stats stats, snapshot;
    struct sw_index_verify_mark mark;
    struct sw_index_digest digest;

    world_open(world);
    digest = sw_index_digest(world->index);
    sw_index_stats(world->index, &stats);
    assert_int_equal(verify(world, &report), SW_ERR_OK);
    assert_int_equal(report.entries, stats.entries);
    assert_int_equal(report.waiting, stats.waiting);
    assert_int_equal(report.buckets, stats.buckets);
    assert_int_equal(report.digest.low, digest.low);
    assert_int_equal(report.digest.high, digest.high);
    assert_int_equal(verify_in_parts(world, 700, NULL, &mark), SW_ERR_OK);
    assert_true(mark.still);
    assert_int_equal(mark.entries, report.entries);
    assert_int_equal(mark.digest.low, digest.low);
    assert_int_equal(mark.digest.high, digest.high);
    sw_index_histogram(world->index, &histogram);
    assert_int_equal(histogram.entries, stats.entries + stats.waiting);
    assert_int_equal(histogram.buckets, stats.buckets);
    assert_int_equal(sw_index_reader_stats(world->reader, &snapshot, &read), SW_ERR_OK);
    assert_memory_equal(&histogram, &read, sizeof(histogram));
    assert_int_equal(snapshot.entries, stats.entries);
    assert_int_equal(snapshot.trained, stats.trained);
}

static void sound_at_every_stage_of_its_work(void **state)
{
    struct world world = filled(5);
    bool working = true;

    (void)state;
    while (working) {
        assert_sound(&world);
        for (uint32_t i = 0; working && i < 20; i++) {
            assert_int_equal(sw_index_step(world.index, 256, &working), SW_ERR_OK);
        }
    }
    for (uint32_t at = 0; at < ENTRIES; at += 5) {
        assert_int_equal(sw_index_delete(world.index, at + 1), SW_ERR_OK);
    }
    assert_sound(&world);
    assert_int_equal(sw_index_drop_slice(world.index, 1), SW_ERR_OK);
    for (working = true; working;) {
        assert_sound(&world);
        assert_int_equal(sw_index_step(world.index, 1000, &working), SW_ERR_OK);
    }
    assert_sound(&world);
    world_free(&world);
}

/* The first record whose key starts so, copied. */
static void take(const struct world *world,
                 const struct sw__key *start,
                 struct sw__key *ret_key,
                 uint8_t *value,
                 size_t *ret_size)
{
    struct sw_index_record record;

    assert_int_equal(world->map->ops->seek(world->map, sw__key_span(start), &record), SW_ERR_OK);
    assert_true(sw__key_covers(start, record.key));
    memcpy(ret_key->data, record.key.data, record.key.size);
    ret_key->size = (uint8_t)record.key.size;
    memcpy(value, record.value.data, record.value.size);
    *ret_size = record.value.size;
}

/* Changes one bit of the first record of the kind, checks, and puts it back. */
static void damage(struct world *world, enum sw__kind kind, size_t at, uint8_t bit)
{
    static uint8_t value[1 << 17];
    const struct sw__prefix prefix = sw__prefix_of(sw_span_str("ab"));
    struct sw_index_verify_report report;
    struct sw_index_verify_mark mark;
    struct sw__key start, key;
    size_t size = 0;

    sw__key_begin(&prefix, kind, &start);
    take(world, &start, &key, value, &size);
    assert_true(at < size);
    value[at] ^= bit;
    assert_int_equal(world->map->ops->put(world->map, sw__key_span(&key), sw_span_of(value, size)),
                     SW_ERR_OK);
    assert_int_equal(verify(world, &report), SW_ERR_CORRUPT);
    assert_int_equal(verify_in_parts(world, 100, NULL, &mark), SW_ERR_CORRUPT);
    value[at] ^= bit;
    assert_int_equal(world->map->ops->put(world->map, sw__key_span(&key), sw_span_of(value, size)),
                     SW_ERR_OK);
    assert_int_equal(verify(world, &report), SW_ERR_OK);
}

static void every_kind_of_damage_is_found(void **state)
{
    struct world world = filled(6);
    const size_t code = SW__BLOCK_HEADER_SIZE + (size_t)SW__BLOCK_LANES * 8;

    (void)state;
    world_settle(&world);
    assert_sound(&world);
    damage(&world, SW__KIND_CODES, code, 1);                  /* a bit of a code */
    damage(&world, SW__KIND_CODES, SW__BLOCK_HEADER_SIZE, 1); /* an id */
    damage(&world, SW__KIND_CODES, 2, 1);                     /* how many lanes there are */
    damage(&world, SW__KIND_PLACE, 1, 1);                     /* a slice */
    damage(&world, SW__KIND_PLACE, 9, 1);                     /* a block */
    damage(&world, SW__KIND_SEGMENT, 8 + 24, 1);              /* a coordinate */
    damage(&world, SW__KIND_SEGMENT, 8, 1);                   /* the id of a row */
    damage(&world, SW__KIND_BUCKET, 5, 1);                    /* how full a bucket is */
    damage(&world, SW__KIND_PIVOT, 5, 1);                     /* a pivot */
    world_free(&world);
}

static void a_lost_record_is_found(void **state)
{
    static const enum sw__kind kinds[] = {SW__KIND_CODES, SW__KIND_PLACE, SW__KIND_SEGMENT};
    const struct sw__prefix prefix = sw__prefix_of(sw_span_str("ab"));
    static uint8_t value[1 << 17];
    struct world world = filled(7);
    struct sw_index_verify_report report;
    struct sw_index_verify_mark mark;

    (void)state;
    world_settle(&world);
    assert_sound(&world);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct sw__key start, key;
        size_t size = 0;

        sw__key_begin(&prefix, kinds[i], &start);
        take(&world, &start, &key, value, &size);
        assert_int_equal(world.map->ops->del(world.map, sw__key_span(&key)), SW_ERR_OK);
        assert_int_equal(verify(&world, &report), SW_ERR_CORRUPT);
        assert_int_equal(verify_in_parts(&world, 100, NULL, &mark), SW_ERR_CORRUPT);
        assert_int_equal(
            world.map->ops->put(world.map, sw__key_span(&key), sw_span_of(value, size)), SW_ERR_OK);
    }
    world_free(&world);
}

static void an_entry_that_is_there_twice_is_found(void **state)
{
    const struct sw__prefix prefix = sw__prefix_of(sw_span_str("ab"));
    static uint8_t value[1 << 17];
    struct world world = filled(8);
    struct sw_index_verify_report report;
    struct sw__block block;
    struct sw__lane lane = {0};
    struct sw__key start, key;
    size_t size = 0;

    (void)state;
    world_settle(&world);
    assert_sound(&world);
    sw__key_begin(&prefix, SW__KIND_CODES, &start);
    take(&world, &start, &key, value, &size);
    assert_int_equal(sw__block_view(sw_span_of(value, size), DIM, &block), SW_ERR_OK);
    assert_true(block.count >= 2);
    sw__block_lane(&block, 0, &lane);
    assert_true(sw__block_set(value, 1, &lane));
    assert_int_equal(world.map->ops->put(world.map, sw__key_span(&key), sw_span_of(value, size)),
                     SW_ERR_OK);
    assert_int_equal(verify(&world, &report), SW_ERR_CORRUPT);
    world_free(&world);
}

/* Under an index that changes each part is right by itself, and totals are not compared. */
static void an_index_may_change_between_parts(void **state)
{
    struct world world = filled(9);
    struct sw_index_verify_mark mark = {.stamp = 0};
    uint32_t parts = 0;
    bool working = true;

    (void)state;
    assert_int_equal(sw_index_flush(world.index), SW_ERR_OK);
    while (mark.phase != SW_INDEX_VERIFY_DONE) {
        struct sw_index_verify *check = sw_index_verify_new(world.map, sw_span_str("ab"));

        assert_int_equal(sw_index_verify_open(check, &mark), SW_ERR_OK);
        assert_int_equal(sw_index_verify_part(check, NULL, 150, &mark), SW_ERR_OK);
        sw_index_verify_free(check);
        parts++;
        if (working) {
            assert_int_equal(sw_index_step(world.index, 512, &working), SW_ERR_OK);
        }
        if (parts < ENTRIES / 5) {
            assert_int_equal(sw_index_delete(world.index, parts * 5), SW_ERR_OK);
        }
        assert_int_equal(sw_index_flush(world.index), SW_ERR_OK);
    }
    assert_true(parts > 10);
    assert_false(mark.still);
    world_free(&world);
}

static enum sw_err knows_all_but_one(void *arg, uint64_t id, bool *ret_known)
{
    *ret_known = id != *(const uint64_t *)arg;
    return SW_ERR_OK;
}

static void an_entry_that_its_owner_does_not_know_is_found(void **state)
{
    struct world world = filled(10);
    uint64_t stranger = 0;
    const struct sw_index_verify_owner owner = {.arg = &stranger, .knows = knows_all_but_one};
    struct sw_index_verify_mark mark;

    (void)state;
    world_settle(&world);
    world_open(&world);
    assert_int_equal(verify_in_parts(&world, 300, &owner, &mark), SW_ERR_OK);
    stranger = ENTRIES / 2;
    assert_int_equal(verify_in_parts(&world, 300, &owner, &mark), SW_ERR_CORRUPT);
    world_free(&world);
}

/* A mark that somebody made up may be told of a fault; it breaks nothing. */
static void marks_of_others_break_nothing(void **state)
{
    struct world world = filled(11);
    struct sw_prng prng = sw_prng_of(3);

    (void)state;
    world_settle(&world);
    world_open(&world);
    for (int round = 0; round < 200; round++) {
        struct sw_index_verify_mark mark = {.stamp = sw_prng_next(&prng),
                                            .still = true,
                                            .phase = (uint8_t)sw_prng_below(&prng, 2),
                                            .lanes = (uint32_t)sw_prng_next(&prng),
                                            .entries = sw_prng_next(&prng)};
        struct sw_index_verify *check = sw_index_verify_new(world.map, sw_span_str("ab"));
        enum sw_err err;

        mark.at_size = (uint8_t)sw_prng_below(&prng, SW_INDEX_VERIFY_AT_MAX + 1);
        for (int i = 0; i < SW_INDEX_VERIFY_AT_MAX; i++) {
            mark.at[i] = (uint8_t)(sw_prng_below(&prng, 2) * sw_prng_below(&prng, 256));
        }
        assert_int_equal(sw_index_verify_open(check, &mark), SW_ERR_OK);
        err = sw_index_verify_part(check, NULL, 64, &mark);
        assert_true(err == SW_ERR_OK || err == SW_ERR_CORRUPT);
        sw_index_verify_free(check);
    }
    world_free(&world);
}

static void nothing_there_is_not_found(void **state)
{
    struct sw_index_map *map = sw_index_map_mem_new();
    struct sw_index_verify *check = sw_index_verify_new(map, sw_span_str("ab"));
    bool done = false;

    (void)state;
    assert_int_equal(sw_index_verify_step(check, 1, &done), SW_ERR_NOT_FOUND);
    assert_false(done);
    sw_index_verify_free(check);
    sw_index_map_mem_free(map);
}

static void bins_cover_every_size(void **state)
{
    (void)state;
    assert_int_equal(sw_index_histogram_from(0), 0);
    assert_int_equal(sw_index_histogram_from(1), 32);
    assert_int_equal(sw_index_histogram_from(16), 512);
    assert_int_equal(sw_index_histogram_from(17), 1024);
    assert_int_equal(sw_index_histogram_from(23), 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_at_every_stage_of_its_work),
        cmocka_unit_test(every_kind_of_damage_is_found),
        cmocka_unit_test(a_lost_record_is_found),
        cmocka_unit_test(an_entry_that_is_there_twice_is_found),
        cmocka_unit_test(an_index_may_change_between_parts),
        cmocka_unit_test(an_entry_that_its_owner_does_not_know_is_found),
        cmocka_unit_test(marks_of_others_break_nothing),
        cmocka_unit_test(nothing_there_is_not_found),
        cmocka_unit_test(bins_cover_every_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
