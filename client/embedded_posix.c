/* Nodes of a pool, each with the clients that use it. */
#include "client/embedded_posix.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/local_posix.h"

struct sw_embedded {
    struct sw_embedded *next;
    char *dir; /* owned; as it was named */
    struct sw_local *local;
    struct sw_embedded_user *users;
    bool failed;
    enum sw_err why;
};

struct sw_node_id sw_embedded_self(void)
{
    return sw_local_self();
}

/* ---- what the node says ---------------------------------------------------------------------- */

static void on_reply(void *arg, uint64_t conn, struct sw_span message)
{
    const struct sw_embedded *embedded = arg;

    for (struct sw_embedded_user *user = embedded->users; user != NULL; user = user->next) {
        if (user->conn == conn) {
            user->message(user->arg, sw_local_self(), message);
            return;
        }
    }
}

static void on_failed(void *arg, enum sw_err err, const char *why)
{
    struct sw_embedded *embedded = arg;

    (void)why; /* the error says it in one word; there is no log to tell more to */
    embedded->failed = true;
    embedded->why = err;
    for (struct sw_embedded_user *user = embedded->users; user != NULL; user = user->next) {
        user->state(user->arg, sw_local_self(), false, err);
    }
}

/* ---- users ----------------------------------------------------------------------------------- */

static struct sw_embedded *find(const struct sw_embeddeds *all, const char *dir)
{
    struct sw_embedded *embedded = all->first;

    while (embedded != NULL && strcmp(embedded->dir, dir) != 0) {
        embedded = embedded->next;
    }
    return embedded;
}

static enum sw_err embedded_new(struct sw_embeddeds *all,
                                const char *dir,
                                struct sw_embedded **ret_embedded,
                                char *ret_why)
{
    struct sw_embedded *embedded = calloc(1, sizeof *embedded);
    const size_t size = strlen(dir) + 1;
    const struct sw_local_config config = {.data_dir = dir,
                                           .threads = all->threads,
                                           .arg = embedded,
                                           .wake_arg = all->arg,
                                           .wake = all->wake,
                                           .reply = on_reply,
                                           .failed = on_failed};
    enum sw_err err;

    SW_ASSERT(embedded != NULL);
    err = sw_local_open(&config, &embedded->local, ret_why);
    if (err != SW_ERR_OK) {
        free(embedded);
        return err;
    }
    embedded->dir = malloc(size);
    SW_ASSERT(embedded->dir != NULL);
    memcpy(embedded->dir, dir, size);
    embedded->next = all->first;
    all->first = embedded;
    *ret_embedded = embedded;
    return SW_ERR_OK;
}

enum sw_err sw_embedded_join(struct sw_embeddeds *all,
                             const char *dir,
                             struct sw_embedded_user *user,
                             char ret_why[SW_WHY_SIZE])
{
    struct sw_embedded *embedded = find(all, dir);
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(user->embedded == NULL);
    if (embedded == NULL) {
        err = embedded_new(all, dir, &embedded, ret_why);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    user->embedded = embedded;
    user->conn = sw_local_connect(embedded->local);
    user->next = embedded->users;
    embedded->users = user;
    user->state(user->arg, sw_local_self(), !embedded->failed, embedded->why);
    return SW_ERR_OK;
}

void sw_embedded_leave(struct sw_embeddeds *all, struct sw_embedded_user *user)
{
    struct sw_embedded *embedded = user->embedded;
    struct sw_embedded_user **at;
    struct sw_embedded **place = &all->first;

    if (embedded == NULL) {
        return;
    }
    at = &embedded->users;
    while (*at != user) {
        SW_ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = user->next;
    user->embedded = NULL;
    sw_local_disconnect(embedded->local, user->conn);
    if (embedded->users != NULL) {
        return;
    }
    while (*place != embedded) {
        place = &(*place)->next;
    }
    *place = embedded->next;
    sw_local_close(embedded->local);
    free(embedded->dir);
    free(embedded);
}

enum sw_err sw_embedded_send(struct sw_embedded_user *user, struct sw_span message)
{
    return user->embedded == NULL ? SW_ERR_UNREACHABLE
                                  : sw_local_send(user->embedded->local, user->conn, message);
}

/* ---- turns ----------------------------------------------------------------------------------- */

void sw_embeddeds_turn(struct sw_embeddeds *all)
{
    for (struct sw_embedded *embedded = all->first; embedded != NULL; embedded = embedded->next) {
        if (sw_local_wait_ms(embedded->local) == 0) {
            sw_local_turn(embedded->local);
        }
    }
}

uint64_t sw_embeddeds_due_ms(const struct sw_embeddeds *all, uint64_t now_ms)
{
    uint64_t due_ms = UINT64_MAX;

    for (struct sw_embedded *embedded = all->first; embedded != NULL; embedded = embedded->next) {
        const uint64_t wait_ms = sw_local_wait_ms(embedded->local);

        if (wait_ms < due_ms - now_ms) {
            due_ms = now_ms + wait_ms;
        }
    }
    return due_ms;
}
