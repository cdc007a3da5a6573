/* Who remembers: the agents of a partition, and the partitions of a namespace that have an index.
 */
#include "base/assert.h"
#include "node/memory_ring.h"
#include "node/query_private.h"

enum sw_err sw__memory_agents(struct sw__page *page, struct sw_store *store)
{
    const struct sw_place place = sw__page_place(page);
    struct sw_store_record stored;
    struct sw_key from;
    enum sw_err err;

    sw_memory_ring_key(&place, sw_span_of(NULL, 0), &page->prefix);
    sw_memory_ring_key(&place, page->request->key, &from);
    err = store->ops->seek(store, SW_TABLE_INDEX, sw_key_span(&from), false, &stored);
    while (err == SW_ERR_OK && sw_key_has_prefix(stored.key, sw_key_span(&page->prefix))) {
        const struct sw_span agent =
            sw_span_of(stored.key.data + page->prefix.size, stored.key.size - page->prefix.size);
        struct sw_memory_ring ring;
        struct sw_record record;

        if (sw_memory_ring_decode(stored.value, &ring) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        record = (struct sw_record){.key = agent, .version = ring.count, .lease = ring.size};
        if (!sw_span_equal(agent, page->request->key)) {
            if (sw__page_is_full(page)) {
                return SW_ERR_OK;
            }
            sw__page_add(page, &record);
        }
        err = store->ops->next(store, SW_TABLE_INDEX, false, &stored);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

void sw__index_places(struct sw__page *page, const struct sw_state *state)
{
    const struct sw_place space = sw__page_place(page);
    const struct sw_place *place;

    static_assert((int)SW_VECTORS_COUNT_MAX <= (int)SW_SCAN_COUNT_MAX, "they fit into a page");
    for (uint32_t i = 0;; i++) {
        struct sw_record record = {.version = 1};

        place = sw_vectors_place_at(&state->vectors, &space, page->request->key, i);
        if (place == NULL) {
            return;
        }
        record.key = place->partition;
        sw__page_add(page, &record);
    }
}
