/* Optimistic updates by mod revision. */
#include "jepsen/workload/update.h"

/* One try. SWARM_CONFLICT asks for another. */
static void try_once(struct sw_worker *worker,
                     sw_changer change,
                     void *arg,
                     struct sw_edn *value,
                     struct sw_updated *updated)
{
    struct swarm_request request = sw_op_request(worker, SWARM_GET);
    const struct swarm_record *old = NULL;
    struct swarm_result *result = NULL;

    updated->status = sw_op_call(worker, &request, &result);
    updated->change = SW_CHANGE_NOTHING;
    if (updated->status == SWARM_OK) {
        old = &result->records[0];
    }
    if (updated->status == SWARM_OK || updated->status == SWARM_NOT_FOUND) {
        updated->replaced = old == NULL ? 0 : old->mod_revision;
        updated->status = SWARM_OK;
        sw_edn_clear(value);
        updated->change = change(arg, old, value);
    }
    swarm_result_free(result);
    if (updated->status != SWARM_OK || updated->change != SW_CHANGE_WRITE) {
        return;
    }
    request.op = SWARM_CAS;
    request.expected = updated->replaced;
    request.value = (struct swarm_slice){.data = value->data, .size = value->size};
    result = NULL;
    updated->status = sw_op_call(worker, &request, &result);
    swarm_result_free(result);
}

struct sw_updated sw_update(struct sw_worker *worker, sw_changer change, void *arg)
{
    struct sw_updated updated = {0};
    struct sw_edn value = {0};

    do {
        updated.tries++;
        try_once(worker, change, arg, &value, &updated);
    } while (updated.status == SWARM_CONFLICT && sw_op_time_left(worker));
    sw_edn_release(&value);
    return updated;
}

bool sw_update_succeeded(struct sw_worker *worker,
                         const struct sw_updated *updated,
                         const char *refused)
{
    if (updated->status != SWARM_OK) {
        /* A read that was not answered (SW_CHANGE_NOTHING) has written nothing. */
        if (updated->change == SW_CHANGE_WRITE) {
            sw_op_end_write(worker, updated->status);
        } else {
            sw_op_end_read(worker, updated->status);
        }
        return false;
    }
    if (updated->change == SW_CHANGE_REFUSED) {
        sw_op_end(worker, SW_END_FAIL, refused);
        return false;
    }
    return true;
}
