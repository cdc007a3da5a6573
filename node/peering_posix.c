/* Compares, drops, dials. */
#include "node/peering_posix.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "transport/link_zmq.h"

static void
say(const struct sw_peering *peering, enum sw_err err, struct sw_node_id id, const char *what)
{
    char text[2 * SW_WHY_SIZE];

    if (peering->event != NULL) {
        (void)snprintf(text, sizeof text, "node %llu: %s", (unsigned long long)id.value, what);
        peering->event(peering->arg, err, text);
    }
}

static bool same(const struct sw_peering_peer *peer, const struct sw_node_peer *wanted)
{
    return sw_node_id_equal(peer->id, wanted->id) && strcmp(peer->address, wanted->address) == 0 &&
           memcmp(peer->key, wanted->key, sizeof peer->key) == 0;
}

static void unwatch(void *arg, int fd)
{
    sw_loop_unwatch(arg, fd);
}

static void drop(struct sw_peering *peering, uint32_t at)
{
    const struct sw_node_id id = peering->peers[at].id;
    const enum sw_err err = sw_link_zmq_remove_peer(peering->link, id, unwatch, peering->loop);

    SW_ASSERT(err == SW_ERR_OK); /* only what was added is listed */
    peering->count--;
    memmove(&peering->peers[at],
            &peering->peers[at + 1],
            (peering->count - at) * sizeof peering->peers[0]);
    say(peering, SW_ERR_OK, id, "no peer any more");
}

static enum sw_err add(struct sw_peering *peering, const struct sw_node_peer *wanted)
{
    struct sw_peering_peer *peer = &peering->peers[peering->count];
    struct sw_public_key key;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    memcpy(key.bytes, wanted->key, sizeof key.bytes);
    err = sw_link_zmq_add_peer(peering->link, wanted->id, &key, wanted->address, why);
    if (err == SW_ERR_OK) {
        err = sw_loop_watch(
            peering->loop, sw_link_zmq_peer_fd(peering->link, wanted->id), NULL, NULL);
        if (err != SW_ERR_OK) {
            (void)snprintf(why, sizeof why, "its socket cannot be watched");
            (void)sw_link_zmq_remove_peer(peering->link, wanted->id, NULL, NULL);
        }
    }
    if (err != SW_ERR_OK) {
        say(peering, err, wanted->id, why);
        return err;
    }
    peer->id = wanted->id;
    memcpy(peer->key, wanted->key, sizeof peer->key);
    (void)snprintf(peer->address, sizeof peer->address, "%s", wanted->address);
    peering->count++;
    say(peering, SW_ERR_OK, wanted->id, peer->address);
    return SW_ERR_OK;
}

static bool listed(const struct sw_peering *peering, const struct sw_node_peer *wanted)
{
    for (uint32_t i = 0; i < peering->count; i++) {
        if (same(&peering->peers[i], wanted)) {
            return true;
        }
    }
    return false;
}

enum sw_err
sw_peering_apply(struct sw_peering *peering, const struct sw_node_peer *wanted, uint32_t count)
{
    enum sw_err first = SW_ERR_OK;

    SW_ASSERT(count <= SW_NODE_COUNT_MAX);
    for (uint32_t i = peering->count; i > 0; i--) {
        bool keep = false;

        for (uint32_t j = 0; j < count; j++) {
            keep = keep || same(&peering->peers[i - 1], &wanted[j]);
        }
        if (!keep) {
            drop(peering, i - 1);
        }
    }
    for (uint32_t j = 0; j < count; j++) {
        const enum sw_err err = listed(peering, &wanted[j]) ? SW_ERR_OK : add(peering, &wanted[j]);

        first = first == SW_ERR_OK ? err : first;
    }
    return first;
}
