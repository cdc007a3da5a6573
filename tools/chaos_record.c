/* Recorded clients. A lane is one client with at most one operation under way. */
#include "tools/chaos_record.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/prng.h"
#include "base/text.h"

enum {
    KEY_SIZE = 32,
    LANES_MAX = 1024, /* a value is count * LANES_MAX + lane */
    WRITE_PERCENT = 50,
    LAST_TRIES = 20,
    LAST_PAUSE_MS = 500,
};

static const char tenant_name[] = "chaos";
static const char space_name[] = "register";

struct lane {
    struct sw_chaos_record *record;
    struct swarm_client *client;           /* owned */
    _Atomic(struct swarm_result *) answer; /* set by the callback, taken by our thread */
    bool busy;
    bool writes;
    size_t key;
    uint64_t process, value, floor;
};

struct sw_chaos_record {
    struct sw_chaos_record_config config;
    struct swarm_pool *pool;
    struct lane *lanes; /* owned; config.clients */
    uint32_t lane_count;
    struct sw_prng prng;
    char partition[KEY_SIZE]; /* of this run alone: nobody else's values are there */
    FILE *history;            /* NULL: none */
    sem_t wake;               /* an answer, or the end */
    _Atomic bool stopping;
    pthread_t thread;
    uint64_t epoch_ns, last_line_ns, last_done_ns, next_ns, writes;
    struct sw_chaos_verdict verdict;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* --- history ---------------------------------------------------------------------------------- */

/* Line buffered: a line is out before the request that it announces. */
static void line(struct sw_chaos_record *record,
                 const struct lane *lane,
                 const char *type,
                 const char *value,
                 const char *extra)
{
    const uint64_t time_ns = now_ns() - record->epoch_ns;

    if (record->history == NULL) {
        return;
    }
    record->last_line_ns = time_ns > record->last_line_ns ? time_ns : record->last_line_ns + 1;
    (void)fprintf(record->history,
                  "{:process %" PRIu64 ", :type :%s, :f :%s, :value [%zu %s], :time %" PRIu64
                  "%s}\n",
                  lane->process,
                  type,
                  lane->writes ? "write" : "read",
                  lane->key,
                  value,
                  record->last_line_ns,
                  extra);
}

static void number_or_nil(char text[KEY_SIZE], uint64_t number)
{
    (void)snprintf(text, KEY_SIZE, number == 0 ? "nil" : "%" PRIu64, number);
}

static void line_end(struct sw_chaos_record *record,
                     struct lane *lane,
                     const struct swarm_result *result,
                     uint64_t value,
                     uint64_t mod)
{
    static const char *const types[] = {
        [SWARM_DONE] = "ok", [SWARM_NOT_DONE] = "fail", [SWARM_UNKNOWN] = "info"};
    enum swarm_outcome outcome = swarm_outcome(result->status);
    char extra[160];
    char mod_text[KEY_SIZE] = "";
    char text[KEY_SIZE];

    if (!lane->writes && outcome != SWARM_DONE) {
        outcome = result->status == SWARM_NOT_FOUND ? SWARM_DONE : SWARM_NOT_DONE;
    }
    number_or_nil(text, lane->writes ? lane->value : value);
    if (!lane->writes) {
        (void)snprintf(mod_text, sizeof mod_text, ", :mod %" PRIu64, mod);
    }
    (void)snprintf(extra,
                   sizeof extra,
                   "%s, :revision %" PRIu64 ", :node %" PRIu64 ", :term %" PRIu64,
                   mod_text,
                   result->revision,
                   result->node,
                   result->term);
    if (outcome != SWARM_DONE) {
        (void)snprintf(extra, sizeof extra, ", :error :%s", swarm_status_name(result->status));
    }
    line(record, lane, types[outcome], text, extra);
    if (outcome == SWARM_UNKNOWN) {
        lane->process += record->config.clients; /* retired: it may still be at work */
    }
}

/* --- operations ------------------------------------------------------------------------------- */

static void on_answer(void *arg, struct swarm_result *result)
{
    struct lane *lane = arg;

    atomic_store(&lane->answer, result);
    (void)sem_post(&lane->record->wake);
}

static uint64_t value_of(const struct swarm_record *stored)
{
    char text[KEY_SIZE] = "";
    uint64_t value = 0;

    if (stored->value.size < sizeof text) {
        memcpy(text, stored->value.data, stored->value.size);
    }
    return sw_text_number(text, &value) ? value : 0;
}

static void judge(struct sw_chaos_record *record, struct lane *lane, struct swarm_result *result)
{
    struct sw_chaos_verdict *verdict = &record->verdict;
    const bool read = result->status == SWARM_OK || result->status == SWARM_NOT_FOUND;
    uint64_t revision = 0;
    uint64_t value = 0;

    if (lane->writes && result->status == SWARM_OK) {
        sw_chaos_check_wrote(
            &verdict->check, lane->key, lane->floor, lane->value, result->revision);
    } else if (!lane->writes && read) {
        if (result->record_count > 0) {
            value = value_of(&result->records[0]);
            revision = result->records[0].mod_revision;
        }
        sw_chaos_check_read(&verdict->check, lane->key, lane->floor, value, revision);
    }
    line_end(record, lane, result, value, revision);
    if (result->status == SWARM_OK || (!lane->writes && read)) {
        const uint64_t done_ns = now_ns();
        const uint64_t gap_ms = (done_ns - record->last_done_ns) / 1000000;

        verdict->longest_gap_ms =
            gap_ms > verdict->longest_gap_ms ? gap_ms : verdict->longest_gap_ms;
        record->last_done_ns = done_ns;
        verdict->done++;
    } else if (lane->writes && swarm_outcome(result->status) == SWARM_UNKNOWN) {
        verdict->unknown++;
    } else {
        verdict->refused++;
    }
}

static void begin(struct sw_chaos_record *record, struct lane *lane, size_t key, bool writes)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    const size_t number = (size_t)(lane - record->lanes);
    char key_text[KEY_SIZE];
    char text[KEY_SIZE];
    enum swarm_status status;

    lane->key = key;
    lane->writes = writes;
    lane->floor = sw_chaos_check_floor(&record->verdict.check, key);
    if (writes) {
        record->writes++;
        lane->value = record->writes * LANES_MAX + number;
    }
    (void)snprintf(key_text, sizeof key_text, "k%zu", key);
    number_or_nil(text, writes ? lane->value : 0);
    request.op = writes ? SWARM_PUT : SWARM_GET;
    request.scope = (struct swarm_scope){
        .tenant = tenant_name, .name_space = space_name, .partition = record->partition};
    request.key = swarm_str(key_text);
    request.value = writes ? swarm_str(text) : (struct swarm_slice){0};
    line(record, lane, "invoke", text, "");
    status = swarm_submit(lane->client, &request, on_answer, lane, NULL, 0);
    SW_ASSERT(status == SWARM_OK || status == SWARM_BUSY); /* a valid request of an open client */
    lane->busy = status == SWARM_OK;
    if (!lane->busy) {
        line(record, lane, "fail", text, ", :error :BUSY");
        record->verdict.refused++;
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static uint32_t take_answers(struct sw_chaos_record *record)
{
    uint32_t busy = 0;

    for (uint32_t i = 0; i < record->lane_count; i++) {
        struct lane *lane = &record->lanes[i];
        struct swarm_result *result = atomic_exchange(&lane->answer, NULL);

        if (result != NULL) {
            judge(record, lane, result);
            swarm_result_free(result);
            lane->busy = false;
        }
        busy += lane->busy ? 1 : 0;
    }
    return busy;
}

static void wait_until(struct sw_chaos_record *record, uint64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000U),
                                   .tv_nsec = (long)(until_ns % 1000000000U)};

    (void)sem_clockwait(&record->wake, CLOCK_MONOTONIC, &until); /* too early does no harm */
}

/* Starts what is due on lanes that are idle; what no lane is idle for is left out. */
static void start_due(struct sw_chaos_record *record)
{
    const uint64_t gap_ns = 1000000000U / record->config.rate;

    while (record->next_ns <= now_ns()) {
        struct lane *lane = &record->lanes[sw_prng_below(&record->prng, record->lane_count)];

        record->next_ns += sw_prng_below(&record->prng, 2 * gap_ns + 1);
        if (!lane->busy) {
            const size_t key = (size_t)sw_prng_below(&record->prng, record->config.keys);

            begin(record, lane, key, sw_prng_below(&record->prng, 100) < WRITE_PERCENT);
        }
    }
}

static void finish_under_way(struct sw_chaos_record *record)
{
    while (take_answers(record) > 0) {
        wait_until(record, now_ns() + 100000000U);
    }
}

/* Every key once more; a read that is not answered is asked again. */
static void last_reads(struct sw_chaos_record *record)
{
    for (size_t key = 0; key < record->config.keys; key++) {
        struct lane *lane = &record->lanes[key % record->lane_count];
        const uint64_t done = record->verdict.done;

        for (int i = 0; i < LAST_TRIES && record->verdict.done == done; i++) {
            const struct timespec pause = {.tv_nsec = LAST_PAUSE_MS * 1000000L};

            if (i > 0) {
                (void)nanosleep(&pause, NULL);
            }
            begin(record, lane, key, false);
            finish_under_way(record);
        }
        record->verdict.unread += record->verdict.done == done ? 1 : 0;
    }
}

/* Nothing is left behind but the revisions. What cannot be deleted now stays, and harms nobody. */
static void delete_all(struct sw_chaos_record *record)
{
    for (size_t key = 0; key < record->config.keys; key++) {
        char text[KEY_SIZE];

        (void)snprintf(text, sizeof text, "k%zu", key);
        (void)swarm_delete(record->lanes[0].client,
                           (struct swarm_scope){tenant_name, space_name, record->partition},
                           swarm_str(text),
                           NULL);
    }
}

static void *run(void *arg)
{
    struct sw_chaos_record *record = arg;

    while (!atomic_load(&record->stopping)) {
        (void)take_answers(record);
        start_due(record);
        wait_until(record, record->next_ns);
    }
    finish_under_way(record);
    last_reads(record);
    delete_all(record);
    return NULL;
}

/* --- begin and end ---------------------------------------------------------------------------- */

static void release(struct sw_chaos_record *record)
{
    for (uint32_t i = 0; i < record->lane_count; i++) {
        swarm_close(record->lanes[i].client);
    }
    swarm_pool_free(record->pool);
    (void)sem_destroy(&record->wake);
    free(record->lanes);
    free(record);
}

static enum sw_err open_lanes(struct sw_chaos_record *record, char *ret_why)
{
    struct swarm_options options = record->config.options;
    enum swarm_status status = swarm_pool_new(&record->pool);

    options.pool = record->pool;
    options.flags = 0; /* whatever the command line does when a node is down: these wait */
    for (uint32_t i = 0; i < record->config.clients && status == SWARM_OK; i++) {
        record->lanes[i] = (struct lane){.record = record, .process = i};
        status = swarm_open(&options, &record->lanes[i].client, ret_why, SW_WHY_SIZE);
        record->lane_count += status == SWARM_OK ? 1 : 0;
    }
    return (enum sw_err)status;
}

static enum sw_err open_history(struct sw_chaos_record *record, char *ret_why)
{
    if (record->config.history == NULL) {
        return SW_ERR_OK;
    }
    record->history = fopen(record->config.history, "wxe"); /* never over an older one */
    if (record->history == NULL) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "cannot create %.100s: %s",
                       record->config.history,
                       strerrordesc_np(errno));
        return SW_ERR_INVALID;
    }
    (void)setvbuf(record->history, NULL, _IOLBF, 1 << 16);
    return SW_ERR_OK;
}

enum sw_err sw_chaos_record_start(const struct sw_chaos_record_config *config,
                                  struct sw_chaos_record **ret_record,
                                  char ret_why[SW_WHY_SIZE])
{
    struct sw_chaos_record *record = calloc(1, sizeof *record);
    struct timespec now;
    enum sw_err err;

    SW_ASSERT(config->clients > 0 && config->clients <= LANES_MAX);
    SW_ASSERT(config->keys > 0 && config->keys <= SW_CHAOS_KEYS_MAX);
    SW_ASSERT(record != NULL);
    record->config = *config;
    record->prng = sw_prng_of(config->seed);
    record->lanes = calloc(config->clients, sizeof *record->lanes);
    SW_ASSERT(record->lanes != NULL);
    (void)sem_init(&record->wake, 0, 0);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(record->partition,
                   sizeof record->partition,
                   "plan-%lld%09ld",
                   (long long)now.tv_sec,
                   now.tv_nsec);
    record->epoch_ns = record->next_ns = record->last_done_ns = now_ns();
    err = open_history(record, ret_why);
    if (err == SW_ERR_OK) {
        err = open_lanes(record, ret_why);
    }
    if (err == SW_ERR_OK && pthread_create(&record->thread, NULL, run, record) != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "cannot start a thread");
        err = SW_ERR_NOMEM;
    }
    if (err != SW_ERR_OK) {
        if (record->history != NULL) {
            (void)fclose(record->history);
        }
        release(record);
        return err;
    }
    *ret_record = record;
    return SW_ERR_OK;
}

bool sw_chaos_record_stop(struct sw_chaos_record *record, struct sw_chaos_verdict *ret_verdict)
{
    bool written = true;
    int joined;

    atomic_store(&record->stopping, true);
    (void)sem_post(&record->wake);
    joined = pthread_join(record->thread, NULL);
    SW_ASSERT(joined == 0);
    *ret_verdict = record->verdict;
    if (record->history != NULL) {
        written = ferror(record->history) == 0;
        written = fclose(record->history) == 0 && written;
    }
    release(record);
    return written;
}
