/* Entries: what goes in comes out, and nothing else is let in. */
#include "node/entry.h"
#include "tests/unit/node/state_kit.h"

static void commands_come_back_in_order(void **unused)
{
    struct sw_entry_reader reader;
    struct sw_buf entry = {0};
    struct sw_author author;
    struct sw_span command;

    (void)unused;
    sw_entry_begin(&entry, 1234567);
    sw_entry_add(&entry, &administrator, sw_span_str("first"));
    sw_entry_add(&entry, &administrator, sw_span_of(NULL, 0));
    sw_entry_add(&entry, &administrator, sw_span_str("third"));
    assert_int_equal(sw_entry_count(&entry), 3);
    assert_int_equal(sw_entry_open(sw_buf_span(&entry), &reader), SW_ERR_OK);
    assert_int_equal(reader.time_ms, 1234567);
    assert_int_equal(reader.count, 3);
    assert_int_equal(sw_entry_next(&reader, &author, &command), SW_ERR_OK);
    assert_true(sw_span_equal(command, sw_span_str("first")));
    assert_int_equal(sw_entry_next(&reader, &author, &command), SW_ERR_OK);
    assert_int_equal(command.size, 0);
    assert_int_equal(sw_entry_next(&reader, &author, &command), SW_ERR_OK);
    assert_true(sw_span_equal(command, sw_span_str("third")));
    assert_int_equal(reader.left, 0);
    sw_buf_release(&entry);
}

static void layout_is_the_one_of_the_table(void **unused)
{
    static const struct sw_author author = {
        .id = {1, 2, 3}, .flags = SW_AUTHOR_NODE, .depth = 5};
    static const uint8_t expected[] = {4,    2, 1, 0, 0, 0, 0, 0, 0,   1,   0,  0, 0,
                                       0x52, 1, 2, 3, 0, 0, 0, 0, 0,   0,   0,  0, 0,
                                       0,    0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c'};
    struct sw_buf entry = {0};

    (void)unused;
    sw_entry_begin(&entry, 0x0102);
    sw_entry_add(&entry, &author, sw_span_str("abc"));
    assert_int_equal(entry.size, sizeof expected);
    assert_memory_equal(entry.data, expected, sizeof expected);
    sw_buf_release(&entry);
}

static enum sw_err read_all(struct sw_span body)
{
    struct sw_entry_reader reader;
    struct sw_author author;
    struct sw_span command;
    enum sw_err err = sw_entry_open(body, &reader);

    while (err == SW_ERR_OK && reader.left > 0) {
        err = sw_entry_next(&reader, &author, &command);
    }
    return err;
}

static void a_depth_shares_the_byte_of_the_flags(void **unused)
{
    struct sw_author author = {.id = {1}, .flags = SW_AUTHOR_LISTED, .depth = SW_DEPTH_MAX - 1};
    struct sw_entry_reader reader;
    struct sw_buf entry = {0};
    struct sw_span command;

    (void)unused;
    sw_entry_begin(&entry, 1);
    sw_entry_add(&entry, &author, sw_span_str("abc"));
    assert_int_equal(sw_entry_open(sw_buf_span(&entry), &reader), SW_ERR_OK);
    assert_int_equal(sw_entry_next(&reader, &author, &command), SW_ERR_OK);
    assert_int_equal(author.depth, SW_DEPTH_MAX - 1);
    assert_int_equal(author.flags, SW_AUTHOR_LISTED);
    entry.data[0] = SW_ENTRY_FORMAT_AUTHORS; /* which had none */
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    entry.data[0] = SW_ENTRY_FORMAT;
    entry.data[SW_ENTRY_HEADER_SIZE] = SW_DEPTH_MAX << 4;
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    sw_buf_release(&entry);
}

static void an_address_follows_the_identity(void **unused)
{
    struct sw_author author = {.id = {1}, .address = sw_span_str("10.0.0.7")};
    const size_t at = SW_ENTRY_HEADER_SIZE + 1 + 16;
    struct sw_entry_reader reader;
    struct sw_buf entry = {0};
    struct sw_span command;

    (void)unused;
    sw_entry_begin(&entry, 1);
    sw_entry_add(&entry, &author, sw_span_str("abc"));
    assert_int_equal(entry.size, SW_ENTRY_HEADER_SIZE + sw_entry_size_of(&author, 3));
    assert_int_equal(sw_entry_open(sw_buf_span(&entry), &reader), SW_ERR_OK);
    assert_int_equal(sw_entry_next(&reader, &author, &command), SW_ERR_OK);
    assert_true(sw_span_equal(author.address, sw_span_str("10.0.0.7")));
    assert_true(sw_span_equal(command, sw_span_str("abc")));
    assert_int_equal(author.flags, 0);
    for (size_t size = 0; size < entry.size; size++) {
        assert_int_equal(read_all(sw_span_of(entry.data, size)), SW_ERR_MALFORMED);
    }
    entry.data[at + 2] = '\n'; /* nothing that an audit record may have */
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    entry.data[at + 2] = '1';
    entry.data[at] = 0; /* an address that is there is not empty */
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    sw_buf_release(&entry);
}

static void every_truncation_is_malformed(void **unused)
{
    struct sw_buf entry = {0};

    (void)unused;
    sw_entry_begin(&entry, 1);
    sw_entry_add(&entry, &administrator, sw_span_str("one"));
    sw_entry_add(&entry, &administrator, sw_span_str("two"));
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_OK);
    for (size_t size = 0; size < entry.size; size++) {
        assert_int_equal(read_all(sw_span_of(entry.data, size)), SW_ERR_MALFORMED);
    }
    sw_buf_release(&entry);
}

static void bytes_behind_the_last_command_are_malformed(void **unused)
{
    struct sw_buf entry = {0};

    (void)unused;
    sw_entry_begin(&entry, 1);
    sw_entry_add(&entry, &administrator, sw_span_str("one"));
    sw_write_u8(&entry, 0);
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    sw_buf_release(&entry);
}

static void foreign_formats_and_counts_are_malformed(void **unused)
{
    struct sw_buf entry = {0};

    (void)unused;
    sw_entry_begin(&entry, 1);
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED); /* no command */
    sw_entry_add(&entry, &administrator, sw_span_str("one"));
    entry.data[0] = SW_ENTRY_FORMAT + 1;
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    entry.data[0] = 0;
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    entry.data[0] = SW_ENTRY_FORMAT;
    sw_store_u32(entry.data + 9, SW_ENTRY_COMMAND_COUNT_MAX + 1);
    assert_int_equal(read_all(sw_buf_span(&entry)), SW_ERR_MALFORMED);
    sw_buf_release(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_come_back_in_order),
        cmocka_unit_test(layout_is_the_one_of_the_table),
        cmocka_unit_test(a_depth_shares_the_byte_of_the_flags),
        cmocka_unit_test(an_address_follows_the_identity),
        cmocka_unit_test(every_truncation_is_malformed),
        cmocka_unit_test(bytes_behind_the_last_command_are_malformed),
        cmocka_unit_test(foreign_formats_and_counts_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
