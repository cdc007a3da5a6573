/* Watchers that have nothing to be told: they wait here, and look again when something changed.
 *
 * A watch is a request like any other, answered once: with changes as soon as there are some, or
 * with none just before its deadline, which tells the client how far it is all the same. So a slow
 * watcher holds one small request and nothing else, and asks for its next page when it likes. A
 * look passes only the changes since the last one, and who watches one key does not look when
 * others were changed (node/touched.h): ten thousand of them cost a write next to nothing. */
#include <string.h>

#include "base/assert.h"
#include "node/node_private.h"

/* Watchers that look again in one turn, so that many of them do not hold up the rest. */
enum { WAKE_COUNT_MAX = 256 };

bool sw__watch_waits(struct sw__shard *shard,
                     struct sw__request *request,
                     const struct sw_reply *reply)
{
    if (request->op != SW_OP_WATCH || reply->err != SW_ERR_OK || reply->record_count > 0 ||
        shard->role != SW_ROLE_LEADER || shard->node->phase != SW__PHASE_RUNNING ||
        sw_clients_find(&shard->node->clients, request->conn) == NULL) {
        return false;
    }
    request->checked = reply->revision;
    if (reply->more || request->checked < shard->revision) {
        sw__queue_push(shard, request);
        return true;
    }
    request->place = SW__PLACE_WAITING;
    sw__list_add(&shard->watching, request);
    return true;
}

/* It would hold its place until its deadline, and clients that come and go would fill the node. */
void sw__watch_forget(struct sw__shard *shard, uint64_t conn)
{
    struct sw__request *next;

    for (struct sw__request *request = shard->watching.first; request != NULL; request = next) {
        struct sw_reply nothing = {.revision = request->checked};

        next = request->next;
        if (request->conn == conn) {
            sw__request_answer(shard->node, request, &nothing);
            sw__request_free(request);
        }
    }
}

void sw__watch_begin(struct sw__request *request, const struct sw_request *asked)
{
    const struct sw_place place = {
        .tenant = asked->tenant, .name_space = asked->name_space, .partition = asked->partition};
    const struct sw_span key = asked->key, end = asked->end_key;

    request->checked = asked->expected;
    if (key.size > 0 && end.size == key.size + 1 && end.data[key.size] == 0 &&
        memcmp(end.data, key.data, key.size) == 0) {
        request->watched = sw_touched_name(&place, key);
    }
}

/* Something that it has not looked at may be its. */
static bool concerns(const struct sw__shard *shard, const struct sw__request *request)
{
    return request->checked < shard->revision &&
           (request->watched == 0 || sw_touched_maybe(&shard->touched, request->watched));
}

void sw__watch_turn_end(struct sw__shard *shard)
{
    struct sw__request *request = shard->watching.first;
    uint32_t woken = 0;

    sw_applier_touched(shard->node->applier, shard->id, &shard->touched);
    if (shard->node->phase != SW__PHASE_RUNNING) {
        sw__list_refuse(shard->node, &shard->watching, SW_ERR_SHUTTING_DOWN, "");
    }
    if (shard->watched_revision == shard->revision) {
        return;
    }
    while (request != NULL && woken < WAKE_COUNT_MAX) {
        struct sw__request *next = request->next;

        if (concerns(shard, request)) {
            sw__list_remove(request);
            sw__queue_push(shard, request);
            woken++;
        } else {
            request->checked = shard->revision;
        }
        request = next;
    }
    if (request == NULL) {
        shard->watched_revision = shard->revision;
        shard->touched = (struct sw_touched){0};
    }
}
