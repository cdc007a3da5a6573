/* Watchers that have nothing to be told: they wait here, and look again when something changed.
 *
 * A watch is a request like any other, answered once: with changes as soon as there are some, or
 * with none just before its deadline, which tells the client how far it is all the same. So a slow
 * watcher holds one small request and nothing else, and asks for its next page when it likes. A
 * look passes only the changes since the last one. */
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

void sw__watch_turn_end(struct sw__shard *shard)
{
    uint32_t woken = 0;

    if (shard->node->phase != SW__PHASE_RUNNING) {
        sw__list_refuse(shard->node, &shard->watching, SW_ERR_SHUTTING_DOWN, "");
    }
    if (shard->watched_revision == shard->revision) {
        return;
    }
    /* Who has looked at the present revision stands behind all who have not. */
    while (shard->watching.first != NULL && shard->watching.first->checked < shard->revision &&
           woken < WAKE_COUNT_MAX) {
        sw__queue_push(shard, sw__list_take(&shard->watching));
        woken++;
    }
    if (woken < WAKE_COUNT_MAX) {
        shard->watched_revision = shard->revision;
    }
}
