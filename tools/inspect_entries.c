/* swarm-inspect wal --entries: the live entries of a log with their commands, as JSON lines.
 *
 * Live is what a start would hand to Raft: not replaced by a later entry of the same index, not cut
 * off, not behind an installed snapshot. The log does not say which of them are committed, so all
 * are printed; the tail may hold some that never will be. Two walks: the first finds the record of
 * each index, the second prints those records, so that memory holds no bodies.
 * 64-bit numbers are strings, keys and values are hex: commands may hold any bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "storage/wal_scan.h"
#include "tools/inspect.h"
#include "transport/proto.h"

enum {
    /* The body of a command entry: node/entry.h has its table. */
    ENTRY_FORMAT = 4, /* the highest */
    ENTRY_FORMAT_AUTHORS = 3,
    AUTHOR_SIZE = 16,

    /* What raft/ writes into the type of a record. */
    TYPE_COMMAND = 1,
    TYPE_BARRIER = 2,
    TYPE_CHANGE = 3,
};

/* Which record holds which index of one group. */
struct group {
    const struct sw_wal_state_group *row; /* borrowed from the catalog */
    uint64_t start;                       /* index of lsns[0] */
    uint64_t *lsns;                       /* owned */
    size_t count;
    size_t capacity;
};

struct listing {
    struct group *groups; /* owned; one for each row of the state */
    size_t group_count;
};

/* --- which records are live ------------------------------------------------------------------- */

static struct group *group_find(struct listing *listing, struct sw_group_id id)
{
    for (size_t i = 0; i < listing->group_count; i++) {
        if (listing->groups[i].row->group.value == id.value) {
            return &listing->groups[i];
        }
    }
    return NULL;
}

/* Drops all entries >= index. */
static void group_truncate(struct group *group, uint64_t index)
{
    if (index <= group->start) {
        group->count = 0;
    } else if (index - group->start < group->count) {
        group->count = (size_t)(index - group->start);
    }
}

static void group_put(struct group *group, uint64_t index, uint64_t lsn)
{
    group_truncate(group, index);
    if (group->count == 0 || index != group->start + group->count) {
        group->start = index;
        group->count = 0;
    }
    sw_wal_numbers_add(&group->lsns, &group->count, &group->capacity, lsn);
}

static enum sw_err place_visit(void *arg,
                               const struct sw_wal_segment_header *segment,
                               uint64_t offset,
                               const struct sw_wal_record *record,
                               struct sw_span body)
{
    struct group *group = group_find(arg, record->group);

    (void)segment;
    (void)offset;
    (void)body;
    if (group == NULL || record->lsn < group->row->reset_lsn) {
        return SW_ERR_OK;
    }
    if (record->kind == SW_WAL_KIND_ENTRY && record->index >= group->row->first_index) {
        group_put(group, record->index, record->lsn);
    } else {
        group_truncate(group, record->index);
    }
    return SW_ERR_OK;
}

static bool is_live(struct listing *listing, const struct sw_wal_record *record)
{
    const struct group *group = group_find(listing, record->group);

    return group != NULL && record->kind == SW_WAL_KIND_ENTRY && record->index >= group->start &&
           record->index - group->start < group->count &&
           group->lsns[record->index - group->start] == record->lsn;
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_number(const char *name, uint64_t value)
{
    if (value != 0) {
        (void)printf(",\"%s\":\"%" PRIu64 "\"", name, value);
    }
}

static void print_hex(const char *name, struct sw_span bytes)
{
    if (bytes.size == 0) {
        return;
    }
    (void)printf(",\"%s\":\"", name);
    for (size_t i = 0; i < bytes.size; i++) {
        (void)printf("%02x", bytes.data[i]);
    }
    (void)putchar('"');
}

/* Names are printable ASCII once they passed sw_request_validate; the log is not trusted for that.
 */
static void print_name(const char *name, struct sw_span bytes)
{
    if (bytes.size == 0) {
        return;
    }
    (void)printf(",\"%s\":\"", name);
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t c = bytes.data[i];

        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            (void)printf("\\u%04x", c);
        } else {
            (void)putchar(c);
        }
    }
    (void)putchar('"');
}

static const char *op_text(enum sw_op op)
{
    static const char *const names[] = {[SW_OP_PUT] = "put",
                                        [SW_OP_DELETE] = "delete",
                                        [SW_OP_CAS] = "cas",
                                        [SW_OP_EXPERIENCE_APPEND] = "experience-append",
                                        [SW_OP_SESSION_OPEN] = "session-open",
                                        [SW_OP_SESSION_CLOSE] = "session-close",
                                        [SW_OP_TXN] = "txn",
                                        [SW_OP_LEASE_GRANT] = "lease-grant",
                                        [SW_OP_LEASE_KEEP_ALIVE] = "lease-keep-alive",
                                        [SW_OP_LEASE_REVOKE] = "lease-revoke",
                                        [SW_OP_TICK] = "tick",
                                        [SW_OP_SETTING_PUT] = "setting-put",
                                        [SW_OP_SETTING_DELETE] = "setting-delete",
                                        [SW_OP_AUDIT] = "audit",
                                        [SW_OP_COMPACT] = "compact",
                                        [SW_OP_TOKEN_REDEEM] = "token-redeem"};
    const char *name = (size_t)op < sizeof names / sizeof names[0] ? names[op] : NULL;

    return name == NULL ? "other" : name;
}

/* Who wanted it, as the leader knew; older entries do not say. */
struct author {
    uint8_t flags;
    struct sw_span id;
};

static void print_author(const struct author *author)
{
    bool known = false;

    print_number("author_flags", author->flags);
    for (size_t i = 0; i < author->id.size; i++) {
        known = known || author->id.data[i] != 0;
    }
    if (known) {
        print_hex("author", author->id);
    }
}

static void print_command(const struct author *author, struct sw_span bytes)
{
    struct sw_request command;

    if (sw_command_decode(bytes, &command) != SW_ERR_OK) {
        (void)printf("{\"op\":\"malformed\"");
        print_hex("bytes", bytes);
        (void)putchar('}');
        return;
    }
    (void)printf("{\"op\":\"%s\"", op_text(command.op));
    print_number("number", (uint64_t)command.op);
    print_number("flags", command.flags);
    print_number("session", command.session.value);
    print_number("seq", command.seq);
    print_number("acked", command.acked);
    print_name("tenant", command.tenant);
    print_name("namespace", command.name_space);
    print_name("partition", command.partition);
    print_hex("key", command.key);
    print_hex("end_key", command.end_key);
    print_hex("value", command.value);
    print_number("expected", command.expected);
    print_number("limit", command.limit);
    print_number("lease", command.lease);
    print_author(author);
    (void)putchar('}');
}

/* A body that does not decode is printed as such: replicas skip it in the same way. */
static void print_commands(struct sw_span body)
{
    struct sw_reader in = sw_reader_of(body);
    const uint8_t format = sw_read_u8(&in);
    const uint64_t time_ms = sw_read_u64(&in);
    const uint32_t count = sw_read_u32_max(&in, SW_ENTRY_COMMAND_COUNT_MAX);

    print_number("time_ms", time_ms);
    if (in.failed || format == 0 || format > ENTRY_FORMAT) {
        print_hex("malformed", body);
        return;
    }
    (void)printf(",\"commands\":[");
    for (uint32_t i = 0; i < count; i++) {
        struct author author = {0};
        struct sw_span command;

        if (format >= ENTRY_FORMAT_AUTHORS) {
            author.flags = sw_read_u8(&in);
            author.id = sw_read_bytes(&in, AUTHOR_SIZE);
        }
        command = sw_read_blob(&in, SW_COMMAND_SIZE_MAX);
        if (i > 0) {
            (void)putchar(',');
        }
        print_command(&author, command);
    }
    (void)putchar(']');
    if (sw_reader_finish(&in) != SW_ERR_OK) {
        print_hex("malformed", body);
    }
}

static const char *type_text(uint8_t type)
{
    switch (type) {
    case TYPE_COMMAND:
        return "command";
    case TYPE_BARRIER:
        return "barrier";
    case TYPE_CHANGE:
        return "change";
    default:
        return "other";
    }
}

static enum sw_err entry_visit(void *arg,
                               const struct sw_wal_segment_header *segment,
                               uint64_t offset,
                               const struct sw_wal_record *record,
                               struct sw_span body)
{
    (void)segment;
    (void)offset;
    if (!is_live(arg, record)) {
        return SW_ERR_OK;
    }
    (void)printf("{\"group\":%" PRIu32, record->group.value);
    print_number("index", record->index);
    print_number("term", record->term);
    (void)printf(",\"type\":\"%s\"", type_text(record->type));
    if (record->type == TYPE_COMMAND) {
        print_commands(body);
    }
    (void)puts("}");
    return SW_ERR_OK;
}

/* --- the walks -------------------------------------------------------------------------------- */

/* Whose log it is, from the state file: whoever writes entries has written it before. */
static enum sw_err owner_find(struct sw_disk *disk,
                              struct sw_swarm_id *ret_swarm,
                              struct sw_node_id *ret_node,
                              char *why)
{
    enum sw_err err = SW_ERR_NOT_FOUND;

    for (int copy = 0; copy < 2; copy++) {
        struct sw_wal_state state = {.sequence = 0};

        err = sw_wal_state_read(disk, copy, &state);
        if (err == SW_ERR_OK) {
            *ret_swarm = state.swarm;
            *ret_node = state.node;
            sw_wal_state_release(&state);
            return SW_ERR_OK;
        }
    }
    (void)snprintf(why, SW_WHY_SIZE, "no readable copy of the log's state");
    return err;
}

static enum sw_err
listing_walk(struct sw_disk *disk, const struct sw_wal_catalog *catalog, char *why)
{
    struct listing listing = {.group_count = catalog->state.group_count};
    struct sw_wal_tail tail;
    enum sw_err err;

    listing.groups = calloc(listing.group_count + 1, sizeof(*listing.groups));
    SW_ASSERT(listing.groups != NULL);
    for (size_t i = 0; i < listing.group_count; i++) {
        listing.groups[i].row = &catalog->state.groups[i];
    }
    err = sw_wal_catalog_walk(disk, catalog, place_visit, &listing, &tail, why);
    if (err == SW_ERR_OK) {
        err = sw_wal_catalog_walk(disk, catalog, entry_visit, &listing, &tail, why);
    }
    for (size_t i = 0; i < listing.group_count; i++) {
        free(listing.groups[i].lsns);
    }
    free(listing.groups);
    return err;
}

enum sw_err sw_inspect_entries(struct sw_disk *disk, char why[SW_WHY_SIZE])
{
    struct sw_swarm_id swarm;
    struct sw_node_id node;
    struct sw_wal_catalog catalog;
    enum sw_err err = owner_find(disk, &swarm, &node, why);

    if (err != SW_ERR_OK) {
        return err;
    }
    err = sw_wal_catalog_read(disk, swarm, node, &catalog, why);
    if (err == SW_ERR_OK && !catalog.fresh) {
        err = listing_walk(disk, &catalog, why);
    }
    sw_wal_catalog_release(&catalog);
    return err;
}
