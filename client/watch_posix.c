/* A watch: one request after another, each from where the last one's answer ended.
 *
 * There is one request under way or none, so nothing is queued here however slow the caller is, and
 * whatever fails is simply asked again from the same revision: the position is all the state. */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "client/cause.h"
#include "client/include/swarm.h"
#include "client/pack_private.h"
#include "client/scope.h"

/* A refusal that comes faster than this was not waited for: it would come again at once. */
enum { POLL_MS = 10000, AT_ONCE_MS = 10 };

struct swarm_watch {
    struct swarm_client *client; /* borrowed */
    struct sw_scope scope;
    struct swarm_request request; /* of the next page */
    struct sw_buf question;       /* owned: of a watch by meaning, as it travels */
    uint32_t poll_ms;
    uint64_t asked_ms;
    swarm_watch_fn changed;
    void *arg;
    pthread_mutex_t lock; /* recursive: the caller may free it from its callback */
    bool asking;          /* a request is under way and will come back here */
    bool calling;         /* its answer is being told */
    bool freed;
    uint8_t key[SW_KEY_SIZE_MAX], end_key[SW_KEY_SIZE_MAX];
};

static _Thread_local uint32_t cause_depth;

uint32_t sw_cause_depth(void)
{
    return cause_depth;
}

/* Whatever the caller writes meanwhile has the deepest of these changes as its cause. */
static void tell(const struct swarm_watch *watch, const struct swarm_result *result)
{
    uint32_t deepest = 0;

    for (size_t i = 0; i < result->record_count; i++) {
        deepest = result->records[i].depth > deepest ? result->records[i].depth : deepest;
    }
    cause_depth = result->record_count > 0 ? deepest + 1 : 0;
    watch->changed(watch->arg, result);
    cause_depth = 0;
}

static void destroy(struct swarm_watch *watch)
{
    (void)pthread_mutex_destroy(&watch->lock);
    sw_buf_release(&watch->question);
    free(watch);
}

static void answered(void *arg, struct swarm_result *result);

static enum swarm_status ask(struct swarm_watch *watch, char *ret_why, size_t why_size)
{
    enum swarm_status status;

    watch->asked_ms = swarm_now_ms();
    watch->request.deadline_ms = watch->asked_ms + watch->poll_ms;
    watch->asking = true;
    status = swarm_submit(watch->client, &watch->request, answered, watch, ret_why, why_size);
    watch->asking = status == SWARM_OK;
    return status;
}

/* The swarm was not there for a while; where the watch stands it still stands. */
static bool goes_on(const struct swarm_watch *watch, enum swarm_status status)
{
    return swarm_retryable(status) && status != SWARM_CANCELLED &&
           swarm_now_ms() >= watch->asked_ms + AT_ONCE_MS;
}

/* With the lock held. */
static void take(struct swarm_watch *watch, const struct swarm_result *result)
{
    enum swarm_status status = result->status;

    watch->asking = false;
    if (status == SWARM_OK) {
        watch->request.expected = result->revision;
        tell(watch, result);
    } else if (!goes_on(watch, status)) {
        tell(watch, result);
        return;
    }
    if (watch->freed) {
        return;
    }
    status = ask(watch, NULL, 0);
    if (status != SWARM_OK) {
        const struct swarm_result ended = {.status = status, .detail = swarm_strerror(status)};

        tell(watch, &ended);
    }
}

static void answered(void *arg, struct swarm_result *result)
{
    struct swarm_watch *watch = arg;
    bool over;

    (void)pthread_mutex_lock(&watch->lock);
    if (watch->freed) {
        watch->asking = false;
    } else {
        watch->calling = true;
        take(watch, result);
        watch->calling = false;
    }
    over = watch->freed && !watch->asking;
    (void)pthread_mutex_unlock(&watch->lock);
    swarm_result_free(result);
    if (over) {
        destroy(watch);
    }
}

static void lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;

    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
}

static enum swarm_status
copy_key(uint8_t to[SW_KEY_SIZE_MAX], struct swarm_slice from, struct swarm_slice *ret_key)
{
    if (from.size > SW_KEY_SIZE_MAX) {
        return SWARM_TOO_LARGE;
    }
    if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
    *ret_key = (struct swarm_slice){.data = to, .size = from.size};
    return SWARM_OK;
}

/* Programs that were built before there was a question end before it. */
static bool knows_questions(const struct swarm_watch_options *options)
{
    return options->size == sizeof *options;
}

static enum swarm_status
fill(struct swarm_watch *watch, const struct swarm_watch_options *options, char why[SW_WHY_SIZE])
{
    enum swarm_status status = SWARM_INVALID;

    (void)snprintf(why, SW_WHY_SIZE, "options.size is not set, or a name or key is too long");
    if (knows_questions(options) || options->size == offsetof(struct swarm_watch_options, near)) {
        status = sw_scope_copy(&watch->scope, options->scope);
    }
    watch->request = SWARM_INIT(struct swarm_request);
    watch->request.op = SWARM_WATCH;
    watch->request.scope = watch->scope.scope;
    watch->request.expected = options->after;
    watch->request.flags = options->flags;
    watch->request.limit = options->limit;
    watch->poll_ms = options->poll_ms == 0 ? POLL_MS : options->poll_ms;
    if (status == SWARM_OK) {
        status = copy_key(watch->key, options->key, &watch->request.key);
    }
    if (status == SWARM_OK) {
        status = copy_key(watch->end_key, options->end_key, &watch->request.end_key);
    }
    if (status == SWARM_OK && knows_questions(options) && options->near != NULL) {
        status = (enum swarm_status)sw__pack_watch(options->near, &watch->question, why);
        watch->request.value =
            (struct swarm_slice){.data = watch->question.data, .size = watch->question.size};
    }
    return status;
}

/* The type is public. NOLINTNEXTLINE(readability-function-size) */
enum swarm_status swarm_watch_new(struct swarm_client *client,
                                  const struct swarm_watch_options *options,
                                  swarm_watch_fn changed,
                                  void *arg,
                                  struct swarm_watch **ret_watch,
                                  char *ret_why,
                                  size_t why_size)
{
    struct swarm_watch *watch = calloc(1, sizeof *watch);
    char why[SW_WHY_SIZE];
    enum swarm_status status;

    SW_ASSERT(watch != NULL);
    lock_init(&watch->lock);
    watch->client = client;
    watch->changed = changed;
    watch->arg = arg;
    status = fill(watch, options, why);
    if (status != SWARM_OK && ret_why != NULL && why_size > 0) {
        (void)snprintf(ret_why, why_size, "%s", why);
    }
    if (status == SWARM_OK) {
        (void)pthread_mutex_lock(&watch->lock); /* its answer may come before this returns */
        *ret_watch = watch;
        status = ask(watch, ret_why, why_size);
        (void)pthread_mutex_unlock(&watch->lock);
    }
    if (status != SWARM_OK) {
        *ret_watch = NULL;
        destroy(watch);
    }
    return status;
}

void swarm_watch_free(struct swarm_watch *watch)
{
    bool over;

    if (watch == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watch->lock); /* waits for a call that is under way elsewhere */
    watch->freed = true;
    over = !watch->asking && !watch->calling;
    (void)pthread_mutex_unlock(&watch->lock);
    if (over) {
        destroy(watch);
    }
}
