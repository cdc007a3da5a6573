/* Jobs for the worker, and the moment of a commit. What a job does is elsewhere: apply.c for
 * entries, query.c for reads, transfer.c for copies.
 *
 * A failure of the store ends everything: the open transaction is dropped, so the state on disk is
 * that of the last commit, later jobs execute nothing, and the loop is told to stop the process. */
#include "node/applier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/applier_private.h"
#include "node/chunk.h"
#include "node/query.h"
#include "node/query_system.h"
#include "node/rights.h"

enum { COMMIT_INTERVAL_MS_DEFAULT = 1000, COMMIT_BYTES_DEFAULT = 64 << 20, ENTRY_COST_BYTES = 64 };

/* --- the worker's side: groups, commits, failure ---------------------------------------------- */

void sw__applier_fail(struct sw_applier *applier, enum sw_err err)
{
    struct sw_store *store = applier->config.store;
    const char *why = store->why[0] != '\0' ? store->why : sw_err_text(err);

    SW_ASSERT(err != SW_ERR_OK);
    if (applier->failed) {
        return;
    }
    if (err == SW_ERR_DISK_FULL) {
        why = "no space left to execute a committed entry; the state stands at its last commit: "
              "free space or raise the map size, then restart";
    }
    snprintf(applier->why, sizeof applier->why, "%s", why);
    applier->fail_err = err;
    applier->failed = true;
    store->ops->abort(store);
}

/* The group's place, loaded from the store on first use; NULL if that failed. */
static struct sw__applier_group *group_of(struct sw_applier *applier, struct sw_group_id id)
{
    struct sw__applier_group *group;
    enum sw_err err;

    for (uint32_t i = 0; i < applier->group_count; i++) {
        if (applier->groups[i]->state.group.value == id.value) {
            return applier->groups[i];
        }
    }
    SW_ASSERT(applier->group_count < SW_GROUP_COUNT_MAX);
    applier->groups = realloc(
        applier->groups, ((size_t)applier->group_count + 1) * sizeof(struct sw__applier_group *));
    group = calloc(1, sizeof *group);
    SW_ASSERT(applier->groups != NULL);
    SW_ASSERT(group != NULL);
    sw_state_init(&group->state, id);
    if (applier->config.change_count_max > 0) {
        group->state.change_count_max = applier->config.change_count_max;
    }
    applier->groups[applier->group_count++] = group;
    err = sw_state_load(&group->state, applier->config.store);
    if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
        return NULL;
    }
    return group;
}

bool sw__applier_commit(struct sw_applier *applier)
{
    struct sw_store *store = applier->config.store;
    enum sw_err err = SW_ERR_OK;

    if (!applier->uncommitted) {
        return true;
    }
    for (uint32_t i = 0; i < applier->group_count && err == SW_ERR_OK; i++) {
        err = sw_state_save(&applier->groups[i]->state, store);
    }
    if (err == SW_ERR_OK) {
        err = store->ops->commit(store);
    }
    if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
        return false;
    }
    applier->uncommitted = false;
    applier->uncommitted_bytes = 0;
    applier->counted.commits++;
    return true;
}

static void commit_if_due(struct sw_applier *applier)
{
    if (!applier->uncommitted) {
        return;
    }
    if (applier->uncommitted_bytes >= applier->config.commit_bytes ||
        SW_BUGGIFY("applier.commit_now", 200) ||
        sw_env_now_ms(applier->config.env) - applier->uncommitted_at >=
            applier->config.commit_interval_ms) {
        if (SW_PLANTED(INDEX_NOT_SAVED)) {
            (void)applier->config.store->ops->commit(applier->config.store);
            return;
        }
        (void)sw__applier_commit(applier); /* a failure is kept in the applier */
    }
}

static void note_write(struct sw_applier *applier, size_t size)
{
    if (!applier->uncommitted) {
        applier->uncommitted = true;
        applier->uncommitted_at = sw_env_now_ms(applier->config.env);
    }
    applier->uncommitted_bytes += size + ENTRY_COST_BYTES;
}

/* --- the worker's side: jobs ------------------------------------------------------------------ */

static void
run_entry(struct sw_applier *applier, struct sw__applier_group *group, struct sw__applier_job *job)
{
    const struct sw_apply_entry entry = {
        .index = job->index, .term = job->term, .body = job->input};
    enum sw_err err;

    if (job->index <= group->state.index) {
        SW_MARK("applier.entry_skipped");
        applier->counted.skipped++;
        return;
    }
    err = sw_apply(&group->state, applier->config.store, &entry, &job->results, &job->result_count);
    if (err == SW_ERR_DISK_FULL && SW_PLANTED(FULL_STORE_SKIPS_ENTRY)) {
        group->state.index = job->index;
        return;
    }
    if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
        return;
    }
    applier->counted.entries++;
    applier->counted.commands += job->result_count;
    /* A merge writes more than it says. */
    note_write(applier,
               group->state.written > job->input.size ? group->state.written : job->input.size);
    group->state.written = 0;
    commit_if_due(applier);
}

bool sw__applier_read_allowed(struct sw_applier *applier,
                              struct sw__applier_group *group,
                              struct sw__applier_job *job)
{
    char why[SW_WHY_SIZE];
    enum sw_err err = SW_ERR_OK;

    if (sw_env_now_ms(applier->config.env) >= job->deadline_ms) {
        SW_MARK("applier.read_past_deadline");
        err = SW_ERR_DEADLINE;
    } else {
        err = sw_rights_check(&group->state.settings, &job->author, &job->request, why);
    }
    if (err != SW_ERR_OK) {
        job->reply = (struct sw_reply){.err = err, .shard = job->group};
    }
    return err == SW_ERR_OK;
}

/* Only as long as entries may wait for it: otherwise the second worker's. */
static enum sw_err
run_search(struct sw_applier *applier, struct sw__applier_group *group, struct sw__applier_job *job)
{
    enum sw_err err = SW_ERR_OK;

    if (SW_BUGGIFY("applier.search_is_long", 300)) {
        job->is_long = true;
        return SW_ERR_OK;
    }
    err = sw_query_vectors(&group->state.vectors,
                           applier->config.store,
                           &job->request,
                           SW_VECTORS_BRIEF,
                           &job->out,
                           &job->reply,
                           &job->is_long);
    job->reply.shard = job->group;
    job->reply.revision = group->state.revision;
    return err;
}

static void
run_read(struct sw_applier *applier, struct sw__applier_group *group, struct sw__applier_job *job)
{
    enum sw_err err;

    if (!sw__applier_read_allowed(applier, group, job)) {
        return;
    }
    applier->counted.reads++;
    if ((job->request.op == SW_OP_VECTOR_SEARCH || job->request.op == SW_OP_INDEX_VERIFY) &&
        applier->config.search_worker != NULL) {
        err = run_search(applier, group, job);
        if (err != SW_ERR_OK) {
            sw__applier_fail(applier, err);
        }
        return;
    }
    err =
        sw_query_is_system(&job->request)
            ? sw_query_system(
                  &group->state, applier->config.store, &job->request, &job->out, &job->reply)
            : sw_query(&group->state, applier->config.store, &job->request, &job->out, &job->reply);
    if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
    }
}

static void run_flush(struct sw_applier *applier,
                      const struct sw__applier_group *group,
                      struct sw__applier_job *job)
{
    enum sw_err err;

    if (!sw__applier_commit(applier)) {
        return;
    }
    err = SW_PLANTED(FLUSH_WITHOUT_SYNC) ? SW_ERR_OK
                                         : applier->config.store->ops->sync(applier->config.store);
    if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
        return;
    }
    job->index = group->state.index;
    job->digest = group->state.digest;
}

static void
run_export(struct sw_applier *applier, struct sw__applier_group *group, struct sw__applier_job *job)
{
    struct sw_store *store = applier->config.store;

    const size_t chunk_size = SW_BUGGIFY("applier.tiny_chunk", 300)
                                  ? (size_t)SW_CHUNK_SIZE_MIN
                                  : (size_t)SW_SNAPSHOT_CHUNK_SIZE_MAX;

    if (job->input.size == 0) {
        if (!sw__applier_commit(applier)) {
            return;
        }
        job->err = sw_export_begin(&group->export_, &group->state, store);
    }
    if (job->err == SW_ERR_OK) {
        group->export_.used_ms = sw_env_now_ms(applier->config.env);
        job->err =
            sw_export_chunk(&group->export_, store, job->group, job->input, chunk_size, &job->out);
    }
    if (job->err == SW_ERR_CORRUPT || job->err == SW_ERR_IO) {
        sw__applier_fail(applier, job->err);
    }
}

static void
run_import(struct sw_applier *applier, struct sw__applier_group *group, struct sw__applier_job *job)
{
    struct sw_import_result result = {0};
    enum sw_err err;

    if (!sw__applier_commit(applier)) {
        return;
    }
    err =
        sw_import_chunk(&group->import_, &group->state, applier->config.store, job->input, &result);
    if (err != SW_ERR_OK) {
        sw__applier_fail(applier, err);
        return;
    }
    job->err = result.err;
    job->complete = result.complete;
    job->index = result.complete ? group->state.index : 0;
    job->digest = result.complete ? group->state.digest : 0;
    sw_write_bytes(&job->out, sw_buf_span(&group->import_.cursor));
}

static void run_tick(struct sw_applier *applier)
{
    const uint64_t now_ms = sw_env_now_ms(applier->config.env);

    commit_if_due(applier);
    for (uint32_t i = 0; i < applier->group_count; i++) {
        struct sw_export *out = &applier->groups[i]->export_;

        if (out->reader != NULL && now_ms - out->used_ms >= SW_EXPORT_IDLE_MS) {
            SW_MARK("applier.export_abandoned");
            sw_export_end(out, applier->config.store);
        }
    }
}

static struct sw_applier_clock clock_of(const struct sw_state *state)
{
    return (struct sw_applier_clock){.revision = state->revision,
                                     .clock_ms = state->clock_ms,
                                     .ticks = state->ticks,
                                     .lease_due_ms =
                                         sw_state_is_due(state) ? 0 : state->lease_due_ms};
}

/* A copy for the loop if they changed since the last one, else NULL. */
static struct sw_settings *settings_of(struct sw_state *state)
{
    struct sw_settings *copy;

    if (!state->settings.changed) {
        return NULL;
    }
    copy = calloc(1, sizeof *copy);
    SW_ASSERT(copy != NULL);
    sw_settings_copy(&state->settings, copy);
    state->settings.changed = false;
    return copy;
}

static void run_on_group(struct sw_applier *applier, struct sw__applier_job *job)
{
    struct sw__applier_group *group = group_of(applier, job->group);

    if (group == NULL) {
        return;
    }
    switch (job->kind) {
    case SW__JOB_ENTRY:
        if (SW_PLANTED(LEASE_BY_OWN_CLOCK)) {
            group->state.clock_ms = sw_env_now_ms(applier->config.env);
        }
        run_entry(applier, group, job);
        break;
    case SW__JOB_READ:
        run_read(applier, group, job);
        break;
    case SW__JOB_FLUSH:
        run_flush(applier, group, job);
        break;
    case SW__JOB_EXPORT:
        run_export(applier, group, job);
        break;
    case SW__JOB_EXPORT_STOP:
        sw_export_end(&group->export_, applier->config.store);
        break;
    case SW__JOB_IMPORT:
        run_import(applier, group, job);
        break;
    case SW__JOB_VIEW_OPEN:
        sw__view_open(applier, group);
        break;
    case SW__JOB_VIEW_CLOSE:
        sw__view_close(applier);
        break;
    case SW__JOB_TICK:
        break;
    }
    job->clock = clock_of(&group->state);
    job->touched = group->state.touched;
    group->state.touched = (struct sw_touched){0};
    job->settings = settings_of(&group->state);
}

static void count_state(struct sw_applier *applier)
{
    struct sw_applier_stats *counted = &applier->counted;

    counted->sessions = 0;
    counted->sessions_expired = 0;
    counted->sessions_evicted = 0;
    counted->leases = 0;
    counted->leases_ended = 0;
    for (uint32_t i = 0; i < applier->group_count; i++) {
        const struct sw_state *state = &applier->groups[i]->state;

        counted->sessions += state->sessions.count;
        counted->sessions_expired += state->sessions_expired;
        counted->sessions_evicted += state->sessions_evicted;
        counted->leases += state->lease_count;
        counted->leases_ended += state->leases_ended;
    }
}

static void job_run(struct sw_job *base)
{
    struct sw__applier_job *job = (struct sw__applier_job *)base;
    struct sw_applier *applier = job->applier;

    if (!applier->failed && job->kind == SW__JOB_TICK) {
        run_tick(applier);
    } else if (!applier->failed) {
        run_on_group(applier, job);
    }
    if (applier->failed) {
        job->err = applier->fail_err;
        job->fatal = true;
    }
    job->complete = job->complete && job->err == SW_ERR_OK;
    count_state(applier);
    job->stats = applier->counted;
}

/* --- the loop's side -------------------------------------------------------------------------- */

static void tell_read(struct sw_applier *applier, struct sw__applier_job *job)
{
    const struct sw_applier_handler *handler = &applier->config.handler;
    const struct sw_reply refusal = {.err = job->err, .shard = job->group};

    handler->read_done(handler->arg, job->token, job->err == SW_ERR_OK ? &job->reply : &refusal);
}

static void tell_import(struct sw_applier *applier, struct sw__applier_job *job)
{
    const struct sw_applier_handler *handler = &applier->config.handler;

    handler->import_done(handler->arg,
                         job->group,
                         job->err,
                         job->complete,
                         job->index,
                         job->digest,
                         sw_buf_span(&job->out));
}

static void tell_export(struct sw_applier *applier, struct sw__applier_job *job)
{
    const struct sw_applier_handler *handler = &applier->config.handler;
    const struct sw_span chunk =
        job->err == SW_ERR_OK ? sw_buf_span(&job->out) : (struct sw_span){0};

    handler->export_done(handler->arg, job->group, job->token, job->err, chunk);
}

static void tell_entry(struct sw_applier *applier, struct sw__applier_job *job)
{
    const struct sw_applier_handler *handler = &applier->config.handler;

    if (job->err != SW_ERR_OK) {
        return; /* not executed; `fatal` says so, and an answer now would be a lie */
    }
    handler->entry_done(
        handler->arg, job->group, job->index, job->term, job->results, job->result_count);
}

static void tell(struct sw_applier *applier, struct sw__applier_job *job)
{
    const struct sw_applier_handler *handler = &applier->config.handler;

    switch (job->kind) {
    case SW__JOB_ENTRY:
        tell_entry(applier, job);
        break;
    case SW__JOB_READ:
        tell_read(applier, job);
        break;
    case SW__JOB_FLUSH:
        handler->flush_done(handler->arg, job->group, job->err, job->index, job->digest);
        break;
    case SW__JOB_EXPORT:
        tell_export(applier, job);
        break;
    case SW__JOB_IMPORT:
        tell_import(applier, job);
        break;
    case SW__JOB_EXPORT_STOP:
    case SW__JOB_VIEW_CLOSE:
        break;
    case SW__JOB_VIEW_OPEN:
        sw__view_opened(applier);
        break;
    case SW__JOB_TICK:
        applier->tick_pending = false;
        break;
    }
}

static void settings_set(struct sw__applier_group_clock *shown, struct sw_settings *settings)
{
    if (settings != NULL) {
        if (shown->settings != NULL) {
            sw_settings_release(shown->settings);
            free(shown->settings);
        }
        shown->settings = settings;
        shown->settings_version++;
    }
}

static struct sw__applier_group_clock *shown_of(struct sw_applier *applier,
                                                struct sw_group_id group)
{
    for (uint32_t i = 0; i < applier->clock_count; i++) {
        if (applier->clocks[i].group.value == group.value) {
            return &applier->clocks[i];
        }
    }
    return NULL;
}

/* Takes over what the group's clock shows now, and its settings unless they are NULL. */
static void clock_set(struct sw_applier *applier,
                      struct sw_group_id group,
                      struct sw_applier_clock clock,
                      struct sw_settings *settings)
{
    struct sw__applier_group_clock *shown = shown_of(applier, group);
    struct sw__applier_group_clock *clocks = applier->clocks;

    if (shown != NULL) {
        shown->clock = clock;
        settings_set(shown, settings);
        return;
    }
    clocks = realloc(clocks, (applier->clock_count + 1) * sizeof *clocks);
    SW_ASSERT(clocks != NULL);
    clocks[applier->clock_count] = (struct sw__applier_group_clock){.group = group, .clock = clock};
    settings_set(&clocks[applier->clock_count], settings);
    applier->clocks = clocks;
    applier->clock_count++;
}

static void job_free(struct sw__applier_job *job)
{
    if (job->settings != NULL) {
        sw_settings_release(job->settings);
        free(job->settings);
    }
    free(job->results);
    sw_buf_release(&job->out);
    free(job);
}

void sw__applier_read_over(struct sw__applier_job *job)
{
    SW_ASSERT(job->kind == SW__JOB_READ);
    SW_ASSERT(job->applier->pending > 0);
    job->applier->pending--;
    tell_read(job->applier, job);
    job_free(job);
}

static void tell_fatal(struct sw_applier *applier)
{
    if (!applier->fatal_told) {
        applier->fatal_told = true;
        applier->config.handler.fatal(applier->config.handler.arg, applier->fail_err, applier->why);
    }
}

static void job_done(struct sw_job *base)
{
    struct sw__applier_job *job = (struct sw__applier_job *)base;
    struct sw_applier *applier = job->applier;

    SW_ASSERT(applier->pending > 0);
    if (job->kind == SW__JOB_ENTRY) {
        SW_ASSERT(applier->entry_count > 0);
        SW_ASSERT(applier->entry_size >= job->input.size);
        applier->entry_count--;
        applier->entry_size -= job->input.size;
    }
    applier->stats = job->stats;
    if (!job->fatal && job->kind != SW__JOB_TICK) {
        clock_set(applier, job->group, job->clock, job->settings);
        sw_touched_merge(&shown_of(applier, job->group)->touched, &job->touched);
        job->settings = NULL;
    }
    if (job->is_long && job->err == SW_ERR_OK) {
        sw__view_wait(applier, job); /* it is not over */
        return;
    }
    applier->pending--;
    tell(applier, job);
    if (job->fatal) {
        tell_fatal(applier);
    }
    job_free(job);
}

/* A job with room for `size` bytes behind it. */
static struct sw__applier_job *job_new(struct sw_applier *applier,
                                       enum sw__applier_job_kind kind,
                                       struct sw_group_id group,
                                       size_t size)
{
    struct sw__applier_job *job = malloc(sizeof *job + size);

    SW_ASSERT(job != NULL);
    *job = (struct sw__applier_job){.job = {.run = job_run, .done = job_done},
                                    .applier = applier,
                                    .kind = kind,
                                    .group = group};
    return job;
}

static void submit(struct sw__applier_job *job)
{
    struct sw_applier *applier = job->applier;

    applier->pending++;
    sw_worker_submit(applier->config.worker, &job->job);
}

void sw__applier_submit(struct sw_applier *applier,
                        enum sw__applier_job_kind kind,
                        struct sw_group_id group)
{
    submit(job_new(applier, kind, group, 0));
}

/* Copies `bytes` to `*at` and moves that on. */
static struct sw_span copied(uint8_t **at, struct sw_span bytes)
{
    const struct sw_span copy = sw_span_of(*at, bytes.size);

    if (bytes.size > 0) {
        memcpy(*at, bytes.data, bytes.size);
        *at += bytes.size;
    }
    return copy;
}

static struct sw__applier_job *job_with_input(struct sw_applier *applier,
                                              enum sw__applier_job_kind kind,
                                              struct sw_group_id group,
                                              struct sw_span input)
{
    struct sw__applier_job *job = job_new(applier, kind, group, input.size);
    uint8_t *at = job->bytes;

    job->input = copied(&at, input);
    return job;
}

void sw_applier_entry(struct sw_applier *applier,
                      struct sw_group_id group,
                      uint64_t index,
                      uint64_t term,
                      struct sw_span body)
{
    struct sw__applier_job *job = job_with_input(applier, SW__JOB_ENTRY, group, body);

    SW_ASSERT(index > 0);
    job->index = index;
    job->term = term;
    applier->entry_count++;
    applier->entry_size += body.size;
    submit(job);
}

void sw_applier_read(struct sw_applier *applier,
                     struct sw_group_id group,
                     const struct sw_author *author,
                     const struct sw_request *request,
                     uint64_t token)
{
    const size_t size = request->tenant.size + request->name_space.size + request->partition.size +
                        request->key.size + request->end_key.size + request->value.size;
    struct sw__applier_job *job = job_new(applier, SW__JOB_READ, group, size);
    uint8_t *at = job->bytes;

    job->token = token;
    job->author = *author;
    job->request = *request;
    job->deadline_ms = request->timeout_ms == 0
                           ? UINT64_MAX
                           : sw_env_now_ms(applier->config.env) + request->timeout_ms;
    job->request.tenant = copied(&at, request->tenant);
    job->request.name_space = copied(&at, request->name_space);
    job->request.partition = copied(&at, request->partition);
    job->request.key = copied(&at, request->key);
    job->request.end_key = copied(&at, request->end_key);
    job->request.value = copied(&at, request->value);
    submit(job);
}

void sw_applier_flush(struct sw_applier *applier, struct sw_group_id group)
{
    submit(job_new(applier, SW__JOB_FLUSH, group, 0));
}

void sw_applier_export(struct sw_applier *applier,
                       struct sw_group_id group,
                       struct sw_span cursor,
                       uint64_t token)
{
    struct sw__applier_job *job = job_with_input(applier, SW__JOB_EXPORT, group, cursor);

    job->token = token;
    submit(job);
}

void sw_applier_export_stop(struct sw_applier *applier, struct sw_group_id group)
{
    submit(job_new(applier, SW__JOB_EXPORT_STOP, group, 0));
}

void sw_applier_import(struct sw_applier *applier, struct sw_group_id group, struct sw_span chunk)
{
    submit(job_with_input(applier, SW__JOB_IMPORT, group, chunk));
}

void sw_applier_tick(struct sw_applier *applier)
{
    sw__view_next(applier);
    if (!applier->tick_pending) {
        applier->tick_pending = true;
        submit(job_new(applier, SW__JOB_TICK, (struct sw_group_id){0}, 0));
    }
}

uint32_t sw_applier_pending(const struct sw_applier *applier)
{
    return applier->pending;
}

uint32_t sw_applier_entries(const struct sw_applier *applier)
{
    return applier->entry_count;
}

bool sw_applier_has_room(const struct sw_applier *applier)
{
    return applier->entry_count < SW_APPLY_ENTRY_COUNT_MAX &&
           applier->entry_size < SW_APPLY_SIZE_MAX;
}

void sw_applier_touched(struct sw_applier *applier,
                        struct sw_group_id group,
                        struct sw_touched *touched)
{
    struct sw__applier_group_clock *shown = shown_of(applier, group);

    if (shown != NULL) {
        sw_touched_merge(touched, &shown->touched);
        shown->touched = (struct sw_touched){0};
    }
}

struct sw_applier_clock sw_applier_clock(const struct sw_applier *applier, struct sw_group_id group)
{
    for (uint32_t i = 0; i < applier->clock_count; i++) {
        if (applier->clocks[i].group.value == group.value) {
            return applier->clocks[i].clock;
        }
    }
    return (struct sw_applier_clock){.lease_due_ms = UINT64_MAX};
}

const struct sw_settings *sw_applier_settings(const struct sw_applier *applier,
                                              struct sw_group_id group,
                                              uint64_t *ret_version)
{
    for (uint32_t i = 0; i < applier->clock_count; i++) {
        if (applier->clocks[i].group.value == group.value) {
            if (ret_version != NULL) {
                *ret_version = applier->clocks[i].settings_version;
            }
            return applier->clocks[i].settings;
        }
    }
    return NULL;
}

void sw_applier_stats(const struct sw_applier *applier, struct sw_applier_stats *ret_stats)
{
    *ret_stats = applier->stats;
}

/* --- start and end ---------------------------------------------------------------------------- */

/* Loads every group that the store knows, so that damage is found before anyone relies on it. */
static enum sw_err load_groups(struct sw_applier *applier)
{
    struct sw_store *store = applier->config.store;
    struct sw_store_record record;
    struct sw_meta_key meta;
    struct sw_key at = {0};
    enum sw_err err;

    err = store->ops->seek(store, SW_TABLE_META, sw_span_of(NULL, 0), false, &record);
    while (err == SW_ERR_OK) {
        /* Loading moves the walk, so the key is kept and the walk taken up behind it. */
        SW_ASSERT(record.key.size < sizeof at.data);
        memcpy(at.data, record.key.data, record.key.size);
        at.size = record.key.size;
        if (sw_key_meta_decode(sw_key_span(&at), &meta) != SW_ERR_OK) {
            return SW_ERR_CORRUPT;
        }
        if (sw_span_equal(meta.name, sw_span_str("state")) &&
            group_of(applier, meta.group) == NULL) {
            return applier->fail_err;
        }
        at.data[at.size++] = 0;
        err = store->ops->seek(store, SW_TABLE_META, sw_key_span(&at), false, &record);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw_applier_new(const struct sw_applier_config *config,
                           struct sw_applier **ret_applier,
                           char ret_why[SW_WHY_SIZE])
{
    struct sw_applier *applier = calloc(1, sizeof *applier);
    enum sw_err err;

    SW_ASSERT(applier != NULL);
    applier->config = *config;
    if (applier->config.commit_interval_ms == 0) {
        applier->config.commit_interval_ms = COMMIT_INTERVAL_MS_DEFAULT;
    }
    if (applier->config.commit_bytes == 0) {
        applier->config.commit_bytes = COMMIT_BYTES_DEFAULT;
    }
    err = sw_import_drop_leftovers(config->store);
    if (err == SW_ERR_OK) {
        err = load_groups(applier);
    }
    if (err != SW_ERR_OK) {
        const char *why = config->store->why[0] != '\0' ? config->store->why : sw_err_text(err);

        snprintf(ret_why, SW_WHY_SIZE, "%s", why);
        sw_applier_free(applier);
        return err;
    }
    count_state(applier);
    applier->stats = applier->counted;
    for (uint32_t i = 0; i < applier->group_count; i++) {
        struct sw_state *state = &applier->groups[i]->state;

        clock_set(applier, state->group, clock_of(state), settings_of(state));
    }
    *ret_applier = applier;
    return SW_ERR_OK;
}

void sw_applier_free(struct sw_applier *applier)
{
    if (applier == NULL) {
        return;
    }
    SW_ASSERT(applier->pending == 0);
    SW_ASSERT(applier->long_first == NULL);
    if (applier->view.reader != NULL) {
        applier->config.store->ops->reader_close(applier->view.reader);
    }
    sw_vectors_release(&applier->view.vectors);
    for (uint32_t i = 0; i < applier->group_count; i++) {
        struct sw__applier_group *group = applier->groups[i];

        sw_export_end(&group->export_, applier->config.store);
        sw_import_release(&group->import_);
        sw_state_release(&group->state);
        free(group);
    }
    free(applier->groups);
    for (uint32_t i = 0; i < applier->clock_count; i++) {
        if (applier->clocks[i].settings != NULL) {
            sw_settings_release(applier->clocks[i].settings);
            free(applier->clocks[i].settings);
        }
    }
    free(applier->clocks);
    /* What is not committed belongs to sessions that are gone now; the log replays it. */
    if (applier->config.store->ops->dirty(applier->config.store)) {
        applier->config.store->ops->abort(applier->config.store);
    }
    free(applier);
}

enum sw_err sw_applier_look(struct sw_applier *applier,
                            struct sw_group_id group,
                            struct sw_applied *ret_applied)
{
    const struct sw__applier_group *found = group_of(applier, group);

    if (applier->failed) { /* on the way to stop, perhaps in the middle of an entry */
        return applier->fail_err;
    }
    SW_ASSERT(found != NULL);
    *ret_applied = (struct sw_applied){.index = found->state.index,
                                       .term = found->state.term,
                                       .digest = found->state.digest,
                                       .revision = found->state.revision,
                                       .time_ms = found->state.time_ms,
                                       .clock_ms = found->state.clock_ms,
                                       .lease_due_ms = found->state.lease_due_ms};
    return SW_ERR_OK;
}

enum sw_err sw_applier_applied(struct sw_applier *applier,
                               struct sw_group_id group,
                               struct sw_applied *ret_applied)
{
    SW_ASSERT(applier->pending == 0);
    return sw_applier_look(applier, group, ret_applied);
}
