/* swarm-inspect wal: prints the files of a log, its records and its state copies, and says whether
 * a node would start from it.
 *
 * Reads only. Beside a running node it may catch a batch half written and call the end torn, which
 * is what a crash at that moment would leave. Bodies are somebody's data and are shown only when
 * asked for (inspect_entries.c). */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "storage/disk_posix.h"
#include "storage/wal_scan.h"
#include "tools/inspect.h"

enum { EXIT_USAGE = 2 };

struct inspection {
    const char *dir;
    uint64_t limit; /* records printed of each segment; all are verified */
    bool json;
    bool entries; /* instead of all else */
    struct sw_disk *disk;
    uint64_t records; /* of the segment being walked */
    bool owned;       /* swarm and node were found */
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    uint64_t *segments; /* owned */
    size_t segment_count;
    size_t segment_capacity;
    uint64_t spares;
    uint64_t unfinished;
};

static const char usage[] =
    "usage: swarm-inspect wal DIR [--limit N] [-o table|json]\n"
    "       swarm-inspect wal DIR --entries [-o jsonl]\n"
    "Prints the log in DIR: state copies, segments, records. --limit prints fewer records of each\n"
    "segment (0: none); all are verified. --entries prints the live entries instead, with their\n"
    "commands, keys and values. Exit code: 0 sound, 10 damaged.\n";

static void print_begin(const struct inspection *in, const char *kind, const char *name)
{
    (void)printf(in->json ? "{\"%s\":\"%s\"" : "%-8s %s", kind, name);
}

/* 64-bit numbers are strings in JSON: half of all readers round them otherwise. */
static void print_number(const struct inspection *in, const char *name, uint64_t value)
{
    (void)printf(in->json ? ",\"%s\":\"%" PRIu64 "\"" : " %s=%" PRIu64, name, value);
}

/* Of our own making, or checked to be plain. */
static void print_text(const struct inspection *in, const char *name, const char *value)
{
    (void)printf(in->json ? ",\"%s\":\"%s\"" : " %s=%s", name, value);
}

static void print_swarm(const struct inspection *in, struct sw_swarm_id swarm)
{
    char text[2 * sizeof(swarm.bytes) + 1];

    for (size_t i = 0; i < sizeof(swarm.bytes); i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", swarm.bytes[i]);
    }
    print_text(in, "swarm", text);
}

static void print_end(const struct inspection *in)
{
    (void)puts(in->json ? "}" : "");
}

static void owner_set(struct inspection *in, struct sw_swarm_id swarm, struct sw_node_id node)
{
    if (!in->owned) {
        in->owned = true;
        in->swarm = swarm;
        in->node = node;
    }
}

static void print_group(const struct inspection *in, const struct sw_wal_state_group *row)
{
    print_begin(in, "group", in->json ? "" : "-");
    print_number(in, "id", row->group.value);
    print_number(in, "term", row->hard.term);
    print_number(in, "vote", row->hard.vote.value);
    print_number(in, "first_index", row->first_index);
    print_number(in, "reset_lsn", row->reset_lsn);
    if (row->has_snapshot) {
        print_number(in, "snapshot_index", row->snapshot_index);
        print_number(in, "snapshot_term", row->snapshot_term);
        print_number(in, "descriptor_size", row->descriptor.size);
    }
    print_end(in);
}

static void inspect_state(struct inspection *in, int copy)
{
    struct sw_wal_state state = {.sequence = 0};
    const enum sw_err err = sw_wal_state_read(in->disk, copy, &state);

    print_begin(in, "state", sw_wal_state_name(copy));
    print_text(in, "check", sw_err_info(err)->name);
    if (err == SW_ERR_OK) {
        owner_set(in, state.swarm, state.node);
        print_swarm(in, state.swarm);
        print_number(in, "node", state.node.value);
        print_number(in, "sequence", state.sequence);
        print_number(in, "durable_lsn", state.durable_lsn);
        print_number(in, "first_segment", state.first_segment);
        print_number(in, "last_segment", state.last_segment);
        print_number(in, "groups", state.group_count);
    }
    print_end(in);
    for (size_t i = 0; i < state.group_count; i++) {
        print_group(in, &state.groups[i]);
    }
    sw_wal_state_release(&state);
}

static enum sw_err record_visit(void *arg,
                                const struct sw_wal_segment_header *segment,
                                uint64_t offset,
                                const struct sw_wal_record *record,
                                struct sw_span body)
{
    struct inspection *in = arg;

    SW_ASSERT(segment->first_lsn <= record->lsn);
    in->records++;
    if (in->records > in->limit) {
        return SW_ERR_OK;
    }
    print_begin(in, "record", record->kind == SW_WAL_KIND_ENTRY ? "entry" : "truncate");
    print_number(in, "offset", offset);
    print_number(in, "lsn", record->lsn);
    print_number(in, "durable_lsn", record->durable_lsn);
    print_number(in, "group", record->group.value);
    print_number(in, "index", record->index);
    if (record->kind == SW_WAL_KIND_ENTRY) {
        print_number(in, "term", record->term);
        print_number(in, "type", record->type);
        print_number(in, "size", body.size);
    }
    print_end(in);
    return SW_ERR_OK;
}

/* Prints the records of an open segment and what lies behind the last good one. */
static enum sw_err walk(struct inspection *in,
                        struct sw_wal_reader *reader,
                        const struct sw_wal_segment_header *header,
                        const char *name)
{
    struct sw_wal_end end;
    struct sw_wal_behind behind;
    enum sw_err err;

    in->records = 0;
    err = sw_wal_walk(reader, header, UINT64_MAX, record_visit, in, &end);
    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_wal_look_behind(reader, header, &end, &behind);
    if (err != SW_ERR_OK) {
        return err;
    }
    print_begin(in, "end", name);
    print_number(in, "records", in->records);
    print_number(in, "offset", end.offset);
    print_number(in, "next_lsn", end.lsn);
    print_number(in,
                 "durable_lsn",
                 end.durable_lsn > behind.durable_lsn ? end.durable_lsn : behind.durable_lsn);
    print_number(in, "leftover", behind.leftover_offset);
    print_end(in);
    return SW_ERR_OK;
}

static enum sw_err
inspect_records(struct inspection *in, const struct sw_wal_segment_header *header, const char *name)
{
    struct sw_wal_reader reader = {.disk = NULL};
    struct sw_file *file = NULL;
    enum sw_err err = in->disk->ops->open(in->disk, name, false, &file);

    if (err == SW_ERR_OK) {
        err = sw_wal_reader_open(&reader, in->disk, file);
    }
    if (err == SW_ERR_OK) {
        err = walk(in, &reader, header, name);
    }
    sw_wal_reader_release(&reader);
    in->disk->ops->close(in->disk, file);
    return err;
}

static enum sw_err inspect_segment(struct inspection *in, uint64_t sequence)
{
    struct sw_wal_segment_header header = {.size = 0};
    char name[SW_WAL_NAME_SIZE];
    enum sw_err err;

    sw_wal_segment_name(sequence, name);
    err = sw_wal_segment_read(in->disk, sequence, &header);
    print_begin(in, "segment", name);
    print_text(in, "check", sw_err_info(err)->name);
    if (err == SW_ERR_OK) {
        owner_set(in, header.swarm, header.node);
        print_swarm(in, header.swarm);
        print_number(in, "node", header.node.value);
        print_number(in, "first_lsn", header.first_lsn);
        print_number(in, "size", header.size);
        print_number(in, "block_size", header.block_size);
        print_number(in, "state_sequence", header.state_sequence);
    }
    print_end(in);
    if (err == SW_ERR_OK) {
        err = inspect_records(in, &header, name);
    }
    return err == SW_ERR_CORRUPT || err == SW_ERR_NEWER_FORMAT ? SW_ERR_OK : err;
}

static void name_visit(void *arg, const char *name)
{
    struct inspection *in = arg;
    uint64_t sequence;

    if (sw_wal_name_parse(name, "wal-", &sequence)) {
        sw_wal_numbers_add(&in->segments, &in->segment_count, &in->segment_capacity, sequence);
    } else if (sw_wal_name_parse(name, "spare-", &sequence)) {
        in->spares++;
    } else if (sw_wal_name_parse(name, "unfinished-", &sequence)) {
        in->unfinished++;
    }
}

static int number_compare(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : (left > right ? 1 : 0);
}

/* What a node that owns this directory would say of it. */
static enum sw_err verdict(struct inspection *in, char *why)
{
    struct sw_wal_catalog catalog;
    struct sw_wal_tail tail = {.end = {.lsn = 1}};
    enum sw_err err = sw_wal_catalog_read(in->disk, in->swarm, in->node, &catalog, why);
    const char *text = catalog.fresh ? "fresh" : "sound";

    if (err == SW_ERR_OK && !catalog.fresh) {
        err = sw_wal_catalog_walk(in->disk, &catalog, NULL, NULL, &tail, why);
    }
    print_begin(in, "verdict", err == SW_ERR_OK ? text : sw_err_info(err)->name);
    print_number(in, "spares", in->spares);
    print_number(in, "unfinished", in->unfinished);
    if (err == SW_ERR_OK) {
        print_number(in, "next_lsn", tail.end.lsn);
    }
    print_end(in);
    sw_wal_catalog_release(&catalog);
    return err;
}

static bool format_known(const char *format, bool entries)
{
    if (format == NULL) {
        return true;
    }
    return entries ? strcmp(format, "jsonl") == 0
                   : strcmp(format, "json") == 0 || strcmp(format, "table") == 0;
}

static bool parse(int argc, char **argv, struct inspection *in)
{
    static const struct option options[] = {
        {"limit", required_argument, NULL, 'l'},
        {"entries", no_argument, NULL, 'e'},
        {"output", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    const char *format = NULL;
    char *end;
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            in->limit = strtoull(optarg, &end, 10);
            if (*end != '\0' || end == optarg) {
                return false;
            }
            break;
        case 'e':
            in->entries = true;
            break;
        case 'o':
            format = optarg;
            break;
        default:
            return false;
        }
    }
    in->dir = optind + 1 == argc ? argv[optind] : NULL;
    in->json = format != NULL && strcmp(format, "json") == 0;
    return in->dir != NULL && format_known(format, in->entries);
}

static enum sw_err inspect(struct inspection *in, char *why)
{
    enum sw_err err;

    for (int copy = 0; copy < 2; copy++) {
        inspect_state(in, copy);
    }
    err = in->disk->ops->list(in->disk, name_visit, in);
    if (err != SW_ERR_OK) {
        (void)snprintf(why, SW_WHY_SIZE, "listing %s failed", in->dir);
        return err;
    }
    if (in->segment_count > 0) {
        qsort(in->segments, in->segment_count, sizeof(*in->segments), number_compare);
    }
    for (size_t i = 0; i < in->segment_count; i++) {
        err = inspect_segment(in, in->segments[i]);
        if (err != SW_ERR_OK) {
            (void)snprintf(why, SW_WHY_SIZE, "reading segment %" PRIu64, in->segments[i]);
            return err;
        }
    }
    return verdict(in, why);
}

int sw_inspect_wal(int argc, char **argv)
{
    struct inspection in = {.limit = UINT64_MAX};
    struct sw_disk_posix *posix = NULL;
    char why[SW_WHY_SIZE] = "";
    char place[PATH_MAX];
    enum sw_err err;

    if (!parse(argc, argv, &in)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    in.dir = sw_inspect_dir(in.dir, "wal", place, sizeof(place));
    err = sw_disk_posix_new_read_only(in.dir, &posix, why);
    if (err == SW_ERR_OK) {
        in.disk = sw_disk_posix_port(posix);
        err = in.entries ? sw_inspect_entries(in.disk, why) : inspect(&in, why);
    }
    free(in.segments);
    sw_disk_posix_free(posix);
    return err == SW_ERR_OK ? 0 : sw_inspect_fail(err, why);
}
