/* Connections between clients and nodes: ordered, lossy, gone when a node dies. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tests/sim/clients_private.h"
#include "tests/sim/node_mode.h"

/* A message on its way between a client and a node, in either direction. */
struct letter {
    struct sim_conn *conn;
    uint64_t number;
    size_t size;
    uint8_t data[];
};

static struct letter *letter_new(struct sim_conn *conn, struct sw_span bytes)
{
    struct letter *letter = malloc(sizeof(*letter) + bytes.size);

    SW_ASSERT(letter != NULL);
    letter->conn = conn;
    letter->number = conn->number;
    letter->size = bytes.size;
    memcpy(letter->data, bytes.data, bytes.size);
    return letter;
}

static void letter_to_node(void *arg)
{
    struct letter *letter = arg;
    struct sim_conn *conn = letter->conn;
    struct sim_host *host = conn->host;

    if (!conn->cut && conn->number != 0 && conn->number == letter->number) {
        host->link_handler.client_message(host->link_handler.arg,
                                          conn->number,
                                          conn->client->key,
                                          sw_span_of(letter->data, letter->size));
    }
    free(letter);
}

static void letter_to_client(void *arg)
{
    struct letter *letter = arg;
    struct sim_conn *conn = letter->conn;

    if (!conn->cut && conn->up && conn->number == letter->number) {
        sw_core_receive(conn->client->core,
                        (struct sw_node_id){conn->host->number},
                        sw_span_of(letter->data, letter->size));
        sim_client_poke(conn->client);
    }
    free(letter);
}

static uint64_t letter_delay(struct sim_conn *conn, int direction)
{
    struct sim_world *world = conn->client->all->world;
    uint64_t delay =
        sw_prng_range(&world->prng, world->plan.delay_us_min, world->plan.delay_us_max);

    if (world->now_us + delay <= conn->last_at_us[direction]) {
        delay = conn->last_at_us[direction] + 1 - world->now_us;
    }
    conn->last_at_us[direction] = world->now_us + delay;
    return delay;
}

static bool letter_lost(struct sim_world *world)
{
    if (world->calm || !sw_prng_chance(&world->prng, world->plan.loss_permille, 1000)) {
        return false;
    }
    world->stats.lost++;
    return true;
}

enum sw_err sim_client_send(void *impl, struct sw_node_id node, struct sw_span message)
{
    struct sim_client *client = impl;
    struct sim_conn *conn = &client->conn[node.value - 1];
    struct sim_world *world = client->all->world;

    if (!conn->up) {
        return SW_ERR_UNREACHABLE;
    }
    if (!conn->host->alive || letter_lost(world)) {
        return SW_ERR_OK; /* lost without notice */
    }
    sim_after(world,
              conn->host->number,
              letter_delay(conn, 0),
              letter_to_node,
              free,
              letter_new(conn, message));
    return SW_ERR_OK;
}

static struct sim_conn *
conn_find(struct sim_clients *clients, struct sim_host *host, uint64_t number)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        struct sim_conn *conn = &clients->client[i].conn[host->number - 1];

        if (conn->number == number && number != 0) {
            return conn;
        }
    }
    return NULL;
}

enum sw_err sim_clients_reply(struct sim_host *host, uint64_t number, struct sw_span message)
{
    struct sim_conn *conn = conn_find(sim_node_clients(host->world), host, number);

    if (conn == NULL) {
        return SW_ERR_UNREACHABLE;
    }
    if (!letter_lost(host->world)) {
        sim_after(host->world,
                  0,
                  letter_delay(conn, 1),
                  letter_to_client,
                  free,
                  letter_new(conn, message));
    }
    return SW_ERR_OK;
}

static void conn_refresh(struct sim_conn *conn);

/* The node hears of it in its own time, if it lives. */
static void gone_fire(void *arg)
{
    struct letter *letter = arg;
    struct sim_host *host = letter->conn->host;

    host->link_handler.client_gone(host->link_handler.arg, letter->number);
    free(letter);
}

static void conn_close(struct sim_conn *conn)
{
    if (conn->number != 0 && conn->host->alive) {
        sim_after(conn->client->all->world,
                  conn->host->number,
                  0,
                  gone_fire,
                  free,
                  letter_new(conn, sw_span_of("", 0)));
    }
    conn->number = 0;
    conn->up = false;
    sw_core_node_state(
        conn->client->core, (struct sw_node_id){conn->host->number}, false, SW_ERR_UNREACHABLE);
}

static void conn_fire(void *arg)
{
    struct sim_conn *conn = arg;
    const bool possible = conn->host->alive && !conn->cut;

    conn->pending = false;
    if (conn->up && (!possible || conn->number == 0)) {
        conn_close(conn);
    } else if (!conn->up && possible) {
        conn->number = ++conn->client->all->next_conn;
        conn->up = true;
        sw_core_node_state(
            conn->client->core, (struct sw_node_id){conn->host->number}, true, SW_ERR_OK);
    }
    sim_client_poke(conn->client);
    conn_refresh(conn);
}

static void conn_refresh(struct sim_conn *conn)
{
    struct sim_world *world = conn->client->all->world;
    const bool possible = conn->host->alive && !conn->cut;

    if (conn->pending || (possible ? conn->up && conn->number != 0 : !conn->up)) {
        return;
    }
    conn->pending = true;
    sim_after(world, 0, sw_prng_range(&world->prng, 500, 80000), conn_fire, NULL, conn);
}

/* Clients stand somewhere too: when nodes are parted, some clients lose sight of some of them. */
void sim_clients_net_changed(struct sim_clients *clients, bool parted)
{
    struct sim_world *world = clients->world;

    for (uint32_t i = 0; i < clients->count; i++) {
        for (uint32_t j = 0; j < world->plan.nodes; j++) {
            struct sim_conn *conn = &clients->client[i].conn[j];

            conn->cut = parted && sw_prng_chance(&world->prng, 1, 3);
            conn_refresh(conn);
        }
    }
}

void sim_clients_host_changed(struct sim_clients *clients, struct sim_host *host)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        struct sim_conn *conn = &clients->client[i].conn[host->number - 1];

        conn->number = 0;
        if (!clients->world->releasing) {
            conn_refresh(conn);
        }
    }
}
