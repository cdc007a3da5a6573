/* Calls of tenants and of their administrator, and what their answers may be. */
#include "tests/sim/tenant_calls.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "transport/crypto_sodium.h"
#include "transport/setting.h"

enum { ADMINISTRATOR = 0, KEY_MARK = 0xa5, CALM_CALLS = 6 };

static const char *const tenant_names[SIM_TENANT_COUNT] = {"", "ta", "tb"};
static const char marks[SIM_TENANT_COUNT] = {' ', 'A', 'B'}; /* what values begin with */

void sim_tenant_init(struct sim_client *client, uint32_t role)
{
    client->tenant = (struct sim_tenant){.role = role};
    client->key[0] = (uint8_t)(0xf0 + role);
    client->key[1] = role == ADMINISTRATOR ? 0 : KEY_MARK;
    client->all->rights[role].now = RIGHTS_NONE;
}

bool sim_tenant_allowed(void *arg, const uint8_t key[32], enum sw_op op)
{
    (void)arg;
    (void)op;
    return key[1] != KEY_MARK;
}

/* The administrator's last word. */
static bool all_have_rights(const struct sim_clients *clients)
{
    return clients->rights[1].now == RIGHTS_ALL && clients->rights[2].now == RIGHTS_ALL;
}

static bool is_enough(const struct sim_clients *clients, const struct sim_client *client)
{
    return clients->phase > PHASE_CALM ||
           (clients->phase == PHASE_CALM && client->tenant.answered >= CALM_CALLS &&
            (client->tenant.role != ADMINISTRATOR || all_have_rights(clients)));
}

bool sim_tenants_idle(const struct sim_clients *clients)
{
    for (uint32_t i = clients->world->plan.clients; i < clients->count; i++) {
        if (clients->client[i].tenant.pending || !is_enough(clients, &clients->client[i])) {
            return false;
        }
    }
    return true;
}

/* --- answers of tenants ----------------------------------------------------------------------- */

/* The answer tells something about keys, or says that a write was done. */
static bool is_served(enum sw_err err)
{
    return err == SW_ERR_OK || err == SW_ERR_NOT_FOUND || err == SW_ERR_CONFLICT ||
           err == SW_ERR_QUOTA || err == SW_ERR_RESYNC;
}

static void check_records(const struct sim_client *client, const struct sw_reply *reply)
{
    struct sw_reader in = sw_reader_of(reply->records);
    const char mark = marks[client->tenant.role];
    struct sw_record record;

    for (uint32_t i = 0; i < reply->record_count; i++) {
        if (sw_record_decode(&in, &record) != SW_ERR_OK ||
            (record.value.size > 0 && record.value.data[0] != (uint8_t)mark)) {
            sim_fail(client->all->world, "tenant %c reads what it did not write", mark);
            return;
        }
    }
}

static void tenant_done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_tenant *tenant = &client->tenant;
    struct sim_clients *clients = client->all;
    const struct sim_rights *rights = &clients->rights[tenant->role];
    const bool sure = rights->epoch == tenant->epoch; /* as when the call began */

    tenant->pending = false;
    tenant->answered += clients->world->calm && !tenant->foreign && is_served(reply->err) ? 1 : 0;
    if (tenant->foreign) {
        if (is_served(reply->err)) {
            sim_fail(clients->world,
                     "tenants are not apart: %c gets %s for a call %d about the other",
                     marks[tenant->role],
                     sw_err_name(reply->err),
                     (int)tenant->op);
        }
        return;
    }
    check_records(client, reply);
    if (sure && rights->now == RIGHTS_NONE && is_served(reply->err)) {
        sim_fail(clients->world,
                 "a right was taken, but %c gets %s for a call %d that began after that",
                 marks[tenant->role],
                 sw_err_name(reply->err),
                 (int)tenant->op);
    }
}

/* --- answers of the administrator ------------------------------------------------------------- */

static void learn(struct sim_rights *rights, int now, uint64_t revision)
{
    rights->now = now;
    rights->revision = revision;
    rights->lost = false;
    rights->epoch++;
}

static void administrator_done(void *arg, const struct sw_reply *reply)
{
    struct sim_client *client = arg;
    struct sim_tenant *tenant = &client->tenant;
    struct sim_rights *rights = &client->all->rights[tenant->whose];
    struct sw_reader in = sw_reader_of(reply->records);
    struct sw_record record;

    tenant->pending = false;
    tenant->answered += client->all->world->calm ? 1 : 0;
    if (tenant->foreign) {
        return; /* a quota: whatever came of it */
    }
    if (reply->err == SW_ERR_UNAUTHORIZED) {
        sim_fail(client->all->world, "the administrator is refused");
    } else if (tenant->op == SW_OP_GET && reply->err == SW_ERR_NOT_FOUND) {
        rights->revision = 0;
        rights->lost = false;
    } else if (tenant->op == SW_OP_GET && reply->err == SW_ERR_OK) {
        rights->lost = sw_record_decode(&in, &record) != SW_ERR_OK;
        rights->revision = rights->lost ? 0 : record.mod_revision;
    } else if (tenant->op == SW_OP_SETTING_PUT && reply->err == SW_ERR_OK) {
        learn(rights, RIGHTS_ALL, reply->revision);
    } else if (tenant->op == SW_OP_SETTING_DELETE && reply->err == SW_ERR_OK) {
        learn(rights, RIGHTS_NONE, 0);
    } else if (tenant->op != SW_OP_GET) {
        rights->lost = true; /* whether it was done or not: it looks first */
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

static void submit(struct sim_client *client,
                   struct sw_request request,
                   void (*done)(void *arg, const struct sw_reply *reply))
{
    struct sim_world *world = client->all->world;
    const struct sw_core_submission submission = {
        .request = request,
        /* A watch without news lasts nearly as long. */
        .deadline_ms =
            world->now_us / 1000 + (world->calm && request.op != SW_OP_WATCH ? 8000 : 1000),
        .done = done,
        .arg = client};
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    client->tenant.pending = true;
    client->tenant.op = request.op;
    err = sw_core_submit(client->core, &submission, NULL, why);
    if (err != SW_ERR_OK) {
        sim_fail(world, "a tenant may not submit: %s, %s", sw_err_name(err), why);
    }
    sim_client_poke(client);
}

static void tenant_call(struct sim_client *client)
{
    static const enum sw_op ops[] = {
        SW_OP_PUT, SW_OP_PUT, SW_OP_GET, SW_OP_DELETE, SW_OP_SCAN, SW_OP_WATCH};
    struct sim_tenant *tenant = &client->tenant;
    struct sw_prng *prng = &client->all->world->prng;
    const uint32_t other = 3 - tenant->role;
    uint8_t key = (uint8_t)('a' + sw_prng_below(prng, 6));
    uint8_t value[64];
    struct sw_request request = {.op = ops[sw_prng_below(prng, sizeof ops / sizeof ops[0])],
                                 .name_space = sw_span_str("n"),
                                 .partition = sw_span_str("p")};

    memset(value, marks[tenant->role], sizeof value);
    tenant->foreign = sw_prng_chance(prng, 1, 4);
    tenant->epoch = client->all->rights[tenant->role].epoch;
    request.tenant = sw_span_str(tenant_names[tenant->foreign ? other : tenant->role]);
    if (request.op != SW_OP_SCAN && request.op != SW_OP_WATCH) {
        request.key = sw_span_of(&key, 1);
    }
    if (request.op == SW_OP_PUT) {
        request.value = sw_span_of(value, sw_prng_below(prng, sizeof value));
    }
    submit(client, request, tenant_done);
}

/* "id=...\nright=rw TENANT\n" */
static struct sw_span
identity_text(const struct sim_clients *clients, uint32_t role, char text[128])
{
    const struct sim_client *client = &clients->client[clients->world->plan.clients + role];
    uint8_t id[SW_IDENTITY_ID_SIZE];
    int size = 3;

    memcpy(text, "id=", 3);
    sw_crypto_digest(
        sw_span_of(client->key, sizeof client->key), sw_span_of(NULL, 0), id, sizeof id);
    for (size_t i = 0; i < sizeof id; i++) {
        size += snprintf(text + size, 3, "%02x", (unsigned)id[i]);
    }
    size += snprintf(text + size, 64, "\nright=rw %s\n", tenant_names[role]);
    return sw_span_of(text, (size_t)size);
}

static void set_quota(struct sim_client *client)
{
    struct sw_prng *prng = &client->all->world->prng;
    struct sw_request request = {.op = SW_OP_SETTING_PUT,
                                 .partition = sw_span_str("quota"),
                                 .key = sw_span_str(tenant_names[client->tenant.whose])};
    char text[64];
    const int size = snprintf(text,
                              sizeof text,
                              "keys=%u\nbytes=%u\n",
                              (unsigned)sw_prng_below(prng, 6),
                              (unsigned)sw_prng_below(prng, 200));

    client->tenant.foreign = true;
    request.value = sw_span_of(text, (size_t)size);
    if (sw_prng_chance(prng, 1, 4)) {
        request.op = SW_OP_SETTING_DELETE;
        request.value = sw_span_of(NULL, 0);
    }
    submit(client, request, administrator_done);
}

static void look(struct sim_client *client, const struct sw_request *change)
{
    const struct sw_request request = {.op = SW_OP_GET,
                                       .tenant = sw_span_str(SW_SYSTEM_TENANT),
                                       .name_space = sw_span_str(SW_SYSTEM_SETTINGS),
                                       .partition = change->partition,
                                       .key = change->key};

    submit(client, request, administrator_done);
}

static void administrator_call(struct sim_client *client)
{
    struct sim_clients *clients = client->all;
    struct sw_prng *prng = &clients->world->prng;
    const uint32_t whose = (uint32_t)sw_prng_range(prng, 1, 2);
    struct sim_rights *rights = &clients->rights[whose];
    struct sw_request request = {.op = SW_OP_SETTING_PUT,
                                 .partition = sw_span_str("identity"),
                                 .key = sw_span_str(tenant_names[whose])};
    char text[128];

    client->tenant.whose = whose;
    client->tenant.foreign = false;
    if (sw_prng_chance(prng, 1, 3)) {
        set_quota(client);
        return;
    }
    if (rights->lost) {
        look(client, &request);
        return;
    }
    rights->now = RIGHTS_UNSURE;
    rights->epoch++;
    request.expected = rights->revision == 0 ? SW_SETTING_ABSENT : rights->revision;
    if (rights->revision != 0 && !clients->world->calm && sw_prng_chance(prng, 1, 2)) {
        request.op = SW_OP_SETTING_DELETE;
    } else {
        request.value = identity_text(clients, whose, text);
    }
    submit(client, request, administrator_done);
}

void sim_tenant_think(void *arg)
{
    struct sim_client *client = arg;
    struct sim_clients *clients = client->all;
    struct sim_world *world = clients->world;
    uint64_t pause_us = 2 * (uint64_t)world->plan.propose_us;

    if (is_enough(clients, client)) {
        return;
    }
    if (!client->tenant.pending) {
        if (client->tenant.role == ADMINISTRATOR) {
            administrator_call(client);
        } else {
            tenant_call(client);
        }
    }
    pause_us *= client->tenant.role == ADMINISTRATOR ? 5 : 1;
    sim_after(world, 0, 1 + sw_prng_below(&world->prng, pause_us), sim_tenant_think, NULL, client);
}
