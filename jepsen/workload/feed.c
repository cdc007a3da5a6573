/* Appends and whole reads of a partition. */
#include "jepsen/workload/feed.h"

#include <inttypes.h>
#include <string.h>

#include "jepsen/workload/must.h"
#include "jepsen/workload/value.h"

void sw_feed_append(struct sw_worker *worker, const char *f, const char *letter, uint64_t key)
{
    const uint64_t value = sw_worker_unique(worker);

    sw_op_place(worker, letter, key);
    sw_op_begin(worker, f);
    sw_op_value(worker, "[%" PRIu64 " %" PRIu64 "]", key, value);
    sw_op_write(worker, SWARM_EXPERIENCE_APPEND, value);
}

static void print_page(struct sw_edn *out, const struct swarm_result *result)
{
    for (size_t i = 0; i < result->record_count; i++) {
        uint64_t value = 0;

        if (sw_value_read(result->records[i].value, &value)) {
            sw_edn_add(out, "%" PRIu64 " ", value);
        } else {
            sw_edn_add(out, ":corrupt ");
        }
    }
}

/* Where the next page begins: behind the last record of this one. */
static void
move_on(struct swarm_request *request, const struct swarm_result *result, char key[SW_PLACE_SIZE])
{
    const struct swarm_record *record = &result->records[result->record_count - 1];

    if (request->op == SWARM_EXPERIENCE_SCAN) {
        request->expected = record->mod_revision;
        return;
    }
    sw_must(record->key.size + 1 < SW_PLACE_SIZE, "a scan found a key that nobody wrote");
    memcpy(key, record->key.data, record->key.size);
    key[record->key.size] = '\0'; /* the smallest key above it has a zero at its end */
    request->key = (struct swarm_slice){.data = key, .size = record->key.size + 1};
}

enum swarm_status
sw_feed_read_all(struct sw_worker *worker, struct swarm_request request, uint32_t *ret_pages)
{
    struct sw_edn *out = &worker->op.value;
    char key[SW_PLACE_SIZE];
    enum swarm_status status;
    bool more = true;
    uint32_t pages = 0;

    sw_edn_add(out, "[");
    do {
        struct swarm_result *result = NULL;

        status = sw_op_call(worker, &request, &result);
        if (status == SWARM_OK) {
            pages++;
            print_page(out, result);
            more = result->more && result->record_count > 0;
            if (more) {
                move_on(&request, result, key);
            }
        }
        swarm_result_free(result);
    } while (status == SWARM_OK && more);
    sw_edn_add(out, "]");
    *ret_pages = pages;
    return status;
}

bool sw_feed_read(struct sw_worker *worker, const char *f, enum swarm_op op, uint64_t key)
{
    struct swarm_request request;
    enum swarm_status status;
    uint32_t pages = 0;

    sw_op_begin(worker, f);
    sw_op_value(worker, "[%" PRIu64 " nil]", key);
    sw_op_invoke(worker);
    request = sw_op_request(worker, op);
    request.key = (struct swarm_slice){0};
    sw_op_value(worker, "[%" PRIu64 " ", key);
    status = sw_feed_read_all(worker, request, &pages);
    if (status == SWARM_OK) {
        sw_edn_add(&worker->op.value, "]");
        sw_op_extra(worker, ", :pages %" PRIu32, pages);
        sw_op_end(worker, SW_END_OK, NULL);
    } else {
        sw_op_value(worker, "[%" PRIu64 " nil]", key);
        sw_op_end_read(worker, status);
    }
    return status == SWARM_OK;
}
