/* Records of changes: they survive the codec, and bad bytes are noticed. */
#include "node/change_log.h"
#include "tests/unit/node/state_kit.h"

static struct sw_change_record named(uint8_t format)
{
    return (struct sw_change_record){.format = format,
                                     .place = {.tenant = sw_span_str("t"),
                                               .name_space = sw_span_str("n"),
                                               .partition = sw_span_str("p")},
                                     .key = sw_span_of("k\0", 2),
                                     .time_ms = 9};
}

static void the_older_form_is_as_documented(void **unused)
{
    static const uint8_t bytes[] = {
        1,  1, 0, 't', 1, 0, 'n', 1, 0, 'p', 2, 0, 'k', 0,       /* names */
        4,  0, 0, 0,   0, 0, 0,   0, 2, 0,   0, 0, 0,   0, 0, 0, /* created */
        9,  0, 0, 0,   0, 0, 0,   0, 7, 0,   0, 0, 0,   0, 0, 0, /* time, lease */
        'v'};
    struct sw_change_record record = named(SW_CHANGE_FORMAT_VALUES);
    struct sw_change_record got;
    struct sw_buf out = {0};

    (void)unused;
    record.became = (struct sw_version){
        .create_revision = 4, .version = 2, .lease = 7, .value = sw_span_str("v")};
    sw_change_record_encode(&record, &out);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_true(sw_span_equal(got.key, record.key));
    assert_true(sw_span_equal(got.became.value, record.became.value));
    assert_int_equal(got.became.create_revision, 4);
    assert_int_equal(got.became.version, 2);
    assert_int_equal(got.time_ms, 9);
    assert_int_equal(got.became.lease, 7);
    assert_false(got.deleted);
    for (size_t size = 0; size + 1 < out.size; size++) {
        assert_int_equal(sw_change_record_decode(sw_span_of(bytes, size), &got), SW_ERR_CORRUPT);
    }
    sw_buf_release(&out);
}

static void a_depth_is_one_byte_more(void **unused)
{
    struct sw_change_record record = named(SW_CHANGE_FORMAT);
    struct sw_change_record got;
    struct sw_buf out = {0};
    size_t size;

    (void)unused;
    record.serial = 1;
    sw_change_record_encode(&record, &out);
    size = out.size;
    for (uint8_t depth = 1; depth < SW_DEPTH_MAX; depth++) {
        record.depth = depth;
        sw_buf_clear(&out);
        sw_change_record_encode(&record, &out);
        assert_int_equal(out.size, size + 1);
        assert_int_equal(out.data[0], SW_CHANGE_FORMAT_DEPTH);
        assert_int_equal(out.data[2], depth);
        assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
        assert_int_equal(got.depth, depth);
        assert_int_equal(got.format, SW_CHANGE_FORMAT);
    }
    out.data[2] = 0; /* that has another form */
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_CORRUPT);
    out.data[2] = SW_DEPTH_MAX;
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_CORRUPT);
    sw_buf_release(&out);
}

static void what_a_key_was_is_as_documented(void **unused)
{
    static const uint8_t bytes[] = {
        2, 3, 1, 0, 't', 1, 0, 'n', 1,  0, 'p', 2, 0, 'k', 0,    /* flags, names */
        9, 0, 0, 0, 0,   0, 0, 0,   3,  0, 0,   0, 0, 0,   0, 0, /* time, serial */
        1, 5, 0, 0, 0,   0, 0, 0,   0,  1, 0,                    /* ways back */
        4, 0, 0, 0, 0,   0, 0, 0,   5,  0, 0,   0, 0, 0,   0, 0, /* created, modified */
        2, 0, 0, 0, 0,   0, 0, 0,   8,  0, 0,   0, 0, 0,   0, 0, /* version, time */
        7, 0, 0, 0, 0,   0, 0, 0,   'v'};                        /* lease, value */
    struct sw_change_record record = named(SW_CHANGE_FORMAT);
    struct sw_change_record got;
    struct sw_buf out = {0};

    (void)unused;
    record.deleted = true;
    record.serial = 3;
    record.back_count = 1;
    record.back[0] = (struct sw_change_at){.revision = 5, .number = 1};
    record.before = (struct sw_version){.create_revision = 4,
                                        .mod_revision = 5,
                                        .version = 2,
                                        .time_ms = 8,
                                        .lease = 7,
                                        .value = sw_span_str("v")};
    sw_change_record_encode(&record, &out);
    assert_int_equal(out.size, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_true(got.deleted);
    assert_int_equal(got.serial, 3);
    assert_int_equal(got.back[0].revision, 5);
    assert_int_equal(got.back[0].number, 1);
    assert_int_equal(got.before.mod_revision, 5);
    assert_true(sw_span_equal(got.before.value, record.before.value));
    for (size_t size = 0; size + 1 < out.size; size++) {
        assert_int_equal(sw_change_record_decode(sw_span_of(bytes, size), &got), SW_ERR_CORRUPT);
    }
    out.data[1] = 8; /* a flag that nobody set */
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_CORRUPT);
    out.data[0] = SW_CHANGE_FORMAT_VECTORS + 1;
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_NEWER_FORMAT);
    sw_buf_release(&out);
}

/* The key was created: nothing follows the ways back. */
static void a_creation_has_nothing_before_it(void **unused)
{
    struct sw_change_record record = named(SW_CHANGE_FORMAT);
    struct sw_change_record got;
    struct sw_buf out = {0};

    (void)unused;
    record.serial = 1;
    sw_change_record_encode(&record, &out);
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_int_equal(got.before.version, 0);
    sw_write_u8(&out, 0);
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_CORRUPT);
    sw_buf_release(&out);
}

/* What an index lost comes behind the ways back; a blob that is no vector is refused. */
static void lost_vectors_are_kept(void **unused)
{
    const struct sw_change_vector first = {
        .number = 7, .id = 5, .context = 2, .entry = sw_span_str("entry"), .row = sw_span_str("r")};
    struct sw_change_record record = named(SW_CHANGE_FORMAT);
    struct sw_change_vector read;
    struct sw_change_record got;
    struct sw_buf lost = {0};
    struct sw_buf out = {0};
    struct sw_reader in;
    size_t at;

    (void)unused;
    sw_change_vector_encode(&first, &lost);
    assert_int_equal(lost.size, 8 + 8 + 4 + 4 + 5 + 4 + 1);
    sw_change_vector_encode(
        &(struct sw_change_vector){.number = 9, .id = 4, .row = sw_span_str("s")}, &lost);
    record.deleted = true;
    record.serial = 1;
    record.depth = 3;
    record.vectors = sw_buf_span(&lost);
    record.before = (struct sw_version){
        .create_revision = 4, .mod_revision = 5, .version = 2, .value = sw_span_str("v")};
    sw_change_record_encode(&record, &out);
    assert_int_equal(out.data[0], 4);
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_OK);
    assert_true(sw_span_equal(got.before.value, record.before.value));
    assert_int_equal(got.depth, 3);
    in = sw_reader_of(got.vectors);
    sw_change_vector_read(&in, &read);
    assert_int_equal(read.number, 7);
    assert_int_equal(read.id, 5);
    assert_int_equal(read.context, 2);
    assert_true(sw_span_equal(read.entry, first.entry));
    assert_true(sw_span_equal(read.row, first.row));
    sw_change_vector_read(&in, &read);
    assert_int_equal(read.number, 9);
    assert_int_equal(sw_reader_finish(&in), SW_ERR_OK);
    for (size_t size = 0; size + 1 < out.size; size++) {
        assert_int_equal(sw_change_record_decode(sw_span_of(out.data, size), &got), SW_ERR_CORRUPT);
    }
    at = (size_t)(got.vectors.data - out.data);
    out.data[at + 8] = 0; /* the id of the first */
    assert_int_equal(sw_change_record_decode(sw_buf_span(&out), &got), SW_ERR_CORRUPT);
    sw_buf_release(&lost);
    sw_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_older_form_is_as_documented),
                                       cmocka_unit_test(a_depth_is_one_byte_more),
                                       cmocka_unit_test(what_a_key_was_is_as_documented),
                                       cmocka_unit_test(a_creation_has_nothing_before_it),
                                       cmocka_unit_test(lost_vectors_are_kept)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
