/* Reading a whole WAL directory: the state, the chain of segments, the verdict on what is missing.
 * Nothing here writes: a directory that is refused is left exactly as it was found. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "storage/wal_scan.h"

#define ADVICE "nothing was changed; the other nodes hold the data"

const char *sw_wal_state_name(int copy)
{
    SW_ASSERT(copy == 0 || copy == 1);
    return copy == 0 ? "state-a" : "state-b";
}

void sw_wal_numbers_add(uint64_t **numbers, size_t *count, size_t *capacity, uint64_t number)
{
    SW_ASSERT(*count <= *capacity);
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 8 : *capacity * 2;
        *numbers = realloc(*numbers, *capacity * sizeof(**numbers));
        SW_ASSERT(*numbers != NULL);
    }
    (*numbers)[*count] = number;
    (*count)++;
}

enum sw_err sw_wal_state_read(struct sw_disk *disk, int copy, struct sw_wal_state *ret_state)
{
    struct sw_file *file = NULL;
    struct sw_buf bytes = {0};
    uint64_t size;
    enum sw_err err;

    SW_ASSERT(ret_state != NULL);
    err = disk->ops->open(disk, sw_wal_state_name(copy), false, &file);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = disk->ops->size(disk, file, &size);
    if (err != SW_ERR_OK) {
        goto out;
    }
    if (size < SW_WAL_STATE_HEADER_SIZE || size > SW_WAL_STATE_SIZE_MAX) {
        err = SW_ERR_CORRUPT;
        goto out;
    }
    err = disk->ops->read(disk, file, 0, sw_buf_extend(&bytes, size), size);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = sw_wal_state_decode(sw_buf_span(&bytes), ret_state);
out:
    sw_buf_release(&bytes);
    disk->ops->close(disk, file);
    return err;
}

enum sw_err sw_wal_segment_read(struct sw_disk *disk,
                                uint64_t sequence,
                                struct sw_wal_segment_header *ret_header)
{
    uint8_t bytes[SW_WAL_SEGMENT_HEADER_SIZE];
    char name[SW_WAL_NAME_SIZE];
    struct sw_wal_segment_header header;
    struct sw_file *file = NULL;
    uint64_t size;
    enum sw_err err;

    sw_wal_segment_name(sequence, name);
    err = disk->ops->open(disk, name, false, &file);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = disk->ops->size(disk, file, &size);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = disk->ops->read(disk, file, 0, bytes, sizeof(bytes));
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = sw_wal_segment_header_decode(sw_span_of(bytes, sizeof(bytes)), &header);
    if (err != SW_ERR_OK) {
        goto out;
    }
    if (header.sequence != sequence || header.size > size) {
        err = SW_ERR_CORRUPT; /* a file in another one's place, or cut short */
        goto out;
    }
    *ret_header = header;
out:
    disk->ops->close(disk, file);
    return err;
}

struct names {
    uint64_t *segments; /* owned */
    size_t segment_count;
    size_t segment_capacity;
    struct sw_wal_catalog *catalog; /* borrowed */
};

static void name_visit(void *arg, const char *name)
{
    struct names *names = arg;
    struct sw_wal_catalog *catalog = names->catalog;
    uint64_t sequence;

    if (sw_wal_name_parse(name, "wal-", &sequence)) {
        sw_wal_numbers_add(
            &names->segments, &names->segment_count, &names->segment_capacity, sequence);
    } else if (sw_wal_name_parse(name, "spare-", &sequence)) {
        sw_wal_numbers_add(
            &catalog->spares, &catalog->spare_count, &catalog->spare_capacity, sequence);
    } else if (sw_wal_name_parse(name, "unfinished-", &sequence)) {
        sw_wal_numbers_add(&catalog->unfinished,
                           &catalog->unfinished_count,
                           &catalog->unfinished_capacity,
                           sequence);
    }
}

static int number_compare(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : (left > right ? 1 : 0);
}

static void numbers_sort(uint64_t *numbers, size_t count)
{
    if (count > 0) {
        qsort(numbers, count, sizeof(*numbers), number_compare);
    }
}

static enum sw_err names_read(struct sw_disk *disk, struct names *names)
{
    const enum sw_err err = disk->ops->list(disk, name_visit, names);

    SW_ASSERT(names->catalog != NULL);
    numbers_sort(names->segments, names->segment_count);
    numbers_sort(names->catalog->spares, names->catalog->spare_count);
    return err;
}

static enum sw_err identity_check(struct sw_swarm_id swarm,
                                  struct sw_node_id node,
                                  struct sw_swarm_id found_swarm,
                                  struct sw_node_id found_node,
                                  const char *name,
                                  char *ret_why)
{
    if (memcmp(swarm.bytes, found_swarm.bytes, sizeof(swarm.bytes)) != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%s belongs to another swarm", name);
        return SW_ERR_STRANGER;
    }
    if (!sw_node_id_equal(node, found_node)) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%s belongs to node %" PRIu64 ", this is node %" PRIu64,
                       name,
                       found_node.value,
                       node.value);
        return SW_ERR_STRANGER;
    }
    return SW_ERR_OK;
}

/* A state write is acknowledged only once both copies are synced, and the second is touched only
 * after the first is synced. So each readable copy is at least as new as everything acknowledged
 * up to the write before, and with one copy lost the other is enough. */
static enum sw_err states_read(struct sw_disk *disk,
                               struct sw_swarm_id swarm,
                               struct sw_node_id node,
                               struct sw_wal_catalog *catalog,
                               int *ret_absent,
                               char *ret_why)
{
    struct sw_wal_state copies[2] = {{.sequence = 0}, {.sequence = 0}};
    enum sw_err err = SW_ERR_OK;
    int best;

    *ret_absent = 0;
    for (int i = 0; i < 2; i++) {
        err = sw_wal_state_read(disk, i, &copies[i]);
        if (err == SW_ERR_OK) {
            err = identity_check(
                swarm, node, copies[i].swarm, copies[i].node, sw_wal_state_name(i), ret_why);
        } else if (err == SW_ERR_NOT_FOUND || err == SW_ERR_CORRUPT) {
            *ret_absent += err == SW_ERR_NOT_FOUND ? 1 : 0;
            catalog->state_bad[i] = true;
            err = SW_ERR_OK;
        } else {
            (void)snprintf(ret_why, SW_WHY_SIZE, "%s: %s", sw_wal_state_name(i), sw_err_text(err));
        }
        if (err != SW_ERR_OK) {
            goto out;
        }
    }
    best = copies[1].sequence > copies[0].sequence ? 1 : 0;
    for (int i = 0; i < 2; i++) {
        catalog->state_behind[i] = copies[i].sequence != copies[best].sequence;
    }
    catalog->state = copies[best];
    copies[best] = (struct sw_wal_state){0};
out:
    sw_wal_state_release(&copies[0]);
    sw_wal_state_release(&copies[1]);
    return err;
}

/* A directory is fresh as long as its first segment was never put to use: nothing was promised. */
static enum sw_err
fresh_check(const struct names *names, struct sw_wal_catalog *catalog, int absent, char *ret_why)
{
    const bool has_state = catalog->state.sequence > 0;

    SW_ASSERT(absent >= 0);
    catalog->fresh =
        names->segment_count == 0 && (has_state ? catalog->state.last_segment == 0 : absent == 2);
    if (!catalog->fresh && !has_state) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "state-a, state-b: no readable term and vote; %s", ADVICE);
        return SW_ERR_CORRUPT;
    }
    return SW_ERR_OK;
}

static enum sw_err missing(uint64_t sequence, char *ret_why)
{
    char name[SW_WAL_NAME_SIZE];

    sw_wal_segment_name(sequence, name);
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s: missing; %s", name, ADVICE);
    return SW_ERR_CORRUPT;
}

/* Reads the header of the next segment of the chain and adds it. */
static enum sw_err
segment_add(struct sw_disk *disk, struct sw_wal_catalog *catalog, uint64_t sequence, char *ret_why)
{
    struct sw_wal_segment_header *header = &catalog->segments[catalog->segment_count];
    const struct sw_wal_state *state = &catalog->state;
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    sw_wal_segment_name(sequence, name);
    err = sw_wal_segment_read(disk, sequence, header);
    if (err == SW_ERR_CORRUPT) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%s: bad header or short file; %s", name, ADVICE);
        return err;
    }
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%s: %s", name, sw_err_text(err));
        return err;
    }
    err = identity_check(state->swarm, state->node, header->swarm, header->node, name, ret_why);
    if (err != SW_ERR_OK) {
        return err;
    }
    if (header->state_sequence > state->sequence) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "state-a, state-b: older than %s: term and vote went back; %s",
                       name,
                       ADVICE);
        return SW_ERR_CORRUPT;
    }
    catalog->segment_count++;
    return SW_ERR_OK;
}

static enum sw_err segments_read(struct sw_disk *disk,
                                 const struct names *names,
                                 struct sw_wal_catalog *catalog,
                                 char *ret_why)
{
    uint64_t expected = catalog->state.first_segment;
    enum sw_err err;

    catalog->segments = calloc(names->segment_count + 1, sizeof(*catalog->segments));
    SW_ASSERT(catalog->segments != NULL);
    for (size_t i = 0; i < names->segment_count; i++) {
        const uint64_t sequence = names->segments[i];
        if (sequence < catalog->state.first_segment) {
            sw_wal_numbers_add(&catalog->leftovers,
                               &catalog->leftover_count,
                               &catalog->leftover_capacity,
                               sequence);
            continue;
        }
        if (sequence != expected) {
            return missing(expected, ret_why);
        }
        err = segment_add(disk, catalog, sequence, ret_why);
        if (err != SW_ERR_OK) {
            return err;
        }
        expected++;
    }
    if (catalog->segment_count == 0 || expected <= catalog->state.last_segment) {
        return missing(expected, ret_why);
    }
    return SW_ERR_OK;
}

enum sw_err sw_wal_catalog_read(struct sw_disk *disk,
                                struct sw_swarm_id swarm,
                                struct sw_node_id node,
                                struct sw_wal_catalog *ret_catalog,
                                char ret_why[SW_WHY_SIZE])
{
    struct names names = {.catalog = ret_catalog};
    int absent = 0;
    enum sw_err err;

    SW_ASSERT(ret_catalog != NULL);
    *ret_catalog = (struct sw_wal_catalog){.fresh = false};
    err = names_read(disk, &names);
    if (err != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "listing the directory: %s", sw_err_text(err));
        goto out;
    }
    err = states_read(disk, swarm, node, ret_catalog, &absent, ret_why);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = fresh_check(&names, ret_catalog, absent, ret_why);
    if (err != SW_ERR_OK || ret_catalog->fresh) {
        goto out;
    }
    err = segments_read(disk, &names, ret_catalog, ret_why);
out:
    free(names.segments);
    return err;
}

void sw_wal_catalog_release(struct sw_wal_catalog *catalog)
{
    SW_ASSERT(catalog != NULL);
    sw_wal_state_release(&catalog->state);
    free(catalog->segments);
    free(catalog->leftovers);
    free(catalog->spares);
    free(catalog->unfinished);
    *catalog = (struct sw_wal_catalog){.fresh = false};
}

/* Says whether what is missing at the end of a segment was durable once. */
static enum sw_err end_judge(const struct sw_wal_segment_header *segment,
                             const struct sw_wal_end *end,
                             uint64_t durable_lsn,
                             char *ret_why)
{
    char name[SW_WAL_NAME_SIZE];

    SW_ASSERT(end->lsn >= segment->first_lsn);
    if (end->lsn > durable_lsn || SW_PLANTED(DAMAGE_TAKEN_FOR_TORN)) {
        return SW_ERR_OK;
    }
    sw_wal_segment_name(segment->sequence, name);
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "%s offset %" PRIu64 ": record %" PRIu64 " is damaged, durable up to %" PRIu64
                   "; untouched; the other nodes hold the data",
                   name,
                   end->offset,
                   end->lsn,
                   durable_lsn);
    return SW_ERR_CORRUPT;
}

struct walk {
    struct sw_disk *disk;
    sw_wal_visit_fn visit;
    void *arg;
    char *why;
};

/* Walks one segment. `next` is NULL for the last one, and only then what lies behind is looked at.
 */
static enum sw_err segment_walk(const struct walk *walk,
                                const struct sw_wal_segment_header *segment,
                                const struct sw_wal_segment_header *next,
                                struct sw_wal_tail *ret_tail)
{
    struct sw_wal_reader reader = {.disk = NULL};
    struct sw_file *file = NULL;
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    SW_ASSERT(walk->why != NULL);
    sw_wal_segment_name(segment->sequence, name);
    err = walk->disk->ops->open(walk->disk, name, false, &file);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = sw_wal_reader_open(&reader, walk->disk, file);
    if (err != SW_ERR_OK) {
        goto out;
    }
    err = sw_wal_walk(&reader,
                      segment,
                      next == NULL ? UINT64_MAX : next->first_lsn,
                      walk->visit,
                      walk->arg,
                      &ret_tail->end);
    if (err == SW_ERR_OK && next == NULL) {
        err = sw_wal_look_behind(&reader, segment, &ret_tail->end, &ret_tail->behind);
    }
out:
    if (err != SW_ERR_OK && walk->why[0] == '\0') {
        (void)snprintf(walk->why, SW_WHY_SIZE, "%s: %s", name, sw_err_text(err));
    }
    sw_wal_reader_release(&reader);
    walk->disk->ops->close(walk->disk, file);
    return err;
}

static uint64_t largest(uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t ab = a > b ? a : b;

    return ab > c ? ab : c;
}

enum sw_err sw_wal_catalog_walk(struct sw_disk *disk,
                                const struct sw_wal_catalog *catalog,
                                sw_wal_visit_fn visit,
                                void *arg,
                                struct sw_wal_tail *ret_tail,
                                char ret_why[SW_WHY_SIZE])
{
    const struct walk walk = {.disk = disk, .visit = visit, .arg = arg, .why = ret_why};

    SW_ASSERT(catalog->segment_count > 0);
    SW_ASSERT(!catalog->fresh);
    ret_why[0] = '\0';
    for (size_t i = 0; i < catalog->segment_count; i++) {
        const struct sw_wal_segment_header *segment = &catalog->segments[i];
        const bool last = i + 1 == catalog->segment_count;
        struct sw_wal_tail tail = {.behind = {0}};
        uint64_t durable;
        enum sw_err err = segment_walk(&walk, segment, last ? NULL : segment + 1, &tail);

        if (err != SW_ERR_OK) {
            return err;
        }
        /* A segment is put to use only after all records before its first one were synced. */
        durable =
            last
                ? largest(tail.end.durable_lsn, tail.behind.durable_lsn, catalog->state.durable_lsn)
                : segment[1].first_lsn - 1;
        err = end_judge(segment, &tail.end, durable, ret_why);
        if (err != SW_ERR_OK) {
            return err;
        }
        *ret_tail = tail;
    }
    return SW_ERR_OK;
}
