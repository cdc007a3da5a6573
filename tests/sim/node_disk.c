/* What happens to the disks of machines, and what nodes may answer to it. */
#include "tests/sim/node_disk.h"

#include <stdlib.h>

#include "base/assert.h"
#include "storage/wal_scan.h"

enum { SECTOR_SIZE = 512, FLIP_STEPS_MAX = 64 };

/* A stretch of a segment file that the log needs. */
struct spot {
    uint64_t segment;
    uint64_t offset;
    uint64_t size;
};

struct spots {
    struct spot *items; /* owned */
    size_t count, capacity;
    uint64_t last_segment; /* of the log; up to `durable` it proves what it holds */
    uint64_t durable;
    bool prove;
};

static uint64_t below(struct sim_machine *machine, uint64_t bound)
{
    return sw_prng_below(&machine->host->world->fault, bound);
}

/* --- what may be damaged ---------------------------------------------------------------------- */

/* First pass: none of the last segment's records, because what is durable is known at the end. */
static enum sw_err visit(void *arg,
                         const struct sw_wal_segment_header *segment,
                         uint64_t offset,
                         const struct sw_wal_record *record,
                         struct sw_span body)
{
    struct spots *spots = arg;
    const bool last = segment->sequence == spots->last_segment;

    if (last != spots->prove || (last && record->lsn > spots->durable)) {
        return SW_ERR_OK;
    }
    if (spots->count == spots->capacity) {
        spots->capacity = spots->capacity == 0 ? 64 : spots->capacity * 2;
        spots->items = realloc(spots->items, spots->capacity * sizeof(*spots->items));
        SW_ASSERT(spots->items != NULL);
    }
    spots->items[spots->count++] = (struct spot){.segment = segment->sequence,
                                                 .offset = offset,
                                                 .size = SW_WAL_RECORD_HEADER_SIZE + body.size};
    return SW_ERR_OK;
}

/* Records that the log can prove to be durable, and the headers of its segments. */
static enum sw_err spots_find(struct sim_machine *machine, struct spots *spots)
{
    struct sw_disk *disk = sw_disk_mem_port(machine->disk);
    struct sw_wal_catalog catalog;
    struct sw_wal_tail tail;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    err = sw_wal_catalog_read(
        disk, (struct sw_swarm_id){{1}}, (struct sw_node_id){machine->host->number}, &catalog, why);
    if (err != SW_ERR_OK || catalog.fresh) {
        goto out;
    }
    spots->last_segment = catalog.segments[catalog.segment_count - 1].sequence;
    for (int pass = 0; pass < 2 && err == SW_ERR_OK; pass++) {
        spots->prove = pass == 1;
        err = sw_wal_catalog_walk(disk, &catalog, visit, spots, &tail, why);
        spots->durable = catalog.state.durable_lsn;
        if (err == SW_ERR_OK && tail.end.durable_lsn > spots->durable) {
            spots->durable = tail.end.durable_lsn;
        }
        if (err == SW_ERR_OK && tail.behind.durable_lsn > spots->durable) {
            spots->durable = tail.behind.durable_lsn;
        }
    }
out:
    sw_wal_catalog_release(&catalog);
    return err;
}

/* --- damage ----------------------------------------------------------------------------------- */

static void
read_at(struct sim_machine *machine, const char *name, uint64_t offset, uint8_t *out, size_t size)
{
    struct sw_disk *disk = sw_disk_mem_port(machine->disk);
    struct sw_file *file = NULL;
    enum sw_err err = disk->ops->open(disk, name, false, &file);

    SW_ASSERT(err == SW_ERR_OK);
    err = disk->ops->read(disk, file, offset, out, size);
    SW_ASSERT(err == SW_ERR_OK);
    disk->ops->close(disk, file);
}

static void flip(struct sim_machine *machine, const char *name, const struct spot *spot)
{
    const enum sw_err err = sw_disk_mem_flip(
        machine->disk, name, spot->offset + below(machine, spot->size), (uint8_t)below(machine, 8));

    SW_ASSERT(err == SW_ERR_OK);
}

/* A sector that is not what was written there: zeros (a lost write to a fresh file) or another
 * sector of the file (a misdirected write, or a lost one to a file used again). */
static void wrong_sector(struct sim_machine *machine, const char *name, const struct spot *spot)
{
    const uint64_t at = (spot->offset + below(machine, spot->size)) / SECTOR_SIZE * SECTOR_SIZE;
    const uint64_t count = machine->host->world->plan.segment_size / SECTOR_SIZE;
    const size_t from = at < spot->offset ? (size_t)(spot->offset - at) : 0;
    const uint64_t end = spot->offset + spot->size;
    const size_t to = end < at + SECTOR_SIZE ? (size_t)(end - at) : SECTOR_SIZE;
    uint8_t before[SECTOR_SIZE];
    uint8_t after[SECTOR_SIZE] = {0};

    read_at(machine, name, at, before, sizeof(before));
    if (below(machine, 2) == 0) {
        read_at(machine, name, below(machine, count) * SECTOR_SIZE, after, sizeof(after));
    }
    if (sw_span_equal(sw_span_of(before + from, to - from), sw_span_of(after + from, to - from))) {
        flip(machine, name, spot); /* the same bytes: nobody could know */
        return;
    }
    sw_disk_mem_damage(machine->disk, name, at, sw_span_of(after, sizeof(after)));
}

static void lose_segment(struct sim_machine *machine, const char *name)
{
    struct sw_disk *disk = sw_disk_mem_port(machine->disk);
    enum sw_err err = disk->ops->remove(disk, name);

    SW_ASSERT(err == SW_ERR_OK);
    err = disk->ops->sync_directory(disk);
    SW_ASSERT(err == SW_ERR_OK);
}

/* A place of the log that it must not do without. */
static void damage_log(struct sim_machine *machine, const struct spots *spots)
{
    const struct spot *spot = &spots->items[below(machine, spots->count)];
    const struct spot header = {.size = SW_WAL_SEGMENT_HEADER_SIZE};
    const uint64_t kind = below(machine, 10);
    char name[SW_WAL_NAME_SIZE];

    sw_wal_segment_name(spot->segment, name);
    machine->must_refuse = true;
    if (kind == 0) {
        lose_segment(machine, name);
    } else if (kind == 1) {
        flip(machine, name, &header);
    } else if (kind < 5) {
        flip(machine, name, spot);
    } else {
        wrong_sector(machine, name, spot);
    }
}

/* One of two copies: the other one is enough, unless the power went while it was written. */
static void damage_state(struct sim_machine *machine)
{
    const struct spot spot = {.size = SW_WAL_STATE_HEADER_SIZE};

    machine->may_refuse = true;
    flip(machine, sw_wal_state_name((int)below(machine, 2)), &spot);
}

/* A bit of one of the first records of a table; false if the table is empty. */
static bool damage_store(struct sim_machine *machine)
{
    static const enum sw_table tables[4] = {
        SW_TABLE_META, SW_TABLE_KV, SW_TABLE_EXPERIENCE, SW_TABLE_SESSION};
    const enum sw_table table = tables[below(machine, 4)];
    const struct sw_store_ops *ops = machine->store->ops;
    uint64_t left = below(machine, FLIP_STEPS_MAX);
    struct sw_store_record record;
    struct sw_span key = {0};
    enum sw_err err = ops->seek(machine->store, table, sw_span_of(NULL, 0), false, &record);

    while (err == SW_ERR_OK) {
        key = record.key;
        if (left-- == 0) {
            break;
        }
        err = ops->next(machine->store, table, false, &record);
    }
    if (key.size == 0) {
        return false;
    }
    machine->store_damaged =
        sw_store_mem_flip(machine->store, table, key, below(machine, UINT32_MAX));
    return machine->store_damaged;
}

void sim_machine_damage(struct sim_machine *machine)
{
    const uint64_t kind = below(machine, 8);
    struct spots spots = {0};

    machine->host->disk_bad = true;
    if (machine->host->alive) { /* its log is read at a start only */
        machine->host->disk_broken = damage_store(machine) || machine->host->disk_broken;
        return;
    }
    if (kind == 0 && damage_store(machine)) {
        return;
    }
    /* What proves a record to be durable must not go with the next power cut: then the log ends
     * before the damage, and a start on it is right. */
    sw_disk_mem_write_back(machine->disk);
    if (spots_find(machine, &spots) == SW_ERR_OK && spots.count > 0) {
        if (kind == 1) {
            damage_state(machine);
        } else {
            damage_log(machine, &spots);
        }
    }
    free(spots.items);
}

/* --- space and errors ------------------------------------------------------------------------- */

void sim_machine_full(struct sim_machine *machine, bool full)
{
    const uint64_t room = below(machine, 2 * (uint64_t)machine->host->world->plan.segment_size);

    if (full == machine->full) {
        return;
    }
    machine->full = full;
    machine->host->disk_bad = full;
    machine->host->disk_broken = machine->host->disk_broken || full;
    sw_disk_mem_set_capacity(machine->disk, full ? sw_disk_mem_used(machine->disk) + 1 + room : 0);
    sw_store_mem_set_full(machine->store, full && below(machine, 2) == 0);
}

void sim_machine_disk_fail(struct sim_machine *machine)
{
    const bool sync = below(machine, 2) == 0;
    const bool for_good = below(machine, 2) == 0;

    if (!machine->host->alive) {
        machine->read_planned = true;
        return;
    }
    sw_disk_mem_fail_at(machine->disk,
                        sync ? SW_DISK_MEM_SYNC : SW_DISK_MEM_WRITE,
                        1 + below(machine, 3),
                        SW_ERR_IO,
                        for_good);
}

/* --- what a node may say to it ---------------------------------------------------------------- */

/* Damaged, and it said so: it stays out. */
static void refuse(struct sim_machine *machine)
{
    machine->host->refused = true;
    machine->host->disk_broken = true;
    machine->host->world->stats.refused++;
    sim_host_fatal(machine->host, SW_ERR_CORRUPT);
}

void sim_machine_opens(struct sim_machine *machine)
{
    struct sw_prng *prng = &machine->host->world->prng;

    machine->reads_fail = machine->read_planned;
    machine->read_planned = false;
    if (machine->reads_fail) {
        sw_disk_mem_fail_at(
            machine->disk, SW_DISK_MEM_READ, 1 + sw_prng_below(prng, 12), SW_ERR_IO, false);
    }
}

bool sim_machine_may_stop(struct sim_machine *machine, enum sw_err err)
{
    if (err == SW_ERR_CORRUPT && machine->store_damaged) {
        refuse(machine);
        return true;
    }
    if (err == SW_ERR_DISK_FULL && machine->full) {
        machine->host->disk_broken = true;
        machine->host->world->stats.full_stops++;
        sim_host_fatal(machine->host, err); /* started again later: space may be back then */
        return true;
    }
    if (err == SW_ERR_IO && machine->reads_fail) {
        machine->host->disk_broken = true;
        sim_host_fatal(machine->host, err); /* nothing was changed: the next start may go well */
        return true;
    }
    return false;
}

bool sim_machine_opened(struct sim_machine *machine, enum sw_err err, const char *why)
{
    struct sim_host *host = machine->host;

    if (err == SW_ERR_CORRUPT && (machine->must_refuse || machine->may_refuse)) {
        refuse(machine);
        return false;
    }
    if (err != SW_ERR_OK) {
        if (!sim_machine_may_stop(machine, err)) {
            sim_fail(host->world,
                     "node %u cannot open its log: %s, %s",
                     host->number,
                     sw_err_name(err),
                     why);
        }
        return false;
    }
    if (machine->must_refuse) {
        sim_fail(host->world,
                 "damage: node %u starts on a log that is damaged where it was durable",
                 host->number);
        return false;
    }
    machine->may_refuse = false;
    return true;
}
