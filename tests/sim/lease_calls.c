/* The life of a client's lease, and what may be concluded from each answer. */
#include "tests/sim/lease_calls.h"

#include <inttypes.h>

#include "base/assert.h"

/* No monotonic clock runs faster than this by a fault, in percent of true time; and how long a
 * lease may outlive its time where nothing is broken. */
enum { FAST_PERCENT = 110, SLACK_US = 3000000, TTL_MS_MIN = 300, TTL_MS_MAX = 2000 };

static struct sw_span key_of(uint32_t client, uint32_t which, char name[3])
{
    name[0] = which == 0 ? 'e' : 'f';
    name[1] = (char)('0' + client);
    name[2] = '\0';
    return sw_span_str(name);
}

/* The lease surely lives at this moment: nobody may have found it, or what it holds, gone. */
static bool surely_lives(const struct sim_client *client)
{
    const struct sim_lease *lease = &client->lease;
    const struct sim_world *world = client->all->world;
    const uint64_t life_us = (uint64_t)lease->ttl_ms * 1000 * 100 / FAST_PERCENT;

    return lease->id != 0 && !lease->revoking && lease->drifts == world->stats.drifts &&
           world->now_us < lease->sent_us + life_us;
}

static void early(const struct sim_client *client, const char *what)
{
    const struct sim_lease *lease = &client->lease;
    const struct sim_world *world = client->all->world;

    sim_fail(client->all->world,
             "a lease ended early: %s, but lease %" PRIu64 " of client %u was given %u ms at "
             "%" PRIu64 " us, and it is %" PRIu64 " us",
             what,
             lease->id,
             client->number,
             lease->ttl_ms,
             lease->sent_us,
             world->now_us);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void forget(struct sim_client *client)
{
    client->lease =
        (struct sim_lease){.pending = client->lease.pending, .given_up = client->lease.given_up};
}

static void granted(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_lease *lease = &client->lease;

    if (reply->value != reply->revision) {
        sim_fail(client->all->world, "a lease is not named by the revision of its grant");
    }
    lease->id = reply->value;
    lease->sent_us = lease->call_us;
    lease->drifts = lease->call_drifts;
}

static void kept_alive(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_lease *lease = &client->lease;

    if (reply->err == SW_ERR_OK) {
        lease->sent_us = lease->call_us;
        lease->drifts = lease->call_drifts;
    } else if (reply->err == SW_ERR_LEASE_GONE) {
        if (surely_lives(client)) {
            early(client, "a keep-alive finds it gone");
        }
        forget(client);
    }
}

/* Its lease was revoked, and that was acknowledged: no key has it any more. */
static void fenced(struct sim_client *client, const struct sw_reply *reply)
{
    if (reply->err == SW_ERR_OK && reply->value == 0) {
        sim_fail(client->all->world,
                 "not fenced: client %u writes although it gave up its lease %" PRIu64,
                 client->number,
                 client->lease.given_up);
    }
}

static void put_done(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_lease *lease = &client->lease;

    if (reply->err == SW_ERR_OK) {
        lease->put = true;
    } else if (reply->err == SW_ERR_LEASE_GONE) {
        if (surely_lives(client)) {
            early(client, "a put finds it gone");
        }
        forget(client);
    }
}

/* Somebody's two keys: both or none, and with the lease that their client put them with last. */
static void looked(struct sim_client *client, const struct sw_reply *reply)
{
    struct sim_clients *clients = client->all;
    const struct sim_lease *looks = &client->lease;
    const struct sim_client *owner = &clients->client[looks->whose - 1];
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record records[2] = {{.version = 0}, {.version = 0}};

    if (reply->record_count != 2 || sw_record_decode(&in, &records[0]) != SW_ERR_OK ||
        sw_record_decode(&in, &records[1]) != SW_ERR_OK) {
        sim_fail(clients->world, "two keys are answered by %u records", reply->record_count);
        return;
    }
    if (records[0].version != records[1].version || records[0].lease != records[1].lease) {
        sim_fail(clients->world,
                 "torn: of the keys of client %u one has lease %" PRIu64 ", the other %" PRIu64,
                 looks->whose,
                 records[0].lease,
                 records[1].lease);
    }
    /* The look must have begun after the put was acknowledged, and the same lease still hold. */
    if (looks->whose_id != 0 && looks->whose_id == owner->lease.id && surely_lives(owner) &&
        records[0].lease != owner->lease.id) {
        early(owner, "its keys are not there");
    }
}

static void done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_world *world = client->all->world;
    struct sim_lease *lease = &client->lease;
    const bool ok = reply->err == SW_ERR_OK;
    const bool changed = ok && (lease->op == SW_OP_LEASE_GRANT || lease->op == SW_OP_LEASE_REVOKE ||
                                (lease->op == SW_OP_TXN && reply->value == 0));

    SW_ASSERT(lease->pending);
    lease->pending = false;
    sim_trace3(world,
               SIM_TRACE_CLIENT + client->number,
               SIM_TRACE_CLIENT_DONE,
               reply->err,
               reply->revision,
               lease->call);
    sim_history_end(&client->all->history,
                    lease->call,
                    ok ? SIM_CALL_DONE : SIM_CALL_UNKNOWN,
                    ok ? reply->revision : 0,
                    changed);
    client->all->leases_idle_us = world->now_us;
    if (lease->op == SW_OP_LEASE_GRANT && ok) {
        granted(client, reply);
    } else if (lease->op == SW_OP_LEASE_KEEP_ALIVE) {
        kept_alive(client, reply);
    } else if (lease->op == SW_OP_TXN && lease->id == 0) {
        fenced(client, reply);
    } else if (lease->op == SW_OP_TXN) {
        put_done(client, reply);
    } else if (lease->op == SW_OP_MULTI_GET && ok) {
        looked(client, reply);
    } else if (lease->op == SW_OP_LEASE_REVOKE) {
        lease->given_up = ok ? lease->id : lease->given_up;
        forget(client); /* whatever became of it */
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static void put_keys(const struct sim_client *client, struct sw_buf *out)
{
    char name[3];

    sw_txn_header_encode(0, 2, 0, out);
    for (uint32_t i = 0; i < 2; i++) {
        sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_PUT,
                                             .flags = SW_TXN_LEASE,
                                             .key = key_of(client->number, i, name),
                                             .lease = client->lease.id},
                         out);
    }
}

/* What only the holder may write. */
static void put_guarded(const struct sim_client *client, struct sw_buf *out)
{
    char name[3];
    const struct sw_span key = key_of(client->number, 0, name);

    sw_txn_header_encode(1, 1, 0, out);
    sw_compare_encode(&(struct sw_compare){.target = SW_COMPARE_LEASE,
                                           .relation = SW_RELATION_EQUAL,
                                           .key = key,
                                           .number = client->lease.given_up},
                      out);
    sw_txn_op_encode(&(struct sw_txn_op){.kind = SW_TXN_PUT, .key = key}, out);
}

static void name_keys(uint32_t whose, struct sw_buf *out)
{
    char name[3];

    for (uint32_t i = 0; i < 2; i++) {
        const struct sw_span key = key_of(whose, i, name);

        sw_keys_encode(&key, 1, out);
    }
}

static void submit(struct sim_client *client,
                   struct sw_request *request,
                   struct sw_buf *value,
                   uint32_t timeout_ms,
                   sw_core_done_fn end)
{
    const struct sim_world *world = client->all->world;
    struct sim_lease *lease = &client->lease;

    request->value = sw_buf_span(value);
    lease->pending = true;
    lease->op = request->op;
    lease->call_us = world->now_us;
    lease->call_drifts = world->stats.drifts;
    sim_client_submit(client, request, "leases", timeout_ms, end, &lease->call);
    sw_buf_release(value);
}

static void look_at(struct sim_client *client, uint32_t whose, struct sw_buf *value)
{
    const struct sim_lease *of = &client->all->client[whose - 1].lease;
    struct sim_lease *lease = &client->lease;

    lease->whose = whose;
    lease->whose_id = of->put ? of->id : 0;
    name_keys(whose, value);
}

void sim_lease_step(struct sim_client *client, uint32_t timeout_ms)
{
    struct sim_world *world = client->all->world;
    struct sim_lease *lease = &client->lease;
    struct sw_request request = {.op = SW_OP_MULTI_GET, .lease = lease->id};
    struct sw_buf value = {0};
    const uint64_t dice = sw_prng_below(&world->prng, 10);

    if (lease->pending) {
        return;
    }
    if (dice < 4) {
        request.lease = 0;
        look_at(client, 1 + (uint32_t)sw_prng_below(&world->prng, world->plan.clients), &value);
    } else if (lease->id == 0 && lease->given_up != 0 && dice < 6) {
        request.op = SW_OP_TXN;
        put_guarded(client, &value);
    } else if (lease->id == 0) {
        lease->ttl_ms = (uint32_t)sw_prng_range(&world->prng, TTL_MS_MIN, TTL_MS_MAX);
        request.op = SW_OP_LEASE_GRANT;
        request.limit = lease->ttl_ms;
    } else if (!lease->put) {
        request.op = SW_OP_TXN;
        request.lease = 0;
        put_keys(client, &value);
    } else if (dice < 9) {
        request.op = SW_OP_LEASE_KEEP_ALIVE;
    } else if (sw_prng_chance(&world->prng, 1, 2)) {
        request.op = SW_OP_LEASE_REVOKE;
        lease->revoking = true;
    } else {
        forget(client); /* it ends by itself */
        return;
    }
    submit(client, &request, &value, timeout_ms, done);
}

/* --- the end ---------------------------------------------------------------------------------- */

bool sim_leases_must_be_gone(const struct sim_clients *clients)
{
    const uint64_t since_us =
        clients->leases_idle_us > clients->term_us ? clients->leases_idle_us : clients->term_us;

    return clients->world->now_us >
           since_us + (uint64_t)TTL_MS_MAX * 1000 * FAST_PERCENT / 100 + SLACK_US;
}

static void looked_at_the_end(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    client->lease.pending = false;
    sim_history_end(&client->all->history,
                    client->lease.call,
                    reply->err == SW_ERR_OK ? SIM_CALL_DONE : SIM_CALL_UNKNOWN,
                    reply->err == SW_ERR_OK ? reply->revision : 0,
                    false);
    for (uint32_t i = 0; i < reply->record_count; i++) {
        if (sw_record_decode(&in, &record) != SW_ERR_OK || record.version != 0 ||
            client->lease.op == SW_OP_LEASE_LIST) {
            sim_fail(client->all->world,
                     "a lease outlives its time: lease %" PRIu64 " is still there, or holds keys",
                     record.lease);
            return;
        }
    }
}

void sim_lease_look(struct sim_client *client, bool keys, uint32_t timeout_ms)
{
    const struct sim_world *world = client->all->world;
    struct sw_request request = {.op = keys ? SW_OP_MULTI_GET : SW_OP_LEASE_LIST};
    struct sw_buf value = {0};

    for (uint32_t i = 1; keys && i <= world->plan.clients; i++) {
        name_keys(i, &value);
    }
    submit(client, &request, &value, timeout_ms, looked_at_the_end);
}
