/* Elections: an office is a lock whose value is what its holder proclaims. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/include/swarm.h"
#include "client/scope.h"

struct swarm_election {
    struct swarm_client *client; /* borrowed */
    struct sw_scope scope;
    struct swarm_lock *lock; /* owned */
    uint8_t key[SW_KEY_SIZE_MAX];
    size_t key_size;
};

enum swarm_status swarm_campaign(struct swarm_client *client,
                                 struct swarm_scope scope,
                                 struct swarm_slice key,
                                 struct swarm_slice value,
                                 uint32_t ttl_ms,
                                 uint64_t deadline_ms,
                                 struct swarm_election **ret_election,
                                 char *ret_why,
                                 size_t why_size)
{
    struct swarm_election *election = calloc(1, sizeof *election);
    enum swarm_status status;

    SW_ASSERT(election != NULL);
    election->client = client;
    status = sw_scope_copy(&election->scope, scope);
    if (status == SWARM_OK) {
        status = swarm_lock(
            client, scope, key, value, ttl_ms, deadline_ms, &election->lock, ret_why, why_size);
    }
    if (status != SWARM_OK) {
        free(election);
        return status;
    }
    SW_ASSERT(key.size <= sizeof election->key); /* it was written */
    memcpy(election->key, key.data, key.size);
    election->key_size = key.size;
    *ret_election = election;
    return SWARM_OK;
}

uint64_t swarm_election_token(const struct swarm_election *election)
{
    return swarm_lock_token(election->lock);
}

uint64_t swarm_election_revision(const struct swarm_election *election)
{
    return swarm_lock_revision(election->lock);
}

bool swarm_election_leads(const struct swarm_election *election)
{
    return swarm_lock_holds(election->lock);
}

enum swarm_status swarm_proclaim(struct swarm_election *election, struct swarm_slice value)
{
    const struct swarm_slice key = {.data = election->key, .size = election->key_size};
    const uint64_t token = swarm_election_token(election);
    const struct swarm_compare ours = {
        .target = SWARM_COMPARE_LEASE, .relation = SWARM_EQUAL, .key = key, .number = token};
    const struct swarm_txn_op put = {
        .kind = SWARM_TXN_PUT, .key = key, .value = value, .lease = token};
    const struct swarm_txn txn = {
        .compares = &ours, .compare_count = 1, .then_ops = &put, .then_count = 1};
    struct swarm_result *result = NULL;
    enum swarm_status status;

    status = swarm_txn(election->client, election->scope.scope, &txn, &result);
    if (status == SWARM_OK && !result->succeeded) {
        status = SWARM_LEASE_GONE;
    }
    swarm_result_free(result);
    return status;
}

enum swarm_status swarm_resign(struct swarm_election *election)
{
    enum swarm_status status;

    if (election == NULL) {
        return SWARM_OK;
    }
    status = swarm_unlock(election->lock);
    free(election);
    return status;
}
