/* Open-addressed table with backward-shift deletion: no tombstones, so it never needs cleaning. */
#include "node/clients.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "transport/crypto_sodium.h"

enum { CAPACITY_MIN = 64, REPLIES_KEEP_SIZE = 64 << 10 };

static uint32_t home_of(const struct sw_clients *clients, uint64_t conn)
{
    /* Multiplicative hash: connection numbers count upwards, their high bits are all alike. */
    return (uint32_t)((conn * 0x9e3779b97f4a7c15U) >> 32) & (clients->capacity - 1);
}

static void client_free(struct sw_client *client)
{
    sw_buf_release(&client->replies);
    free(client);
}

void sw_clients_release(struct sw_clients *clients)
{
    for (uint32_t i = 0; i < clients->capacity; i++) {
        if (clients->slots[i] != NULL) {
            client_free(clients->slots[i]);
        }
    }
    free(clients->slots);
    *clients = (struct sw_clients){0};
}

/* The slot of `conn`, or the free slot where it belongs. */
static uint32_t slot_of(const struct sw_clients *clients, uint64_t conn)
{
    uint32_t at = home_of(clients, conn);

    while (clients->slots[at] != NULL && clients->slots[at]->conn != conn) {
        at = (at + 1) & (clients->capacity - 1);
    }
    return at;
}

struct sw_client *sw_clients_find(const struct sw_clients *clients, uint64_t conn)
{
    return clients->capacity == 0 ? NULL : clients->slots[slot_of(clients, conn)];
}

static void grow(struct sw_clients *clients)
{
    struct sw_client **old = clients->slots;
    const uint32_t old_capacity = clients->capacity;

    clients->capacity = old_capacity == 0 ? CAPACITY_MIN : old_capacity * 2;
    clients->slots = calloc(clients->capacity, sizeof(struct sw_client *));
    SW_ASSERT(clients->slots != NULL);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i] != NULL) {
            clients->slots[slot_of(clients, old[i]->conn)] = old[i];
        }
    }
    free(old);
}

struct sw_client *sw_clients_add(struct sw_clients *clients, uint64_t conn, const uint8_t key[32])
{
    struct sw_client *client = calloc(1, sizeof *client);

    SW_ASSERT(client != NULL);
    SW_ASSERT(sw_clients_find(clients, conn) == NULL);
    client->conn = conn;
    memcpy(client->key, key, sizeof client->key);
    sw_crypto_digest(sw_span_of(key, 32), sw_span_of(NULL, 0), client->id, sizeof client->id);
    if (2 * (clients->count + 1) > clients->capacity) {
        grow(clients);
    }
    clients->slots[slot_of(clients, conn)] = client;
    clients->count++;
    return client;
}

static void dirty_remove(struct sw_clients *clients, struct sw_client *client)
{
    struct sw_client *before = NULL;

    SW_ASSERT(client != NULL);
    if (!client->dirty) {
        return;
    }
    for (struct sw_client *at = clients->dirty_first; at != client; at = at->next) {
        SW_ASSERT(at != NULL);
        before = at;
    }
    if (before == NULL) {
        clients->dirty_first = client->next;
    } else {
        before->next = client->next;
    }
    if (clients->dirty_last == client) {
        clients->dirty_last = before;
    }
}

void sw_clients_remove(struct sw_clients *clients, uint64_t conn)
{
    const uint32_t mask = clients->capacity - 1;
    uint32_t hole;

    if (sw_clients_find(clients, conn) == NULL) {
        return;
    }
    hole = slot_of(clients, conn);
    dirty_remove(clients, clients->slots[hole]);
    client_free(clients->slots[hole]);
    clients->slots[hole] = NULL;
    clients->count--;
    /* Whoever was pushed past the hole by it moves back, else a later search stops at the hole. */
    for (uint32_t at = (hole + 1) & mask; clients->slots[at] != NULL; at = (at + 1) & mask) {
        const uint32_t home = home_of(clients, clients->slots[at]->conn);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            clients->slots[hole] = clients->slots[at];
            clients->slots[at] = NULL;
            hole = at;
        }
    }
}

static void send_replies(struct sw_link *link, struct sw_client *client)
{
    if (client->replies.size > 0) {
        /* UNREACHABLE: the client left meanwhile; there is nobody to tell. */
        (void)link->ops->reply(link, client->conn, sw_buf_span(&client->replies));
    }
    if (client->replies.capacity > REPLIES_KEEP_SIZE) {
        sw_buf_release(&client->replies); /* one large scan must not cost memory for ever */
    }
    sw_buf_clear(&client->replies);
}

void sw_clients_reply(struct sw_clients *clients,
                      struct sw_link *link,
                      struct sw_client *client,
                      struct sw_span reply)
{
    SW_ASSERT(reply.size <= SW_MESSAGE_SIZE_MAX);
    if (client->replies.size + reply.size > SW_MESSAGE_SIZE_MAX) {
        send_replies(link, client);
    }
    sw_write_bytes(&client->replies, reply);
    if (client->dirty) {
        return;
    }
    client->dirty = true;
    client->next = NULL;
    if (clients->dirty_last == NULL) {
        clients->dirty_first = client;
    } else {
        clients->dirty_last->next = client;
    }
    clients->dirty_last = client;
}

void sw_clients_flush(struct sw_clients *clients, struct sw_link *link)
{
    while (clients->dirty_first != NULL) {
        struct sw_client *client = clients->dirty_first;

        clients->dirty_first = client->next;
        client->dirty = false;
        send_replies(link, client);
    }
    clients->dirty_last = NULL;
}
