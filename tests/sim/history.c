/* The judge of client histories. */
#include "tests/sim/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/rw.h"

static const char *const kind_names[] = {
    "put", "cas", "delete", "append", "merge", "read", "transaction"};

void sim_history_init(struct sim_history *history, struct sim_world *world)
{
    *history = (struct sim_history){.world = world};
}

void sim_history_release(struct sim_history *history)
{
    free(history->calls);
    free(history->seen);
    free(history->scans);
    free(history->list);
    *history = (struct sim_history){0};
}

size_t sim_history_begin(struct sim_history *history, const struct sim_call *call)
{
    if (history->call_count == history->call_capacity) {
        history->call_capacity = history->call_capacity == 0 ? 256 : history->call_capacity * 2;
        history->calls = realloc(history->calls, history->call_capacity * sizeof(*history->calls));
        SW_ASSERT(history->calls != NULL);
    }
    history->calls[history->call_count] = *call;
    history->calls[history->call_count].end = SIM_CALL_OPEN;
    history->calls[history->call_count].floor = history->revision_max;
    return history->call_count++;
}

void sim_history_end(struct sim_history *history,
                     size_t number,
                     enum sim_call_end end,
                     uint64_t revision,
                     bool changed)
{
    struct sim_call *call = &history->calls[number];

    SW_ASSERT(number < history->call_count);
    if (call->end != SIM_CALL_OPEN) {
        sim_fail(history->world, "call %zu of client %u ended twice", number, call->client);
        return;
    }
    call->end = end;
    call->revision = revision;
    call->changed = changed;
    if (revision == 0) {
        return;
    }
    if (revision < call->floor || (changed && revision == call->floor)) {
        sim_fail(history->world,
                 "not linearizable: %s %zu of client %u stands at revision %" PRIu64
                 ", but when it began a call had ended at revision %" PRIu64,
                 kind_names[call->kind],
                 number,
                 call->client,
                 revision,
                 call->floor);
    }
    if (revision > history->revision_max) {
        history->revision_max = revision;
    }
}

void sim_history_see(struct sim_history *history, const struct sim_seen *seen)
{
    if (history->seen_count == history->seen_capacity) {
        history->seen_capacity = history->seen_capacity == 0 ? 256 : history->seen_capacity * 2;
        history->seen = realloc(history->seen, history->seen_capacity * sizeof(*history->seen));
        SW_ASSERT(history->seen != NULL);
    }
    history->seen[history->seen_count++] = *seen;
}

void sim_history_scan(struct sim_history *history, const struct sim_scan *scan)
{
    if (history->scan_count == history->scan_capacity) {
        history->scan_capacity = history->scan_capacity == 0 ? 64 : history->scan_capacity * 2;
        history->scans = realloc(history->scans, history->scan_capacity * sizeof(*history->scans));
        SW_ASSERT(history->scans != NULL);
    }
    history->scans[history->scan_count++] = *scan;
}

void sim_history_list(struct sim_history *history, const struct sim_list_seen *seen)
{
    const size_t count = seen->size / 8;

    if (seen->size % 8 != 0 || count != seen->version) {
        sim_fail(history->world,
                 "not exactly once: call %zu saw %zu bytes appended in %" PRIu64 " versions",
                 seen->call,
                 seen->size,
                 seen->version);
        return;
    }
    if (count > history->list_capacity) {
        history->list_capacity = 2 * count;
        history->list = realloc(history->list, history->list_capacity * sizeof(*history->list));
        SW_ASSERT(history->list != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t value = sw_load_u64(seen->bytes + 8 * i);

        if (i < history->list_count && history->list[i] != value) {
            sim_fail(history->world,
                     "two orders: call %zu saw value %" PRIu64 " at place %zu of the list, where "
                     "somebody saw value %" PRIu64,
                     seen->call,
                     value,
                     i,
                     history->list[i]);
            return;
        }
        history->list[i] = value;
    }
    history->list_count = count > history->list_count ? count : history->list_count;
    if (count > 0) {
        sim_history_see(history,
                        &(struct sim_seen){.call = seen->call,
                                           .key = SIM_KEY_LIST,
                                           .at_revision = seen->at_revision,
                                           .mod_revision = seen->mod_revision,
                                           .create_revision = 1, /* it is never deleted */
                                           .version = seen->version,
                                           .value = history->list[count - 1]});
    }
}

/* --- judgement -------------------------------------------------------------------------------- */

/* All changes of one key whose revision is known, in that order. */
struct change {
    uint64_t revision;
    size_t call;
};

struct changes {
    struct change *items; /* owned */
    size_t count;
    size_t unknown; /* calls of unknown outcome that nobody observed */
};

static int change_order(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;

    return left->revision < right->revision ? -1 : (left->revision > right->revision ? 1 : 0);
}

/* An observed value names its call: that call ran, at that revision, and only there. */
static void place_observed(struct sim_history *history, const struct sim_seen *seen)
{
    struct sim_call *call;

    if (seen->mod_revision == 0 || seen->key == SIM_KEY_COUNTER) {
        return; /* nothing, or a number that many calls made */
    }
    if (seen->value == 0 || seen->value > history->call_count) {
        sim_fail(history->world,
                 "invented: call %zu saw value %" PRIu64 " that nobody wrote",
                 seen->call,
                 seen->value);
        return;
    }
    call = &history->calls[seen->value - 1];
    if (call->end == SIM_CALL_NOT_DONE || call->key != seen->key) {
        sim_fail(history->world,
                 "not done, yet there: value %" PRIu64 " of key %u was refused for good to client "
                 "%u, but call %zu saw it at key %u",
                 seen->value,
                 call->key,
                 call->client,
                 seen->call,
                 seen->key);
        return;
    }
    if (call->revision == 0) {
        call->revision = seen->mod_revision;
        call->changed = true;
    } else if (call->revision != seen->mod_revision) {
        sim_fail(history->world,
                 "not exactly once: value %" PRIu64 " of client %u stands at revision %" PRIu64
                 ", but call %zu saw it at revision %" PRIu64,
                 seen->value,
                 call->client,
                 call->revision,
                 seen->call,
                 seen->mod_revision);
    }
    if (seen->mod_revision <= call->floor) {
        sim_fail(history->world,
                 "not linearizable: value %" PRIu64 " stands at revision %" PRIu64
                 ", before the call that wrote it began (revision %" PRIu64 ")",
                 seen->value,
                 seen->mod_revision,
                 call->floor);
    }
}

static void changes_of(struct sim_history *history, uint32_t key, struct changes *ret_changes)
{
    struct changes changes = {0};

    changes.items = calloc(history->call_count + 1, sizeof(*changes.items));
    SW_ASSERT(changes.items != NULL);
    for (size_t i = 0; i < history->call_count; i++) {
        const struct sim_call *call = &history->calls[i];

        if (call->key != key || call->kind == SIM_CALL_READ || call->kind == SIM_CALL_TXN) {
            continue;
        }
        if (call->revision != 0 && call->changed) {
            changes.items[changes.count++] = (struct change){.revision = call->revision, .call = i};
        } else if (call->end == SIM_CALL_UNKNOWN || call->end == SIM_CALL_OPEN) {
            changes.unknown++;
        }
    }
    qsort(changes.items, changes.count, sizeof(*changes.items), change_order);
    for (size_t i = 1; i < changes.count; i++) {
        if (changes.items[i].revision == changes.items[i - 1].revision) {
            sim_fail(history->world,
                     "two changes of key %u stand at revision %" PRIu64 ": calls %zu and %zu",
                     key,
                     changes.items[i].revision,
                     changes.items[i - 1].call,
                     changes.items[i].call);
        }
    }
    *ret_changes = changes;
}

/* How many known changes stand at a revision up to `upto`. */
static size_t count_upto(const struct changes *changes, uint64_t upto)
{
    size_t low = 0;
    size_t high = changes->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (changes->items[middle].revision <= upto) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* How many known changes stand at a revision in (after, upto]. */
static size_t count_between(const struct changes *changes, uint64_t after, uint64_t upto)
{
    return upto <= after ? 0 : count_upto(changes, upto) - count_upto(changes, after);
}

static void
check_seen(struct sim_history *history, const struct changes *changes, const struct sim_seen *seen)
{
    const size_t newer = count_between(changes, seen->mod_revision, seen->at_revision);
    size_t known;

    /* Nothing explains an older value: a change in between would have replaced it. */
    if (newer > 0) {
        sim_fail(history->world,
                 "stale: call %zu at revision %" PRIu64 " saw key %u as of revision %" PRIu64
                 ", but %zu acknowledged changes stand in between",
                 seen->call,
                 seen->at_revision,
                 seen->key,
                 seen->mod_revision,
                 newer);
        return;
    }
    known = count_between(changes, seen->create_revision - 1, seen->mod_revision);
    if (seen->version < known || seen->version > known + changes->unknown) {
        sim_fail(history->world,
                 "not exactly once: key %u has version %" PRIu64 " at revision %" PRIu64
                 ", but %zu known changes and at most %zu unknown ones made it",
                 seen->key,
                 seen->version,
                 seen->mod_revision,
                 known,
                 changes->unknown);
    }
}

/* Absent: the newest known change up to that revision is a deletion, or a deletion of unknown
 * outcome may have come after it, or there was none. */
static void check_absent(struct sim_history *history,
                         const struct changes *changes,
                         const struct sim_seen *seen)
{
    const size_t before = count_upto(changes, seen->at_revision);
    const struct sim_call *newest =
        before == 0 ? NULL : &history->calls[changes->items[before - 1].call];

    if (newest == NULL || newest->kind == SIM_CALL_DELETE) {
        return;
    }
    for (size_t i = 0; i < history->call_count; i++) {
        const struct sim_call *call = &history->calls[i];

        if (call->kind == SIM_CALL_DELETE && call->key == seen->key && call->revision == 0 &&
            call->end != SIM_CALL_NOT_DONE) {
            return;
        }
    }
    sim_fail(history->world,
             "lost: call %zu finds key %u absent at revision %" PRIu64 ", but value %" PRIu64
             " was acknowledged at revision %" PRIu64 " and nobody deleted it",
             seen->call,
             seen->key,
             seen->at_revision,
             newest->value,
             newest->revision);
}

/* A conditional write that is done found what it expected: the newest change before its own. */
static void check_conditions(struct sim_history *history, const struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct sim_call *call = &history->calls[changes->items[i].call];

        if (call->kind == SIM_CALL_CAS && call->expected != 0 &&
            count_between(changes, call->expected, call->revision - 1) > 0) {
            sim_fail(history->world,
                     "lost update: cas %zu at revision %" PRIu64 " expected revision %" PRIu64
                     " of key %u, but acknowledged changes stand in between",
                     changes->items[i].call,
                     call->revision,
                     call->expected,
                     call->key);
        }
    }
}

/* Every experience whose place is known is in every scan of that place, once. */
static void check_scans(struct sim_history *history)
{
    struct changes changes;

    changes_of(history, SIM_KEY_EXPERIENCE, &changes);
    for (size_t i = 0; i < history->scan_count; i++) {
        const struct sim_scan *scan = &history->scans[i];
        const size_t known = count_between(&changes, scan->after, scan->upto);

        if (known != scan->count) {
            sim_fail(history->world,
                     "%s: call %zu counts %zu experiences after revision %" PRIu64
                     " up to revision %" PRIu64 ", but %zu are known to stand there",
                     known > scan->count ? "lost" : "not exactly once",
                     scan->call,
                     scan->count,
                     scan->after,
                     scan->upto,
                     known);
            break;
        }
    }
    free(changes.items);
}

/* Where a group stands, by those of its writes whose place is known: one place, and then all that
 * surely changed something stand there. (Whether a delete did is not known.) */
static void place_groups(struct sim_history *history)
{
    for (size_t i = 0; i < history->call_count; i++) {
        const struct sim_call *call = &history->calls[i];
        struct sim_call *whole = call->group == 0 ? NULL : &history->calls[call->group - 1];

        if (whole == NULL || call->revision == 0) {
            continue;
        }
        if (whole->revision == 0) {
            whole->revision = call->revision;
        } else if (whole->revision != call->revision) {
            sim_fail(history->world,
                     "torn: the writes of transaction %zu stand at revisions %" PRIu64
                     " and %" PRIu64,
                     call->group - 1,
                     whole->revision,
                     call->revision);
            return;
        }
    }
    for (size_t i = 0; i < history->call_count; i++) {
        struct sim_call *call = &history->calls[i];

        if (call->group != 0 && call->revision == 0 && call->kind != SIM_CALL_DELETE &&
            call->end != SIM_CALL_NOT_DONE) {
            call->revision = history->calls[call->group - 1].revision;
            call->changed = call->revision != 0;
        }
    }
}

/* The list holds each acknowledged value once, in the order of revisions. */
static void check_list(struct sim_history *history)
{
    struct changes changes;
    size_t place = 0;

    changes_of(history, SIM_KEY_LIST, &changes);
    for (size_t i = 0; i < changes.count && !history->world->failed; i++) {
        while (place < history->list_count && history->list[place] != changes.items[i].call + 1) {
            place++;
        }
        if (place == history->list_count) {
            sim_fail(history->world,
                     "lost or out of order: value %zu was appended at revision %" PRIu64
                     ", but the longest list has it not, or before an older one",
                     changes.items[i].call + 1,
                     changes.items[i].revision);
        }
        place++;
    }
    free(changes.items);
}

void sim_history_check(struct sim_history *history)
{
    for (size_t i = 0; i < history->seen_count && !history->world->failed; i++) {
        place_observed(history, &history->seen[i]);
    }
    if (!history->world->failed) {
        place_groups(history);
    }
    for (uint32_t key = 0; key < SIM_KEY_COUNT && !history->world->failed; key++) {
        struct changes changes;

        if (key == SIM_KEY_EXPERIENCE) {
            continue; /* judged by their scans */
        }
        changes_of(history, key, &changes);
        check_conditions(history, &changes);
        for (size_t i = 0; i < history->seen_count; i++) {
            const struct sim_seen *seen = &history->seen[i];

            if (seen->key != key) {
                continue;
            }
            if (seen->mod_revision == 0) {
                check_absent(history, &changes, seen);
            } else {
                check_seen(history, &changes, seen);
            }
        }
        free(changes.items);
    }
    if (!history->world->failed) {
        check_scans(history);
    }
    if (!history->world->failed) {
        check_list(history);
    }
}

static bool was_told(const struct sim_told *told, size_t count, uint32_t key, uint64_t revision)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (told[middle].revision < revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < count && told[low].revision == revision && told[low].key != key) {
        low++;
    }
    return low < count && told[low].revision == revision;
}

void sim_history_check_told(const struct sim_history *history,
                            uint32_t client,
                            const struct sim_told *told,
                            size_t count,
                            struct sim_gap range,
                            uint32_t only)
{
    for (size_t i = 0; i < history->call_count && !history->world->failed; i++) {
        const struct sim_call *call = &history->calls[i];

        if (call->kind == SIM_CALL_READ || call->kind == SIM_CALL_TXN || !call->changed ||
            call->key == SIM_KEY_EXPERIENCE || call->revision <= range.after ||
            call->revision > range.upto || (only != SIM_KEY_COUNT && call->key != only)) {
            continue;
        }
        if (!was_told(told, count, call->key, call->revision)) {
            sim_fail(history->world,
                     "gap: client %u watched up to revision %" PRIu64
                     " and was not told of %s %zu, which changed key %u at revision %" PRIu64,
                     client,
                     range.upto,
                     kind_names[call->kind],
                     i,
                     call->key,
                     call->revision);
        }
    }
}
