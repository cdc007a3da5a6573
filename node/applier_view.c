/* Long searches: a second worker answers them from a view of the store, while entries go on.
 *
 * The searches that wait share one view. To open it costs a commit, since a view shows what is
 * committed only; so it is opened once for all that came while the last one was in use, and only
 * then. A search was submitted before its view is opened, so it sees every write acknowledged
 * before it was asked. The pages of a view are kept until it is closed: SW_VIEW_SEARCH_COUNT_MAX
 * and SW_SEARCH_SCAN_MAX bound how long that is. The commits of views take no more than a fifth of
 * the applier's time: entries come first, and searches that are long wait a little longer.
 *
 *     applier's worker:  brief search ... VIEW_OPEN ......................... VIEW_CLOSE
 *     loop:                        \ wait /        \                        / answers
 *     search worker:                                searches, one by one --- */
#include <stdio.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/applier_private.h"
#include "node/query.h"

/* After a commit for a view, so many times as long without another. */
enum { REST_FACTOR = 4 };

/* --- the applier's worker --------------------------------------------------------------------- */

static bool commit_for_view(struct sw_applier *applier)
{
    const uint64_t start_ms = sw_env_now_ms(applier->config.env);
    uint64_t end_ms;

    if (!applier->uncommitted || SW_PLANTED(VIEW_WITHOUT_COMMIT)) {
        return true;
    }
    if (!sw__applier_commit(applier)) {
        return false;
    }
    end_ms = sw_env_now_ms(applier->config.env);
    applier->view.rest_until_ms = end_ms + REST_FACTOR * (end_ms - start_ms);
    return true;
}

void sw__view_open(struct sw_applier *applier, struct sw__applier_group *group)
{
    struct sw_store *store = applier->config.store;
    struct sw__view *view = &applier->view;
    enum sw_err err;

    SW_ASSERT(view->reader == NULL);
    SW_ASSERT(view->searches != NULL);
    for (struct sw__applier_job *job = view->searches; job != NULL; job = job->later) {
        job->is_long = sw__applier_read_allowed(applier, group, job);
    }
    if (!commit_for_view(applier)) {
        return;
    }
    view->revision = group->state.revision;
    err = store->ops->reader_open(store, &view->reader);
    if (err == SW_ERR_BUSY) { /* copies of the state have all of them */
        SW_MARK("applier.no_view");
        for (struct sw__applier_job *job = view->searches; job != NULL; job = job->later) {
            if (job->is_long) {
                job->reply = (struct sw_reply){.err = SW_ERR_BUSY, .shard = job->group};
                job->is_long = false;
            }
        }
    } else if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
    }
}

void sw__view_close(struct sw_applier *applier)
{
    struct sw__view *view = &applier->view;

    applier->config.store->ops->reader_close(view->reader); /* accepts NULL */
    view->reader = NULL;
    if (view->err != SW_ERR_OK) {
        (void)snprintf(applier->config.store->why, SW_WHY_SIZE, "%s", view->why);
        sw__applier_fail(applier, view->err);
    }
}

/* --- the second worker ------------------------------------------------------------------------ */

static enum sw_err
search(struct sw__view *view, struct sw_store *store, struct sw__applier_job *job)
{
    bool unfinished = false;
    enum sw_err err;

    if (sw_env_now_ms(view->applier->config.env) >= job->deadline_ms) {
        SW_MARK("applier.search_past_deadline");
        job->reply = (struct sw_reply){.err = SW_ERR_DEADLINE, .shard = job->group};
        return SW_ERR_OK;
    }
    err = sw_query_vectors(
        &view->vectors, store, &job->request, SW_VECTORS_FULL, &job->out, &job->reply, &unfinished);
    job->reply.shard = view->group;
    job->reply.revision = view->revision;
    return err;
}

static void view_run(struct sw_job *base)
{
    struct sw__view *view = (struct sw__view *)base;
    struct sw_store *store = view->applier->config.store->ops->reader_store(view->reader);

    SW_MARK("applier.view_searched");
    if (view->vectors_group.value != view->group.value) {
        sw_vectors_release(&view->vectors);
        view->vectors_group = view->group;
    }
    view->err = sw_vectors_follow(&view->vectors, store, view->group);
    for (struct sw__applier_job *job = view->searches; job != NULL; job = job->later) {
        if (view->err == SW_ERR_OK && job->is_long) {
            view->err = search(view, store, job);
        }
    }
    if (view->err != SW_ERR_OK) {
        (void)snprintf(view->why, sizeof view->why, "%s", store->why);
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

/* All of a list are over: those that have no answer get `err`. */
static void answer_all(struct sw__applier_job *first, enum sw_err err)
{
    while (first != NULL) {
        struct sw__applier_job *job = first;

        first = job->later;
        if (job->is_long) {
            job->err = err;
        }
        sw__applier_read_over(job);
    }
}

/* Moves what waits into the next view, but only searches of one group. */
static void take_waiting(struct sw_applier *applier)
{
    struct sw__view *view = &applier->view;
    struct sw__applier_job **end = &view->searches;
    struct sw__applier_job **at = &applier->long_first;

    view->group = applier->long_first->group;
    applier->long_last = NULL;
    for (uint32_t count = 0; *at != NULL;) {
        struct sw__applier_job *job = *at;

        if (count == SW_VIEW_SEARCH_COUNT_MAX || job->group.value != view->group.value) {
            applier->long_last = job;
            at = &job->later;
            continue;
        }
        *at = job->later;
        job->later = NULL;
        *end = job;
        end = &job->later;
        count++;
    }
}

void sw__view_next(struct sw_applier *applier)
{
    if (applier->view_busy || applier->long_first == NULL ||
        sw_env_now_ms(applier->config.env) < applier->view.rest_until_ms) {
        return; /* the next tick comes by again */
    }
    applier->view_busy = true;
    take_waiting(applier);
    sw__applier_submit(applier, SW__JOB_VIEW_OPEN, applier->view.group);
}

/* The reader is closed before the next view is opened: both are jobs of one worker. */
static void view_over(struct sw_applier *applier, enum sw_err err)
{
    struct sw__view *view = &applier->view;
    struct sw__applier_job *searches = view->searches;

    view->searches = NULL;
    if (view->reader != NULL && !applier->searches_ended) {
        sw__applier_submit(applier, SW__JOB_VIEW_CLOSE, view->group);
    }
    applier->view_busy = false;
    answer_all(searches, err);
    sw__view_next(applier);
}

static void view_done(struct sw_job *base)
{
    struct sw__view *view = (struct sw__view *)base;

    for (struct sw__applier_job *job = view->searches; job != NULL; job = job->later) {
        job->is_long = job->is_long && view->err != SW_ERR_OK;
    }
    view_over(view->applier, view->err);
}

void sw__view_opened(struct sw_applier *applier)
{
    struct sw__view *view = &applier->view;

    if (view->reader == NULL || applier->searches_ended) {
        view_over(applier, applier->searches_ended ? SW_ERR_SHUTTING_DOWN : applier->fail_err);
        return;
    }
    view->applier = applier;
    view->job = (struct sw_job){.run = view_run, .done = view_done};
    sw_worker_submit(applier->config.search_worker, &view->job);
}

void sw__view_wait(struct sw_applier *applier, struct sw__applier_job *search)
{
    const struct sw_applier_handler *handler = &applier->config.handler;

    search->later = NULL;
    if (applier->searches_ended) {
        answer_all(search, SW_ERR_SHUTTING_DOWN);
        return;
    }
    if (applier->long_last == NULL) {
        applier->long_first = search;
    } else {
        applier->long_last->later = search;
    }
    applier->long_last = search;
    if (handler->read_moved != NULL) {
        handler->read_moved(handler->arg, search->token);
    }
    sw__view_next(applier);
}

void sw_applier_end_searches(struct sw_applier *applier)
{
    struct sw__applier_job *waiting = applier->long_first;

    applier->searches_ended = true;
    applier->long_first = NULL;
    applier->long_last = NULL;
    answer_all(waiting, SW_ERR_SHUTTING_DOWN);
}

bool sw_applier_searching(const struct sw_applier *applier)
{
    return applier->view_busy;
}
