/* The check of an index: a sound one passes in as many parts as it takes, whatever happens in
 * between; each broken record is named. */
#include "index/block.h"
#include "node/query_private.h"
#include "node/vectors_private.h"
#include "tests/unit/node/vector_kit.h"
#include "transport/index_check.h"

enum { ENTRIES = 300, PARTS_MAX = 100 };

static struct sw_buf records, next;
static struct sw_reply reply;

static struct sw_request verify(struct sw_span from)
{
    struct sw_request request = kit_request(SW_OP_INDEX_VERIFY);

    request.key = sw_span_str("facts");
    request.value = from;
    return request;
}

static bool says(const char *what)
{
    char text[1024];

    assert_true(reply.detail.size < sizeof text);
    memcpy(text, reply.detail.data, reply.detail.size);
    text[reply.detail.size] = '\0';
    return strstr(text, what) != NULL;
}

/* One part; false: it was the last. */
static bool part(struct kit *kit)
{
    const struct sw_request request = verify(sw_buf_span(&next));
    struct sw_record record;
    struct sw_reader in;

    assert_int_equal(sw_query(&kit->state, kit->store, &request, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_OK);
    sw_buf_clear(&next);
    if (!reply.more) {
        assert_int_equal(reply.record_count, 0);
        return false;
    }
    in = sw_reader_of(reply.records);
    assert_int_equal(sw_record_decode(&in, &record), SW_ERR_OK);
    sw_write_bytes(&next, record.value);
    return true;
}

static uint32_t check(struct kit *kit)
{
    uint32_t parts = 1;

    sw_buf_clear(&next);
    while (part(kit)) {
        parts++;
        assert_true(parts < PARTS_MAX);
    }
    return parts;
}

static void put(struct kit *kit, uint64_t number)
{
    const struct kit_vector vector = kit_vector_of(number);
    const struct sw_vector_item item = kit_item("facts", &vector, "content");
    char key[24];

    (void)snprintf(key, sizeof key, "k%llu", (unsigned long long)number);
    (void)kit_run(kit, 1, kit_vector_put(key, &item));
}

static struct kit filled(void)
{
    struct kit kit = kit_open();

    (void)kit_run(&kit, 1, kit_index_create("facts", KIT_DIM));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        put(&kit, i);
    }
    return kit;
}

static struct sw_vectors_index *index_of(const struct kit *kit)
{
    assert_int_equal(kit->state.vectors.count, 1);
    return kit->state.vectors.all[0];
}

static void a_sound_index_passes(void **state)
{
    struct kit kit = kit_open();
    struct sw_request request = verify(sw_span_of(NULL, 0));

    (void)state;
    assert_int_equal(sw_query(&kit.state, kit.store, &request, &records, &reply), SW_ERR_OK);
    assert_int_equal(reply.err, SW_ERR_NO_INDEX);
    kit_close(&kit);
    kit = filled();
    assert_int_equal(check(&kit), 4); /* its stages, a part each */
    assert_true(says("\"done\":true,\"still\":true,\"entries\":\"300\",\"places\":\"300\","
                     "\"keys\":\"300\",\"records\":\"300\""));
    assert_true(says("\"fault\":\"\""));
    (void)kit_run(&kit, 1, kit_index_create("other", KIT_DIM)); /* its neighbour is not looked at */
    (void)check(&kit);
    assert_true(says("\"keys\":\"300\""));
    assert_true(says("\"fault\":\"\""));
    kit_close(&kit);
}

static void an_index_may_change_between_parts(void **state)
{
    struct kit kit = filled();

    (void)state;
    sw_buf_clear(&next);
    for (uint64_t i = ENTRIES; part(&kit); i++) {
        put(&kit, i);
        put(&kit, i - ENTRIES);
    }
    assert_true(says("\"done\":true,\"still\":false"));
    assert_true(says("\"fault\":\"\""));
    kit_close(&kit);
}

/* Breaks the record, has it named, and mends it. */
static void
broken(struct kit *kit, const struct sw_key *key, struct sw_span bytes, const char *name)
{
    struct sw_store *store = kit->store;
    struct sw_buf before = {0};
    struct sw_span value;

    assert_int_equal(store->ops->get(store, SW_TABLE_INDEX, sw_key_span(key), &value), SW_ERR_OK);
    sw_write_bytes(&before, value);
    if (bytes.size == 0) {
        assert_int_equal(store->ops->del(store, SW_TABLE_INDEX, sw_key_span(key)), SW_ERR_OK);
    } else {
        assert_int_equal(store->ops->put(store, SW_TABLE_INDEX, sw_key_span(key), bytes),
                         SW_ERR_OK);
    }
    (void)check(kit);
    if (!says(name) || says("\"done\":true")) {
        fail_msg(
            "%s is not in %.*s", name, (int)reply.detail.size, (const char *)reply.detail.data);
    }
    assert_int_equal(store->ops->put(store, SW_TABLE_INDEX, sw_key_span(key), sw_buf_span(&before)),
                     SW_ERR_OK);
    (void)check(kit);
    assert_true(says("\"fault\":\"\""));
    sw_buf_release(&before);
}

/* The first record of the library of this kind; what is in it is its business. */
static struct sw_key library_key(struct kit *kit, uint8_t kind)
{
    struct sw_store_record record;
    struct sw_key key;

    sw_key_index(sw_place_slot(&index_of(kit)->place),
                 SW_INDEX_LIBRARY,
                 index_of(kit)->number,
                 sw_span_of(&kind, 1),
                 &key);
    assert_int_equal(
        kit->store->ops->seek(kit->store, SW_TABLE_INDEX, sw_key_span(&key), false, &record),
        SW_ERR_OK);
    assert_true(sw_key_has_prefix(record.key, sw_key_span(&key)));
    memcpy(key.data, record.key.data, record.key.size);
    key.size = record.key.size;
    return key;
}

static void each_broken_record_is_named(void **state)
{
    enum { KIND_PLACE = 9, KIND_CODES = 10 };
    struct kit kit = filled();
    const struct sw_vectors_index *index = index_of(&kit);
    static uint8_t block[1 << 16];
    struct sw_span value;
    struct sw_key key;
    uint64_t id = 0;

    (void)state;
    (void)check(&kit); /* all is in the store */
    assert_int_equal(sw_vectors_id_of(index, kit.store, sw_span_str("k7"), &id), SW_ERR_OK);
    sw_vectors_entry_key(index, id, &key);
    broken(&kit, &key, sw_span_of(NULL, 0), "there is no key of entry"); /* without a record */
    broken(&kit, &key, sw_span_str("nothing"), "there is no entry of key k7");
    sw_vectors_id_key(index, sw_span_str("k8"), &key);
    broken(&kit, &key, sw_span_of(NULL, 0), "there is no key of entry");
    broken(&kit, &key, sw_span_str("12345678"), "there is no entry of key k8");
    key = library_key(&kit, KIND_PLACE);
    broken(&kit, &key, sw_span_of(NULL, 0), "the place of entry");
    key = library_key(&kit, KIND_CODES);
    broken(&kit, &key, sw_span_of(NULL, 0), "the count of bucket");
    assert_int_equal(kit.store->ops->get(kit.store, SW_TABLE_INDEX, sw_key_span(&key), &value),
                     SW_ERR_OK);
    memcpy(block, value.data, value.size);
    block[SW__BLOCK_HEADER_SIZE + SW__BLOCK_LANES * 8] ^= 1; /* a bit of the first code */
    broken(&kit, &key, sw_span_of(block, value.size), "the code of entry");
    sw_key_kv(&index->place, sw_span_str("k9"), &key);
    assert_int_equal(kit.store->ops->del(kit.store, SW_TABLE_KV, sw_key_span(&key)), SW_ERR_OK);
    (void)check(&kit);
    assert_true(says("an entry is kept of what is no key k9"));
    kit_close(&kit);
}

static int release(void **state)
{
    (void)state;
    sw_buf_release(&records);
    sw_buf_release(&next);
    sw_buf_release(&kit_value);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_index_passes),
        cmocka_unit_test(an_index_may_change_between_parts),
        cmocka_unit_test(each_broken_record_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, release);
}
