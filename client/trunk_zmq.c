/* Many clients on one connection: who gets which reply, and who is told what. */
#include "client/trunk_zmq.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/rw.h"
#include "client/core.h"
#include "transport/proto.h"

struct sw_trunk {
    struct sw_trunk *next, *previous;
    struct sw_client_node node;
    struct sw_swarm_id swarm;
    struct sw_keypair *keys; /* owned secret memory */
    uint32_t dial_timeout_ms;
    struct sw_conn *conn; /* owned */
    struct sw_link_stats stats;
    struct sw_trunk_user *users;
    struct sw_trunk_user **by_tag; /* owned; holes are NULL */
    uint32_t tag_count;            /* of by_tag */
    uint32_t unanswered;           /* requests under way, as the node counts them */
    bool told;                     /* `up` and `why` hold what was said last */
    bool up;
    enum sw_err why;
    bool dirty;
};

/* ---- replies -------------------------------------------------------------------------------- */

static struct sw_trunk_user *user_of(const struct sw_trunk *trunk, uint64_t id)
{
    const uint32_t tag = sw_core_tag_of(id);

    return tag < trunk->tag_count ? trunk->by_tag[tag] : NULL;
}

static void answered(struct sw_trunk *trunk)
{
    if (trunk->unanswered > 0) {
        trunk->unanswered--;
    }
}

/* Replies to one client that stand beside each other are handed over together. */
static void on_message(void *arg, struct sw_node_id node, struct sw_span message)
{
    struct sw_trunk *trunk = arg;
    struct sw_trunk_user *user = NULL;
    size_t from = 0, to = 0;

    while (to < message.size) {
        const struct sw_span rest = sw_span_of(message.data + to, message.size - to);
        struct sw_trunk_user *next;
        uint64_t id;
        size_t size;

        if (sw_reply_peek(rest, &size, &id) != SW_ERR_OK) {
            break; /* whoever's reply it was waits for its timeout */
        }
        answered(trunk);
        next = user_of(trunk, id);
        if (next != user && user != NULL) {
            user->message(user->arg, node, sw_span_of(message.data + from, to - from));
        }
        from = next == user ? from : to;
        user = next;
        to += size;
    }
    if (user != NULL) {
        user->message(user->arg, node, sw_span_of(message.data + from, to - from));
    }
}

static void on_state(void *arg, struct sw_node_id node, bool up, enum sw_err why)
{
    struct sw_trunk *trunk = arg;

    trunk->told = true;
    trunk->up = up;
    trunk->why = why;
    trunk->unanswered = 0; /* of another session: the node no longer counts them */
    for (struct sw_trunk_user *user = trunk->users; user != NULL; user = user->next) {
        user->state(user->arg, node, up, why);
    }
}

/* ---- users ---------------------------------------------------------------------------------- */

static bool fits(const struct sw_trunk *trunk, const struct sw_trunk_config *config)
{
    return memcmp(&trunk->swarm, &config->swarm, sizeof trunk->swarm) == 0 &&
           sw_node_id_equal(trunk->node.id, config->node.id) &&
           strcmp(trunk->node.address, config->node.address) == 0 &&
           memcmp(trunk->node.public_key, config->node.public_key, sizeof trunk->node.public_key) ==
               0 &&
           sw_public_key_equal(&trunk->keys->public_key, &config->keys->public_key) &&
           trunk->dial_timeout_ms == config->dial_timeout_ms;
}

static void trunk_free(struct sw_trunk *trunk, uint64_t now_ms)
{
    SW_ASSERT(trunk->users == NULL);
    sw_conn_free(trunk->conn, now_ms);
    sw_secret_free(trunk->keys);
    free(trunk->by_tag);
    free(trunk);
}

static enum sw_err trunk_new(struct sw_trunks *trunks,
                             const struct sw_trunk_config *config,
                             struct sw_trunk **ret_trunk)
{
    struct sw_trunk *trunk = calloc(1, sizeof *trunk);
    enum sw_err err;

    SW_ASSERT(trunk != NULL);
    trunk->node = config->node;
    trunk->swarm = config->swarm;
    trunk->dial_timeout_ms = config->dial_timeout_ms;
    trunk->keys = sw_secret_new(sizeof *trunk->keys);
    *trunk->keys = *config->keys;
    trunk->dirty = true;
    err = sw_conn_new(&(struct sw_conn_config){.context = config->context,
                                               .node = trunk->node,
                                               .swarm = trunk->swarm,
                                               .keys = trunk->keys,
                                               .stats = &trunk->stats,
                                               .seed = config->seed,
                                               .dial_timeout_ms = config->dial_timeout_ms,
                                               .arg = trunk,
                                               .message = on_message,
                                               .state = on_state},
                      &trunk->conn);
    if (err == SW_ERR_OK) {
        err = trunks->opened(trunks->arg, trunk);
    }
    if (err != SW_ERR_OK) {
        trunk_free(trunk, 0);
        return err;
    }
    trunk->next = trunks->first;
    if (trunks->first != NULL) {
        trunks->first->previous = trunk;
    }
    trunks->first = trunk;
    *ret_trunk = trunk;
    return SW_ERR_OK;
}

static void make_room(struct sw_trunk *trunk, uint32_t tag)
{
    uint32_t count = trunk->tag_count == 0 ? 1 : trunk->tag_count;

    SW_ASSERT(tag < SW_CORE_TAG_COUNT);
    while (count <= tag) {
        count *= 2;
    }
    if (count > trunk->tag_count) {
        trunk->by_tag = realloc(trunk->by_tag, count * sizeof(struct sw_trunk_user *));
        SW_ASSERT(trunk->by_tag != NULL);
        memset(trunk->by_tag + trunk->tag_count,
               0,
               (count - trunk->tag_count) * sizeof(struct sw_trunk_user *));
        trunk->tag_count = count;
    }
}

enum sw_err sw_trunk_join(struct sw_trunks *trunks,
                          const struct sw_trunk_config *config,
                          struct sw_trunk_user *user)
{
    struct sw_trunk *trunk = trunks->first;

    SW_ASSERT(user->trunk == NULL);
    while (trunk != NULL && !fits(trunk, config)) {
        trunk = trunk->next;
    }
    if (trunk == NULL) {
        const enum sw_err err = trunk_new(trunks, config, &trunk);

        if (err != SW_ERR_OK) {
            return err;
        }
    }
    make_room(trunk, user->tag);
    SW_ASSERT(trunk->by_tag[user->tag] == NULL);
    trunk->by_tag[user->tag] = user;
    user->trunk = trunk;
    user->previous = NULL;
    user->next = trunk->users;
    if (trunk->users != NULL) {
        trunk->users->previous = user;
    }
    trunk->users = user;
    if (trunk->told) {
        user->state(user->arg, trunk->node.id, trunk->up, trunk->why);
    }
    return SW_ERR_OK;
}

static void unlink_user(struct sw_trunk *trunk, struct sw_trunk_user *user)
{
    if (user->previous == NULL) {
        trunk->users = user->next;
    } else {
        user->previous->next = user->next;
    }
    if (user->next != NULL) {
        user->next->previous = user->previous;
    }
    trunk->by_tag[user->tag] = NULL;
    user->trunk = NULL;
}

void sw_trunk_leave(struct sw_trunks *trunks, struct sw_trunk_user *user, uint64_t now_ms)
{
    struct sw_trunk *trunk = user->trunk;

    if (trunk == NULL) {
        return;
    }
    unlink_user(trunk, user);
    if (trunk->users != NULL) {
        return;
    }
    if (trunk->previous == NULL) {
        trunks->first = trunk->next;
    } else {
        trunk->previous->next = trunk->next;
    }
    if (trunk->next != NULL) {
        trunk->next->previous = trunk->previous;
    }
    trunks->closing(trunks->arg, trunk);
    trunk_free(trunk, now_ms);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Our own message: a blob a request. */
static uint32_t count_of(struct sw_span message)
{
    struct sw_reader in = sw_reader_of(message);
    uint32_t count = 0;

    while (sw_reader_left(&in) > 0) {
        (void)sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
        count++;
    }
    SW_ASSERT(!in.failed);
    return count;
}

enum sw_err sw_trunk_send(struct sw_trunk_user *user, struct sw_span message)
{
    struct sw_trunk *trunk = user->trunk;
    const uint32_t count = count_of(message);
    enum sw_err err;

    if (trunk == NULL) {
        return SW_ERR_UNREACHABLE;
    }
    if (trunk->unanswered + count > SW_CLIENT_IN_FLIGHT_MAX) {
        return SW_ERR_BUSY;
    }
    err = sw_conn_send(trunk->conn, message);
    if (err == SW_ERR_OK) {
        trunk->unanswered += count;
    }
    return err;
}

/* ---- turns ---------------------------------------------------------------------------------- */

struct sw_trunk *sw_trunk_next(const struct sw_trunk *trunk)
{
    return trunk->next;
}

struct sw_conn *sw_trunk_conn(struct sw_trunk *trunk)
{
    return trunk->conn;
}

void sw_trunk_poll(struct sw_trunk *trunk, uint64_t now_ms)
{
    trunk->dirty = false;
    (void)sw_conn_poll(trunk->conn, now_ms);
}

/* Any call may have swallowed an edge: whoever was used is asked once more, after the flush. */
bool sw_trunk_flush(struct sw_trunk *trunk, uint64_t now_ms)
{
    sw_conn_flush(trunk->conn, now_ms);
    trunk->dirty = trunk->dirty || sw_conn_readable(trunk->conn);
    return trunk->dirty;
}

bool sw_trunk_due(const struct sw_trunk *trunk, uint64_t now_ms)
{
    return trunk->dirty || sw_conn_next_ms(trunk->conn) <= now_ms;
}

void sw_trunk_wake(struct sw_trunk *trunk)
{
    trunk->dirty = true;
}
