/* Any bytes as log entries: two replicas execute them, one of which commits and restarts after
 * each, and both end with the same digest. The input is cut into entries at a two-byte mark; an
 * entry that does not open as it is, is tried again as one command of an entry. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/apply.h"
#include "node/entry.h"
#include "storage/store_mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sw_group_id group = {1};
static const uint8_t mark[2] = {0xf0, 0x0f};

struct replica {
    struct sw_store *store;
    struct sw_state state;
};

static void load(struct replica *replica)
{
    enum sw_err err;

    sw_state_init(&replica->state, group);
    replica->state.sessions.count_max = 3;
    replica->state.change_count_max = 4;
    err = sw_state_load(&replica->state, replica->store);
    SW_ASSERT(err == SW_ERR_OK);
}

static void restart(struct replica *replica)
{
    enum sw_err err = sw_state_save(&replica->state, replica->store);

    SW_ASSERT(err == SW_ERR_OK);
    err = replica->store->ops->commit(replica->store);
    SW_ASSERT(err == SW_ERR_OK);
    sw_state_release(&replica->state);
    sw_store_mem_crash(replica->store, false);
    load(replica);
}

static void execute(struct replica *replica, struct sw_span body)
{
    const struct sw_apply_entry entry = {
        .index = replica->state.index + 1, .term = 1, .body = body};
    struct sw_command_result *results = NULL;
    uint32_t count = 0;
    enum sw_err err;

    err = sw_apply(&replica->state, replica->store, &entry, &results, &count);
    SW_ASSERT(err == SW_ERR_OK);
    free(results);
}

static void execute_both(struct replica *a, struct replica *b, struct sw_span bytes)
{
    struct sw_entry_reader reader;
    struct sw_buf wrapped = {0};

    if (sw_entry_open(bytes, &reader) != SW_ERR_OK && bytes.size < 4096) {
        sw_entry_begin(&wrapped, 1000 * a->state.index);
        sw_entry_add(&wrapped, &(struct sw_author){.flags = SW_AUTHOR_ADMINISTRATOR}, bytes);
        bytes = sw_buf_span(&wrapped);
    }
    execute(a, bytes);
    execute(b, bytes);
    restart(b);
    SW_ASSERT(a->state.digest == b->state.digest);
    SW_ASSERT(a->state.revision == b->state.revision);
    SW_ASSERT(a->state.sessions.count == b->state.sessions.count);
    SW_ASSERT(a->state.lease_count == b->state.lease_count);
    SW_ASSERT(a->state.lease_due_ms == b->state.lease_due_ms);
    SW_ASSERT(a->state.change_floor == b->state.change_floor);
    sw_buf_release(&wrapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct replica a = {.store = sw_store_mem_new(0, 0)};
    struct replica b = {.store = sw_store_mem_new(0, 0)};
    size_t start = 0;

    load(&a);
    load(&b);
    for (size_t at = 0; at <= size; at++) {
        if (at + 2 > size || memcmp(data + at, mark, 2) == 0) {
            const size_t end = at + 2 > size ? size : at;

            execute_both(&a, &b, sw_span_of(data + start, end - start));
            start = at + 2;
            at++;
            if (end == size) {
                break;
            }
        }
    }
    sw_state_release(&a.state);
    sw_state_release(&b.state);
    sw_store_mem_free(a.store);
    sw_store_mem_free(b.store);
    return 0;
}
