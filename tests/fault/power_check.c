/* Whether a directory keeps what its node promised. */
#include "tests/fault/power_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <raft.h>

#include "base/assert.h"
#include "node/apply.h"
#include "node/identity_posix.h"
#include "storage/disk_posix.h"
#include "storage/store_lmdb.h"
#include "storage/store_mem.h"
#include "storage/wal_engine.h"
#include "tests/fault/power_mark.h"
#include "tests/fault/power_world.h"

enum { INDEX_MAX = 4096, MAP_SIZE = 16 << 20, SEGMENT_SIZE = 16 << 10 };

static const struct sw_swarm_id swarm = {{7}};
static const struct sw_group_id group_1 = {1};

/* A mark where it stands in the journal. */
struct mark {
    size_t at;
    struct power_mark mark;
    struct sw_span body; /* view into the journal */
};

struct power_truth {
    const struct power_script *script;
    struct mark *marks; /* owned */
    size_t mark_count;
    struct sw_wal_entry entries[INDEX_MAX]; /* by index; bodies are views into the journal */
    uint64_t digests[INDEX_MAX];            /* of the state behind each */
    uint64_t last;
};

static bool say(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool say(char *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, POWER_WHY_SIZE, format, args);
    va_end(args);
    return false;
}

/* --- the truth -------------------------------------------------------------------------------- */

static void read_marks(struct power_truth *truth, const struct sw_journal *journal)
{
    truth->marks = calloc(journal->count + 1, sizeof *truth->marks);
    SW_ASSERT(truth->marks != NULL);
    for (size_t i = 0; i < journal->count; i++) {
        const struct sw_journal_record *record = &journal->records[i];
        struct mark *mark = &truth->marks[truth->mark_count];

        if (record->head.kind != SW_JOURNAL_MARK) {
            continue;
        }
        SW_ASSERT(record->head.data_size >= sizeof mark->mark);
        mark->at = i;
        memcpy(&mark->mark, record->data, sizeof mark->mark);
        mark->body = sw_span_of(record->data + sizeof mark->mark,
                                record->head.data_size - sizeof mark->mark);
        truth->mark_count++;
    }
}

/* In these scripts no entry is ever replaced by another: one leader lives through each. Only what a
 * cut took away is followed by other entries, and those are the truth of the second life. */
static bool read_entries(struct power_truth *truth, char *why)
{
    for (size_t i = 0; i < truth->mark_count; i++) {
        const struct power_mark *mark = &truth->marks[i].mark;
        struct sw_wal_entry *entry;

        if (mark->kind != POWER_ASKED_ENTRY) {
            continue;
        }
        if (mark->a >= INDEX_MAX) {
            return say(why, "the script is too long");
        }
        entry = &truth->entries[mark->a];
        if (entry->index != 0 && !truth->script->again &&
            power_hash(entry->term, entry->type, entry->body) != mark->c) {
            return say(why, "the script replaces entry %llu", (unsigned long long)mark->a);
        }
        *entry = (struct sw_wal_entry){.index = mark->a,
                                       .term = mark->b,
                                       .type = (uint8_t)mark->type,
                                       .body = truth->marks[i].body};
        truth->last = mark->a > truth->last ? mark->a : truth->last;
    }
    return true;
}

static enum sw_err
execute(struct sw_state *state, struct sw_store *store, const struct sw_wal_entry *from)
{
    const struct sw_apply_entry entry = {.index = from->index,
                                         .term = from->term,
                                         .body = from->type == RAFT_COMMAND ? from->body
                                                                            : sw_span_of(NULL, 0)};
    struct sw_command_result *results = NULL;
    uint32_t count = 0;
    const enum sw_err err = sw_apply(state, store, &entry, &results, &count);

    free(results);
    return err;
}

/* The digest behind each entry, by executing all of them on a store in memory. */
static bool compute_digests(struct power_truth *truth, char *why)
{
    struct sw_store *store = sw_store_mem_new(0, 0);
    struct sw_state state;
    bool good = true;

    sw_state_init(&state, group_1);
    truth->digests[0] = state.digest;
    for (uint64_t i = 1; good && i <= truth->last; i++) {
        good =
            truth->entries[i].index == i && execute(&state, store, &truth->entries[i]) == SW_ERR_OK;
        truth->digests[i] = state.digest;
        if (!good) {
            (void)say(why, "entry %llu of the script cannot be executed", (unsigned long long)i);
        }
    }
    sw_state_release(&state);
    sw_store_mem_free(store);
    return good;
}

struct power_truth *power_truth_new(const struct sw_journal *journal,
                                    const struct power_script *script,
                                    char why[POWER_WHY_SIZE])
{
    struct power_truth *truth = calloc(1, sizeof *truth);

    SW_ASSERT(truth != NULL);
    truth->script = script;
    read_marks(truth, journal);
    if (!read_entries(truth, why) || !compute_digests(truth, why)) {
        power_truth_free(truth);
        return NULL;
    }
    return truth;
}

void power_truth_free(struct power_truth *truth)
{
    if (truth != NULL) {
        free(truth->marks);
        free(truth);
    }
}

/* --- the promises ----------------------------------------------------------------------------- */

struct promises {
    bool settled;
    uint64_t first;    /* entries before it may be gone */
    uint64_t last;     /* highest that is durable; 0 = none */
    uint64_t asked;    /* highest that was asked for */
    uint64_t flushed;  /* index that the state holds at least */
    uint64_t snapshot; /* index of the durable one */
    struct sw_wal_hard hard;
    bool durable[INDEX_MAX];
    bool allowed;
    uint64_t acked[POWER_KEY_COUNT]; /* value; 0 = deleted, or never written */
};

static void forget(struct promises *promises, uint64_t from)
{
    for (uint64_t i = from; i < INDEX_MAX; i++) {
        promises->durable[i] = false;
    }
}

static void promise(struct promises *promises, const struct power_mark *mark)
{
    switch ((enum power_mark_kind)mark->kind) {
    case POWER_ASKED_ENTRY: /* what stood behind it is replaced, from now on or a little later */
        forget(promises, mark->a);
        promises->asked = mark->a;
        break;
    case POWER_DURABLE_ENTRY:
        promises->durable[mark->a] = true;
        break;
    case POWER_ASKED_TRUNCATE:
        forget(promises, mark->a);
        break;
    case POWER_DURABLE_HARD:
        promises->hard = (struct sw_wal_hard){.term = mark->a, .vote = {mark->b}};
        break;
    case POWER_ASKED_SNAPSHOT:
        promises->first = mark->c > promises->first ? mark->c : promises->first;
        if (mark->d != 0) {
            forget(promises, 0);
        }
        break;
    case POWER_DURABLE_SNAPSHOT:
        promises->snapshot = mark->a;
        break;
    case POWER_ALLOWED:
        promises->allowed = true;
        break;
    case POWER_SETTLED:
        promises->settled = true;
        break;
    case POWER_FLUSHED:
        promises->flushed = mark->a;
        break;
    case POWER_ASKED_DELETE:
        promises->acked[mark->a] = 0;
        break;
    case POWER_ACKED:
        promises->acked[mark->a] = mark->b;
        break;
    case POWER_ASKED_HARD:
    default:
        break;
    }
}

static void read_promises(const struct power_truth *truth, size_t count, struct promises *ret)
{
    *ret = (struct promises){0};
    for (size_t i = 0; i < truth->mark_count && truth->marks[i].at < count; i++) {
        const struct power_mark *mark = &truth->marks[i].mark;

        if (mark->node == truth->script->node || (mark->node == 0 && truth->script->alone)) {
            promise(ret, mark);
        }
    }
}

bool power_may_vote(const struct power_truth *truth, size_t count)
{
    for (size_t i = 0; i < truth->mark_count && truth->marks[i].at < count; i++) {
        if (truth->marks[i].mark.kind == POWER_SETTLED) {
            return true;
        }
    }
    return false;
}

/* Was this node asked, before the cut, for exactly this? */
static bool was_asked(const struct power_truth *truth,
                      size_t count,
                      enum power_mark_kind kind,
                      const uint64_t *a,
                      const uint64_t *b,
                      const uint64_t *c)
{
    for (size_t i = 0; i < truth->mark_count && truth->marks[i].at < count; i++) {
        const struct power_mark *mark = &truth->marks[i].mark;

        if (mark->kind == (uint32_t)kind && mark->node == truth->script->node && mark->a == *a &&
            mark->b == *b && (c == NULL || mark->c == *c)) {
            return true;
        }
    }
    return false;
}

/* --- the log ---------------------------------------------------------------------------------- */

struct opened {
    struct sw_identity *identity;
    struct sw_disk_posix *disk;
    struct sw_wal_engine *engine;
    struct sw_wal_group log;
    struct sw_store *store;
    struct sw_state state;
};

static bool check_hard(const struct power_truth *truth,
                       size_t count,
                       const struct promises *promises,
                       const struct sw_wal_hard *found,
                       char *why)
{
    const struct sw_wal_hard *wanted = &promises->hard;
    const uint64_t vote = found->vote.value;

    if (found->term < wanted->term ||
        (found->term == wanted->term && wanted->vote.value != 0 && vote != wanted->vote.value)) {
        return say(why,
                   "term and vote went back: %llu/%llu was durable, %llu/%llu is there",
                   (unsigned long long)wanted->term,
                   (unsigned long long)wanted->vote.value,
                   (unsigned long long)found->term,
                   (unsigned long long)vote);
    }
    if (found->term != 0 && !was_asked(truth, count, POWER_ASKED_HARD, &found->term, &vote, NULL)) {
        return say(why, "term %llu was never written", (unsigned long long)found->term);
    }
    return true;
}

static bool check_entries(const struct power_truth *truth,
                          size_t count,
                          const struct promises *promises,
                          const struct sw_wal_group *log,
                          char *why)
{
    for (size_t i = 0; i < log->entry_count; i++) {
        const struct sw_wal_entry *entry = &log->entries[i];
        const uint64_t hash = power_hash(entry->term, entry->type, entry->body);

        if (!was_asked(truth, count, POWER_ASKED_ENTRY, &entry->index, &entry->term, &hash)) {
            return say(why, "entry %llu was never written", (unsigned long long)entry->index);
        }
    }
    for (uint64_t i = 0; i < INDEX_MAX; i++) {
        const bool there = i >= log->first_index && i < log->first_index + log->entry_count;

        if (promises->durable[i] && !there && i >= promises->first) {
            return say(why,
                       "entry %llu was durable and is gone; the log is %llu + %zu",
                       (unsigned long long)i,
                       (unsigned long long)log->first_index,
                       log->entry_count);
        }
    }
    return true;
}

static bool check_log(const struct power_truth *truth,
                      size_t count,
                      const struct promises *promises,
                      const struct sw_wal_group *log,
                      char *why)
{
    if (log->snapshot_index < promises->snapshot) {
        return say(why,
                   "snapshot %llu was durable, %llu is there",
                   (unsigned long long)promises->snapshot,
                   (unsigned long long)log->snapshot_index);
    }
    if (log->has_snapshot &&
        !was_asked(
            truth, count, POWER_ASKED_SNAPSHOT, &log->snapshot_index, &log->snapshot_term, NULL)) {
        return say(why, "snapshot %llu never was", (unsigned long long)log->snapshot_index);
    }
    return check_hard(truth, count, promises, &log->hard, why) &&
           check_entries(truth, count, promises, log, why);
}

/* --- the state -------------------------------------------------------------------------------- */

static bool check_state(const struct power_truth *truth,
                        const struct promises *promises,
                        const struct opened *opened,
                        char *why)
{
    const struct sw_state *state = &opened->state;
    const uint64_t log_next = opened->log.first_index + opened->log.entry_count;

    if (state->index > truth->last || state->digest != truth->digests[state->index]) {
        return say(
            why, "the state at %llu is none that the log gives", (unsigned long long)state->index);
    }
    if (state->index < promises->flushed) {
        return say(why,
                   "the state at %llu was durable, it is at %llu",
                   (unsigned long long)promises->flushed,
                   (unsigned long long)state->index);
    }
    if (state->index < opened->log.snapshot_index) {
        return say(why,
                   "the state at %llu is older than the snapshot at %llu",
                   (unsigned long long)state->index,
                   (unsigned long long)opened->log.snapshot_index);
    }
    if (opened->log.entry_count > 0 && opened->log.first_index > state->index + 1) {
        return say(why,
                   "between the state at %llu and the log from %llu on entries are missing",
                   (unsigned long long)state->index,
                   (unsigned long long)opened->log.first_index);
    }
    if (state->index >= log_next && truth->script->alone) {
        return say(why,
                   "the state at %llu is ahead of the log, which ends before %llu",
                   (unsigned long long)state->index,
                   (unsigned long long)log_next);
    }
    return true;
}

/* What the state becomes once the log behind it is executed is what it was when it was written. */
static bool
replay(const struct power_truth *truth, struct opened *opened, struct power_found *found, char *why)
{
    const struct sw_wal_group *log = &opened->log;

    for (size_t i = 0; i < log->entry_count; i++) {
        if (log->entries[i].index <= opened->state.index) {
            continue;
        }
        if (execute(&opened->state, opened->store, &log->entries[i]) != SW_ERR_OK) {
            return say(why,
                       "entry %llu cannot be executed: %s",
                       (unsigned long long)log->entries[i].index,
                       opened->store->why);
        }
        found->replayed++;
        if (opened->state.digest != truth->digests[opened->state.index]) {
            return say(why,
                       "the state behind entry %llu is another one",
                       (unsigned long long)opened->state.index);
        }
    }
    return true;
}

static bool records_equal(struct sw_store *a, struct sw_store *b, enum sw_table table, char *why)
{
    struct sw_store_record x;
    struct sw_store_record y;
    enum sw_err err_x = a->ops->seek(a, table, sw_span_of(NULL, 0), false, &x);
    enum sw_err err_y = b->ops->seek(b, table, sw_span_of(NULL, 0), false, &y);

    while (err_x == SW_ERR_OK && err_y == SW_ERR_OK) {
        if (!sw_span_equal(x.key, y.key) || !sw_span_equal(x.value, y.value)) {
            return say(why, "a record of table %d is another one", (int)table);
        }
        err_x = a->ops->next(a, table, false, &x);
        err_y = b->ops->next(b, table, false, &y);
    }
    if (err_x != SW_ERR_NOT_FOUND || err_y != SW_ERR_NOT_FOUND) {
        return say(why,
                   "table %d: %s where %s is expected",
                   (int)table,
                   err_x == SW_ERR_OK ? "one more record" : sw_err_name(err_x),
                   err_y == SW_ERR_OK ? "one more record" : sw_err_name(err_y));
    }
    return true;
}

/* The digest says what was done, not what is there: an install could leave what should be gone. */
static bool check_records(const struct power_truth *truth, struct opened *opened, char *why)
{
    static const enum sw_table tables[] = {SW_TABLE_KV, SW_TABLE_EXPERIENCE, SW_TABLE_SESSION};
    struct sw_store *store = sw_store_mem_new(0, 0);
    struct sw_state state;
    bool good = true;

    sw_state_init(&state, group_1);
    for (uint64_t i = 1; good && i <= opened->state.index; i++) {
        good = execute(&state, store, &truth->entries[i]) == SW_ERR_OK;
    }
    SW_ASSERT(good); /* it went well when the truth was computed */
    for (size_t i = 0; good && i < sizeof tables / sizeof tables[0]; i++) {
        good = records_equal(opened->store, store, tables[i], why);
    }
    sw_state_release(&state);
    sw_store_mem_free(store);
    return good;
}

static bool value_of(struct opened *opened, uint64_t key, uint64_t *ret_value, char *why)
{
    const struct sw_place place = {
        .tenant = sw_span_str("t"), .name_space = sw_span_str("n"), .partition = sw_span_str("p")};
    const char text[] = {(char)('a' + (char)key), '\0'};
    struct sw_kv_record record;
    struct sw_key stored;
    struct sw_span bytes;
    enum sw_err err;

    sw_key_kv(&place, sw_span_str(text), &stored);
    err = opened->store->ops->get(opened->store, SW_TABLE_KV, sw_key_span(&stored), &bytes);
    *ret_value = 0;
    if (err == SW_ERR_NOT_FOUND) {
        return true;
    }
    if (err != SW_ERR_OK || sw_kv_record_decode(bytes, &record) != SW_ERR_OK) {
        return say(why, "key %s cannot be read: %s", text, opened->store->why);
    }
    SW_ASSERT(record.value.size >= sizeof *ret_value);
    memcpy(ret_value, record.value.data, sizeof *ret_value);
    return true;
}

/* From the outside: whoever was told that a value is written finds it, or what came after it. */
static bool check_acked(const struct power_truth *truth,
                        const struct promises *promises,
                        struct opened *opened,
                        char *why)
{
    for (uint64_t key = 0; truth->script->alone && key < POWER_KEY_COUNT; key++) {
        uint64_t value;

        if (!value_of(opened, key, &value, why)) {
            return false;
        }
        if (promises->acked[key] != 0 && value < promises->acked[key]) {
            return say(why,
                       "value %llu of key %llu was acknowledged, %llu is there",
                       (unsigned long long)promises->acked[key],
                       (unsigned long long)key,
                       (unsigned long long)value);
        }
    }
    return true;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void close_all(struct opened *opened)
{
    sw_state_release(&opened->state);
    sw_wal_group_release(&opened->log);
    sw_store_lmdb_close(opened->store);
    sw_wal_engine_close(opened->engine);
    sw_disk_posix_free(opened->disk);
    sw_identity_close(opened->identity);
}

static bool refused(const char *what, enum sw_err err, const char *reason, char *why)
{
    return say(why, "%s: %s: %.150s", what, sw_err_name(err), reason);
}

static bool open_identity(const char *data_dir,
                          const struct power_truth *truth,
                          bool first_start,
                          struct opened *opened,
                          char *why)
{
    const struct sw_identity_config config = {.data_dir = data_dir,
                                              .swarm = swarm,
                                              .node = {truth->script->node},
                                              .first_start = first_start};
    char reason[SW_WHY_SIZE] = "";
    const enum sw_err err = sw_identity_open(&config, &opened->identity, reason);

    return err == SW_ERR_OK || refused("identity", err, reason, why);
}

static bool open_all(const char *data_dir,
                     const struct power_truth *truth,
                     const struct promises *promises,
                     struct opened *opened,
                     char *why)
{
    struct sw_wal_engine_config wal = {
        .swarm = swarm, .node = {truth->script->node}, .segment_size = SEGMENT_SIZE, .salt = 7};
    struct sw_store_lmdb_config store = {
        .swarm = swarm, .node = {truth->script->node}, .map_size = MAP_SIZE};
    char reason[SW_WHY_SIZE] = "";
    enum sw_err err;

    /* Before it may vote a start may have left nothing, which then has to be a start from nothing;
     * afterwards no permission to lose anything may be left. */
    if (!open_identity(data_dir, truth, false, opened, why) &&
        (promises->settled || truth->script->by_marker ||
         !open_identity(data_dir, truth, true, opened, why))) {
        return false;
    }
    why[0] = '\0';
    err = sw_disk_posix_new(sw_identity_wal_dir(opened->identity), &opened->disk, reason);
    if (err == SW_ERR_OK) {
        wal.disk = sw_disk_posix_port(opened->disk);
        err = sw_wal_engine_open(&wal, &opened->engine, reason);
    }
    if (err == SW_ERR_OK) {
        err = sw_wal_engine_load(opened->engine, group_1, &opened->log, reason);
    }
    if (err != SW_ERR_OK) {
        return refused("log", err, reason, why);
    }
    store.path = sw_identity_state_dir(opened->identity);
    err = sw_store_lmdb_open(&store, &opened->store, reason);
    if (err != SW_ERR_OK) {
        return refused("state", err, reason, why);
    }
    err = sw_state_load(&opened->state, opened->store);
    return err == SW_ERR_OK || refused("state record", err, opened->store->why, why);
}

/* A whole node, in what the opening above has repaired. */
static bool run_node(const struct power_truth *truth,
                     const struct promises *promises,
                     const char *data_dir,
                     char *why)
{
    struct power_world world;
    bool good = true;
    enum sw_err err;

    power_world_init(&world, truth->script->alone ? 1 : POWER_NODE_MAX, 3);
    (void)snprintf(world.nodes[truth->script->node - 1].data_dir, POWER_PATH_SIZE, "%s", data_dir);
    err = power_start(&world, truth->script->node, false);
    if (err != SW_ERR_OK) {
        good = refused("start", err, world.why, why);
    } else if (truth->script->alone) {
        for (uint64_t key = 0; good && key < POWER_KEY_COUNT; key++) {
            uint64_t value;

            err = power_get(&world, key, &value);
            good = (err == SW_ERR_OK || (err == SW_ERR_NOT_FOUND && promises->acked[key] == 0)) &&
                   value >= promises->acked[key];
        }
        good = good && power_put(&world, 0, 1 << 20, 10) == SW_ERR_OK;
        good = good || say(why, "the node does not serve: %s: %s", sw_err_name(err), world.why);
    }
    power_release(&world);
    return good;
}

bool power_check(const struct power_truth *truth,
                 size_t count,
                 const char *root,
                 bool run,
                 struct power_found *ret_found,
                 char why[POWER_WHY_SIZE])
{
    static struct promises promises; /* large */
    struct opened opened = {.log = {.first_index = 0}};
    char data_dir[POWER_PATH_SIZE];
    bool good;

    *ret_found = (struct power_found){0};
    (void)snprintf(data_dir, sizeof data_dir, "%s/" POWER_DATA_DIR, root);
    read_promises(truth, count, &promises);
    ret_found->settled = promises.settled;
    sw_state_init(&opened.state, group_1);
    if (truth->script->by_marker && !promises.allowed) {
        sw_state_release(&opened.state);
        return true; /* nobody has asked the node for anything yet */
    }
    good = open_all(data_dir, truth, &promises, &opened, why);
    ret_found->entries = opened.log.entry_count;
    good = good && check_log(truth, count, &promises, &opened.log, why) &&
           check_state(truth, &promises, &opened, why) && replay(truth, &opened, ret_found, why) &&
           check_records(truth, &opened, why) && check_acked(truth, &promises, &opened, why);
    close_all(&opened);
    return good && (!run || run_node(truth, &promises, data_dir, why));
}
