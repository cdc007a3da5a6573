/* Threads that keep leases alive, and the lock that is made of a key, a lease and such a thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/include/swarm.h"
#include "client/scope.h"

enum { TRY_MS = 1000, RETRY_MS = 20, POLL_MS_MIN = 10, POLL_MS_MAX = 200 };

/* ---- keepers ------------------------------------------------------------------------------- */

struct swarm_keeper {
    struct swarm_client *client; /* borrowed */
    struct sw_scope scope;
    uint64_t lease;
    uint32_t ttl_ms;
    _Atomic uint64_t alive_ms; /* the lease lives at least ttl_ms from here */
    swarm_lost lost;
    void *arg;
    _Atomic bool holds;
    pthread_t thread;
    pthread_mutex_t lock; /* of `ending` and its signal */
    pthread_cond_t signal;
    bool ending;
};

static struct timespec in_ms(uint64_t ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000 * 1000000);
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Sleeps, less if the keeper is being freed; true then. */
static bool ends_within(struct swarm_keeper *keeper, uint64_t ms)
{
    const struct timespec until = in_ms(ms);
    bool ending;
    int rc = 0;

    (void)pthread_mutex_lock(&keeper->lock);
    while (!keeper->ending && rc == 0) {
        rc = pthread_cond_timedwait(&keeper->signal, &keeper->lock, &until);
    }
    ending = keeper->ending;
    (void)pthread_mutex_unlock(&keeper->lock);
    return ending;
}

/* One keep-alive. The time counts from before it was sent: the swarm's clock was read later. */
static enum swarm_status keep_alive(struct swarm_keeper *keeper)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    const uint64_t sent_ms = swarm_now_ms();
    const uint64_t ends_ms = keeper->alive_ms + keeper->ttl_ms;
    enum swarm_status status;

    request.op = SWARM_LEASE_KEEP_ALIVE;
    request.scope = keeper->scope.scope;
    request.lease = keeper->lease;
    /* Short, as it is tried again: whoever frees the keeper waits for this call. */
    request.deadline_ms = sent_ms + TRY_MS < ends_ms ? sent_ms + TRY_MS : ends_ms;
    status = swarm_call(keeper->client, &request, NULL);
    if (status == SWARM_OK) {
        keeper->alive_ms = sent_ms;
    }
    return status;
}

static void *keep(void *arg)
{
    struct swarm_keeper *keeper = arg;
    uint64_t pause_ms = keeper->ttl_ms / 3;
    enum swarm_status status = SWARM_OK;

    while (!ends_within(keeper, pause_ms)) {
        const bool over = swarm_now_ms() >= keeper->alive_ms + keeper->ttl_ms;

        status = over ? SWARM_DEADLINE : keep_alive(keeper);
        if (status == SWARM_LEASE_GONE || over) {
            break;
        }
        pause_ms = status == SWARM_OK ? keeper->ttl_ms / 3 : RETRY_MS;
        status = SWARM_OK;
    }
    if (status != SWARM_OK) {
        atomic_store(&keeper->holds, false);
        if (keeper->lost != NULL) {
            keeper->lost(keeper->arg, status);
        }
    }
    return NULL;
}

static void signal_init(struct swarm_keeper *keeper)
{
    pthread_condattr_t attributes;

    (void)pthread_mutex_init(&keeper->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&keeper->signal, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void keeper_destroy(struct swarm_keeper *keeper)
{
    (void)pthread_cond_destroy(&keeper->signal);
    (void)pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

/* The wanted one's `alive_ms` is a time before the grant or the last keep-alive was sent. */
static enum swarm_status keeper_start(struct swarm_client *client,
                                      const struct swarm_keeper *wanted,
                                      struct swarm_scope scope,
                                      struct swarm_keeper **ret_keeper)
{
    struct swarm_keeper *keeper = calloc(1, sizeof *keeper);
    enum swarm_status status;

    SW_ASSERT(keeper != NULL);
    signal_init(keeper);
    status = sw_scope_copy(&keeper->scope, scope);
    if (status == SWARM_OK && (wanted->lease == 0 || wanted->ttl_ms < SW_LEASE_TTL_MS_MIN)) {
        status = SWARM_INVALID;
    }
    keeper->client = client;
    keeper->lease = wanted->lease;
    keeper->ttl_ms = wanted->ttl_ms;
    keeper->alive_ms = wanted->alive_ms;
    keeper->lost = wanted->lost;
    keeper->arg = wanted->arg;
    atomic_store(&keeper->holds, true);
    if (status == SWARM_OK && pthread_create(&keeper->thread, NULL, keep, keeper) != 0) {
        status = SWARM_NOMEM;
    }
    if (status != SWARM_OK) {
        keeper_destroy(keeper);
        return status;
    }
    *ret_keeper = keeper;
    return SWARM_OK;
}

/* The type is public. NOLINTNEXTLINE(readability-function-size) */
enum swarm_status swarm_keeper_new(struct swarm_client *client,
                                   struct swarm_scope scope,
                                   uint64_t lease,
                                   uint32_t ttl_ms,
                                   swarm_lost lost,
                                   void *arg,
                                   struct swarm_keeper **ret_keeper)
{
    struct swarm_keeper wanted = {.lease = lease, .ttl_ms = ttl_ms, .lost = lost, .arg = arg};
    enum swarm_status status;

    /* How old the lease is nobody knows, so its time begins anew, now. */
    wanted.alive_ms = swarm_now_ms();
    status = swarm_lease_keep_alive(client, scope, lease, NULL);
    return status == SWARM_OK ? keeper_start(client, &wanted, scope, ret_keeper) : status;
}

bool swarm_keeper_holds(const struct swarm_keeper *keeper)
{
    /* By the clock, too: after a pause of the whole process its thread may not have run yet. */
    return atomic_load(&keeper->holds) &&
           swarm_now_ms() < atomic_load(&keeper->alive_ms) + keeper->ttl_ms;
}

void swarm_keeper_free(struct swarm_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&keeper->lock);
    keeper->ending = true;
    (void)pthread_cond_signal(&keeper->signal);
    (void)pthread_mutex_unlock(&keeper->lock);
    (void)pthread_join(keeper->thread, NULL);
    keeper_destroy(keeper);
}

/* ---- locks --------------------------------------------------------------------------------- */

struct swarm_lock {
    struct swarm_client *client; /* borrowed */
    struct sw_scope scope;
    uint64_t lease;
    uint64_t revision; /* at which the key was written */
    uint32_t ttl_ms;
    struct swarm_keeper *keeper; /* owned */
};

static enum swarm_status call_until(struct swarm_client *client,
                                    struct swarm_request *request,
                                    uint64_t deadline_ms,
                                    struct swarm_result **ret_result)
{
    request->deadline_ms = deadline_ms;
    return swarm_call(client, request, ret_result);
}

static enum swarm_status grant(struct swarm_lock *lock, uint64_t deadline_ms)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_keeper wanted = {.ttl_ms = lock->ttl_ms, .alive_ms = swarm_now_ms()};
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.op = SWARM_LEASE_GRANT;
    request.scope = lock->scope.scope;
    request.limit = lock->ttl_ms;
    status = call_until(lock->client, &request, deadline_ms, &result);
    lock->lease = result->value;
    swarm_result_free(result);
    if (status == SWARM_OK) {
        wanted.lease = lock->lease;
        status = keeper_start(lock->client, &wanted, request.scope, &lock->keeper);
    }
    return status;
}

/* Takes the key if nobody has it; else SWARM_CONFLICT, and who has it goes to `ret_why`. */
static enum swarm_status take(struct swarm_lock *lock,
                              struct swarm_slice key,
                              struct swarm_slice owner,
                              uint64_t deadline_ms,
                              char ret_why[SW_WHY_SIZE])
{
    const struct swarm_compare free_now = {
        .target = SWARM_COMPARE_VERSION, .relation = SWARM_EQUAL, .key = key};
    const struct swarm_txn_op put = {
        .kind = SWARM_TXN_PUT, .key = key, .value = owner, .lease = lock->lease};
    const struct swarm_txn_op get = {.kind = SWARM_TXN_GET, .key = key};
    const struct swarm_txn txn = {.compares = &free_now,
                                  .compare_count = 1,
                                  .then_ops = &put,
                                  .then_count = 1,
                                  .else_ops = &get,
                                  .else_count = 1};
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.op = SWARM_TXN;
    request.scope = lock->scope.scope;
    request.txn = &txn;
    status = call_until(lock->client, &request, deadline_ms, &result);
    if (status == SWARM_OK) {
        lock->revision = result->records[0].create_revision;
    }
    if (status == SWARM_OK && !result->succeeded) {
        const struct swarm_record *record = &result->records[0];

        /* An earlier try of ours whose answer was lost: then it is our lease that has the key. */
        status = record->lease == lock->lease ? SWARM_OK : SWARM_CONFLICT;
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "held by %.*s",
                       (int)(record->value.size < 100 ? record->value.size : 100),
                       (const char *)record->value.data);
    } else if (status != SWARM_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%.150s", result->detail);
    }
    swarm_result_free(result);
    return status;
}

static void pause_ms(uint64_t ms)
{
    const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                   .tv_nsec = (long)(ms % 1000 * 1000000)};

    (void)nanosleep(&pause, NULL);
}

/* Tries until the key is ours, the lease is gone, or the deadline has passed. */
static enum swarm_status wait_for(struct swarm_lock *lock,
                                  struct swarm_slice key,
                                  struct swarm_slice owner,
                                  uint64_t deadline_ms,
                                  char ret_why[SW_WHY_SIZE])
{
    uint64_t pause = POLL_MS_MIN;

    for (;;) {
        const enum swarm_status status = take(lock, key, owner, deadline_ms, ret_why);

        if (status != SWARM_CONFLICT) {
            return status;
        }
        if (swarm_now_ms() + pause >= deadline_ms) {
            return SWARM_DEADLINE;
        }
        pause_ms(pause);
        pause = pause * 2 < POLL_MS_MAX ? pause * 2 : POLL_MS_MAX;
    }
}

/* The type is public. NOLINTNEXTLINE(readability-function-size) */
enum swarm_status swarm_lock(struct swarm_client *client,
                             struct swarm_scope scope,
                             struct swarm_slice key,
                             struct swarm_slice owner,
                             uint32_t ttl_ms,
                             uint64_t deadline_ms,
                             struct swarm_lock **ret_lock,
                             char *ret_why,
                             size_t why_size)
{
    struct swarm_lock *lock = calloc(1, sizeof *lock);
    char why[SW_WHY_SIZE] = "";
    enum swarm_status status;

    SW_ASSERT(lock != NULL);
    lock->client = client;
    lock->ttl_ms = ttl_ms;
    status = sw_scope_copy(&lock->scope, scope);
    if (status == SWARM_OK) {
        status = grant(lock, deadline_ms);
    }
    if (status == SWARM_OK) {
        status = wait_for(lock, key, owner, deadline_ms, why);
    }
    if (status != SWARM_OK) {
        if (ret_why != NULL && why_size > 0) {
            (void)snprintf(ret_why, why_size, "%s", why[0] == '\0' ? swarm_strerror(status) : why);
        }
        (void)swarm_unlock(lock);
        return status;
    }
    *ret_lock = lock;
    return SWARM_OK;
}

uint64_t swarm_lock_token(const struct swarm_lock *lock)
{
    return lock->lease;
}

uint64_t swarm_lock_revision(const struct swarm_lock *lock)
{
    return lock->revision;
}

bool swarm_lock_holds(const struct swarm_lock *lock)
{
    return swarm_keeper_holds(lock->keeper);
}

enum swarm_status swarm_unlock(struct swarm_lock *lock)
{
    enum swarm_status status = SWARM_OK;

    if (lock == NULL) {
        return SWARM_OK;
    }
    swarm_keeper_free(lock->keeper);
    if (lock->lease != 0) {
        status = swarm_lease_revoke(lock->client, lock->scope.scope, lock->lease, NULL);
    }
    free(lock);
    return status;
}
