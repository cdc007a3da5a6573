/* Answers for a loop of somebody else: they wait in a list, and a descriptor says that there are
 * any.
 *
 * The descriptor is an eventfd that is written when the list stops being empty and read when it is
 * again, both under the lock: so it is readable if and only if something waits. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "client/include/swarm.h"

struct note {
    struct note *next;
    struct swarm_inbox *inbox; /* borrowed: it lives until its last note has come */
    struct swarm_result *result;
    void *arg;
};

struct swarm_inbox {
    pthread_mutex_t lock; /* of everything below */
    struct note *first;
    struct note **last; /* where the next one is hung */
    size_t awaited;     /* submitted, and not in the list yet */
    int fd;
    bool freed;
};

enum swarm_status swarm_inbox_new(struct swarm_inbox **ret_inbox)
{
    struct swarm_inbox *inbox = calloc(1, sizeof *inbox);

    SW_ASSERT(inbox != NULL);
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->fd < 0) {
        free(inbox);
        return SWARM_NOMEM;
    }
    (void)pthread_mutex_init(&inbox->lock, NULL);
    inbox->last = &inbox->first;
    *ret_inbox = inbox;
    return SWARM_OK;
}

int swarm_inbox_fd(const struct swarm_inbox *inbox)
{
    return inbox->fd;
}

static void destroy(struct swarm_inbox *inbox)
{
    SW_ASSERT(inbox->first == NULL);
    (void)close(inbox->fd);
    (void)pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

static void set_readable(const struct swarm_inbox *inbox, bool readable)
{
    uint64_t count = 1;
    ssize_t size;

    do {
        size = readable ? write(inbox->fd, &count, sizeof count)
                        : read(inbox->fd, &count, sizeof count);
    } while (size < 0 && errno == EINTR);
    SW_ASSERT(size == (ssize_t)sizeof count); /* it was the other way round before */
}

/* On the client's thread. */
static void arrived(void *arg, struct swarm_result *result)
{
    struct note *note = arg;
    struct swarm_inbox *inbox = note->inbox;
    bool over;

    (void)pthread_mutex_lock(&inbox->lock);
    SW_ASSERT(inbox->awaited > 0);
    inbox->awaited--;
    over = inbox->freed && inbox->awaited == 0;
    if (inbox->freed) {
        swarm_result_free(result);
        free(note);
    } else {
        if (inbox->first == NULL) {
            set_readable(inbox, true);
        }
        note->result = result;
        *inbox->last = note;
        inbox->last = &note->next;
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    if (over) {
        destroy(inbox);
    }
}

static void await(struct swarm_inbox *inbox, bool more)
{
    (void)pthread_mutex_lock(&inbox->lock);
    SW_ASSERT(!inbox->freed);
    inbox->awaited = more ? inbox->awaited + 1 : inbox->awaited - 1;
    (void)pthread_mutex_unlock(&inbox->lock);
}

enum swarm_status swarm_inbox_submit(struct swarm_inbox *inbox,
                                     struct swarm_client *client,
                                     const struct swarm_request *request,
                                     void *arg,
                                     char *ret_why,
                                     size_t why_size)
{
    struct note *note = calloc(1, sizeof *note);
    enum swarm_status status;

    SW_ASSERT(note != NULL);
    note->inbox = inbox;
    note->arg = arg;
    await(inbox, true);
    status = swarm_submit(client, request, arrived, note, ret_why, why_size);
    if (status != SWARM_OK) {
        await(inbox, false);
        free(note);
    }
    return status;
}

struct swarm_result *swarm_inbox_take(struct swarm_inbox *inbox, void **ret_arg)
{
    struct swarm_result *result = NULL;
    struct note *note;

    (void)pthread_mutex_lock(&inbox->lock);
    note = inbox->first;
    if (note != NULL) {
        inbox->first = note->next;
        if (inbox->first == NULL) {
            inbox->last = &inbox->first;
            set_readable(inbox, false);
        }
        result = note->result;
        *ret_arg = note->arg;
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    free(note);
    return result;
}

void swarm_inbox_free(struct swarm_inbox *inbox)
{
    bool over;

    if (inbox == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&inbox->lock);
    inbox->freed = true;
    over = inbox->awaited == 0;
    while (inbox->first != NULL) {
        struct note *note = inbox->first;

        inbox->first = note->next;
        swarm_result_free(note->result);
        free(note);
    }
    (void)pthread_mutex_unlock(&inbox->lock);
    if (over) {
        destroy(inbox);
    }
}
