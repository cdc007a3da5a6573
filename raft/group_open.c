/* Opening a group: from what the WAL holds, or from nothing, to a running libraft. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "raft/descriptor.h"
#include "raft/group_private.h"

enum {
    SNAPSHOT_NEVER = 0x3fffffff,
    DESCRIPTOR_OVERHEAD = 64,
    HEAP_ZEROED_SIZE_MAX = SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX
};

static void *heap_checked(void *pointer)
{
    SW_ASSERT(pointer != NULL); /* libraft's paths for lack of memory corrupt its state */
    return pointer;
}

/* Small blocks are zeroed: libraft pads the configurations that it encodes with whatever malloc
 * gave, and those bytes go to disk and to peers. */
static void *heap_malloc(void *data, size_t size)
{
    (void)data;
    if (size <= HEAP_ZEROED_SIZE_MAX) {
        return heap_checked(calloc(1, size > 0 ? size : 1));
    }
    return heap_checked(malloc(size));
}

static void *heap_calloc(void *data, size_t count, size_t size)
{
    (void)data;
    return heap_checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

static void *heap_realloc(void *data, void *pointer, size_t size)
{
    (void)data;
    return heap_checked(realloc(pointer, size > 0 ? size : 1));
}

static void heap_free(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

static void *heap_aligned_alloc(void *data, size_t alignment, size_t size)
{
    (void)data;
    return heap_checked(aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment));
}

static void heap_aligned_free(void *data, size_t alignment, void *pointer)
{
    (void)data;
    (void)alignment;
    free(pointer);
}

/* One heap for all instances of the process; setting it again changes nothing. */
static void heap_set(void)
{
    static struct raft_heap heap = {.malloc = heap_malloc,
                                    .free = heap_free,
                                    .calloc = heap_calloc,
                                    .realloc = heap_realloc,
                                    .aligned_alloc = heap_aligned_alloc,
                                    .aligned_free = heap_aligned_free};

    raft_heap_set(&heap);
}

/* A NULL tracer is dereferenced and the default one is not thread-safe: a disabled one is neither.
 */
static void
trace_nothing(struct raft_tracer *tracer, const char *file, int line, const char *message)
{
    (void)tracer;
    (void)file;
    (void)line;
    (void)message;
}

static struct raft_tracer disabled_tracer = {.impl = NULL, .enabled = false, .emit = trace_nothing};

/* Entry 1 of a new group: the configuration of all members, in term 1. */
static void bootstrap(const struct sw_group_config *config, struct sw_wal_group *loaded)
{
    struct raft_configuration configuration;
    struct raft_buffer encoded = {0};
    int rv = 0;

    raft_configuration_init(&configuration);
    for (uint32_t i = 0; i < config->member_count && rv == 0; i++) {
        rv = raft_configuration_add(
            &configuration, config->members[i].node.value, config->members[i].address, RAFT_VOTER);
    }
    SW_ASSERT(rv == 0); /* ids and addresses were checked to be distinct */
    rv = raft_configuration_encode(&configuration, &encoded);
    SW_ASSERT(rv == 0);
    raft_configuration_close(&configuration);
    sw_wal_group_release(loaded);
    loaded->hard.term = 1;
    loaded->first_index = 1;
    loaded->entry_count = 1;
    loaded->entries = heap_checked(calloc(1, sizeof *loaded->entries));
    loaded->blob = heap_checked(malloc(encoded.len));
    memcpy(loaded->blob, encoded.base, encoded.len);
    loaded->entries[0] = (struct sw_wal_entry){
        .index = 1, .term = 1, .type = RAFT_CHANGE, .body = sw_span_of(loaded->blob, encoded.len)};
    raft_free(encoded.base);
}

_Static_assert(SW_NODE_COUNT_MAX *(SW_ADDRESS_SIZE_MAX + 10) + 64 <=
                   SW_SNAPSHOT_DESCRIPTOR_SIZE_MAX,
               "the configuration of the largest swarm fits into a descriptor");

static bool members_valid(const struct sw_group_config *config)
{
    if (config->member_count == 0 || config->member_count > SW_NODE_COUNT_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < config->member_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (sw_node_id_equal(config->members[i].node, config->members[j].node) ||
                strcmp(config->members[i].address, config->members[j].address) == 0) {
                return false;
            }
        }
        if (config->members[i].node.value == 0 || config->members[i].address[0] == '\0' ||
            strnlen(config->members[i].address, SW_ADDRESS_SIZE_MAX) == SW_ADDRESS_SIZE_MAX) {
            return false;
        }
    }
    return true;
}

/* The newest configuration of a log: of its last entry of that kind, or of its snapshot. False if
 * there is none. */
static bool configuration_of(const struct sw_wal_group *loaded,
                             struct raft_configuration *ret_configuration)
{
    struct raft_buffer state;
    raft_index index;
    enum sw_err err;

    for (size_t i = loaded->entry_count; i > 0; i--) {
        if (loaded->entries[i - 1].type == RAFT_CHANGE) {
            return sw_descriptor_configuration_decode(loaded->entries[i - 1].body,
                                                      ret_configuration) == SW_ERR_OK;
        }
    }
    if (!loaded->has_snapshot) {
        return false;
    }
    err = sw_descriptor_decode(
        sw_span_of(loaded->descriptor, loaded->descriptor_size), ret_configuration, &index, &state);
    if (err == SW_ERR_OK) {
        raft_free(state.base);
    }
    return err == SW_ERR_OK;
}

/* libraft checks nothing of what it loads: a wrong start here is a crash or a fork later. */
static bool loaded_valid(const struct sw_wal_group *loaded)
{
    uint64_t term = loaded->has_snapshot ? 0 : 1;

    if (loaded->hard.term == 0 || loaded->first_index == 0) {
        return false;
    }
    if (loaded->has_snapshot) {
        struct raft_configuration configuration;
        struct raft_buffer state;
        raft_index index;

        if (loaded->first_index > loaded->snapshot_index + 1 ||
            sw_descriptor_decode(sw_span_of(loaded->descriptor, loaded->descriptor_size),
                                 &configuration,
                                 &index,
                                 &state) != SW_ERR_OK) {
            return false;
        }
        raft_configuration_close(&configuration);
        raft_free(state.base);
    } else if (loaded->first_index != 1 || loaded->entry_count == 0 ||
               loaded->entries[0].type != RAFT_CHANGE) {
        return false;
    }
    for (size_t i = 0; i < loaded->entry_count; i++) {
        const struct sw_wal_entry *entry = &loaded->entries[i];

        if (entry->index != loaded->first_index + i || entry->term < term ||
            entry->term > loaded->hard.term ||
            (entry->type == RAFT_CHANGE && !sw_descriptor_configuration_valid(entry->body))) {
            return false;
        }
        term = entry->term;
    }
    return true;
}

enum sw_err sw__group_load(struct sw_group *group,
                           const struct sw_group_config *config,
                           struct sw_wal_group *ret_loaded,
                           bool *ret_bootstrap,
                           char ret_why[SW_WHY_SIZE])
{
    enum sw_err err;

    SW_ASSERT(group != NULL && ret_loaded != NULL);
    heap_set(); /* before the first encoding: the initial configuration is the same everywhere */
    if (!members_valid(config)) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "members need distinct ids and addresses of at most 255 bytes");
        return SW_ERR_CONFIG;
    }
    err = config->wal->ops->load(config->wal, config->id, ret_loaded);
    if (err != SW_ERR_OK) {
        (void)snprintf(
            ret_why, SW_WHY_SIZE, "the log of group %u can not be read", config->id.value);
        return err;
    }
    /* Term 1 without its entry: a crash between the two records of a bootstrap. Nobody votes or
     * leads in that term. */
    *ret_bootstrap = false;
    if (!ret_loaded->has_snapshot && ret_loaded->entry_count == 0 &&
        (config->join || ret_loaded->hard.term <= 1)) {
        /* A copy of the state may be durable before the snapshot that it belongs to is recorded;
         * the term of the leader that offered it is older than both. */
        if (config->applied != 0 && !(config->join && ret_loaded->hard.term != 0)) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "the log of group %u is gone but its state is there",
                           config->id.value);
            return SW_ERR_CORRUPT;
        }
        *ret_bootstrap = !config->join;
        if (*ret_bootstrap) {
            bootstrap(config, ret_loaded);
        }
        return SW_ERR_OK;
    }
    if (!loaded_valid(ret_loaded)) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the log of group %u is not whole", config->id.value);
        return SW_ERR_CORRUPT;
    }
    if (ret_loaded->has_snapshot && config->applied < ret_loaded->snapshot_index) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the state of group %u is older than its snapshot: %llu < %llu",
                       config->id.value,
                       (unsigned long long)config->applied,
                       (unsigned long long)ret_loaded->snapshot_index);
        return SW_ERR_CORRUPT;
    }
    return SW_ERR_OK;
}

/* G15: a node that is the only voter leads as soon as it starts, in the term that it finds. In that
 * term it led before, and learners may hold entries of it that its own disk lost. */
static bool votes_alone(const struct sw_group *group, const struct sw_wal_group *loaded)
{
    struct raft_configuration configuration;
    bool alone = true;

    if (!configuration_of(loaded, &configuration)) {
        return false;
    }
    for (unsigned i = 0; i < configuration.n; i++) {
        const struct raft_server *server = &configuration.servers[i];

        alone = alone && (server->role == RAFT_VOTER) == (server->id == group->self.value);
    }
    alone = alone && configuration.n > 0;
    raft_configuration_close(&configuration);
    return alone;
}

static void reopen_wanted(void *arg, raft_index from)
{
    struct sw_group *group = arg;

    SW_ASSERT(from > group->raft.log.offset);
    group->reopen_from = from;
}

void sw__group_start(struct sw_group *group, struct sw_wal_group *loaded, bool bootstrap_it)
{
    const struct sw__io_config config = {
        .group = group->id,
        .self = group->self,
        .env = group->env,
        .wal = group->wal,
        .link = group->link,
        .hooks = {.arg = group,
                  .install = sw__group_install,
                  .snapshot_work = sw__group_snapshot_work},
        .append_size_max = group->tuning.append_size_max,
    };
    int rv;

    sw__io_init(&group->io, &config, loaded);
    sw_guard_init(&group->guard, &group->io.base, &group->raft, group->tuning.guard_off);
    group->guard.reopen = reopen_wanted;
    group->guard.reopen_arg = group;
    sw__group_fsm_init(group);
    rv = raft_init(
        &group->raft, &group->guard.outer, &group->fsm, group->self.value, group->address);
    SW_ASSERT(rv == 0);
    group->raft.data = group;
    group->raft.tracer = &disabled_tracer;
    raft_set_election_timeout(&group->raft, group->tuning.election_timeout_ms);
    raft_set_heartbeat_timeout(&group->raft, group->tuning.heartbeat_ms);
    raft_set_install_snapshot_timeout(&group->raft, group->tuning.install_timeout_ms);
    raft_set_pre_vote(&group->raft, true);
    raft_set_snapshot_threshold(&group->raft, SNAPSHOT_NEVER);
    raft_set_snapshot_trailing(&group->raft, group->tuning.snapshot_trailing);
    if (bootstrap_it) {
        sw__io_write_bootstrap(&group->io);
    } else if (votes_alone(group, &group->io.loaded) &&
               (group->tuning.guard_off & SW_GUARD_G15) == 0) {
        SW_MARK("guard.g15_new_term");
        sw__io_begin_term(&group->io);
    }
    rv = raft_start(&group->raft);
    SW_ASSERT(rv == 0); /* what it loads was checked */
    sw__io_drop_loaded(&group->io);
}

void sw__group_capture(const struct sw_group *group,
                       raft_index from,
                       struct sw_wal_group *ret_loaded)
{
    const raft_index first = group->raft.log.offset + 1;
    const size_t count = from > first ? (size_t)(from - first) : 0;
    struct sw_wal_group loaded = {
        .hard = group->io.hard, .first_index = first, .entry_count = count};
    size_t size = 0;

    SW_ASSERT(from >= first);
    for (size_t i = 0; i < count; i++) {
        size += (sw_guard_entry(&group->raft, first + i)->buf.len + 7) & ~(size_t)7;
    }
    loaded.entries = heap_checked(calloc(count > 0 ? count : 1, sizeof *loaded.entries));
    loaded.blob = heap_checked(malloc(size > 0 ? size : 1));
    size = 0;
    for (size_t i = 0; i < count; i++) {
        const struct raft_entry *entry = sw_guard_entry(&group->raft, first + i);

        SW_ASSERT(entry != NULL);
        memcpy(loaded.blob + size, entry->buf.base, entry->buf.len);
        loaded.entries[i] =
            (struct sw_wal_entry){.index = first + i,
                                  .term = entry->term,
                                  .type = (uint8_t)entry->type,
                                  .body = sw_span_of(loaded.blob + size, entry->buf.len)};
        size += (entry->buf.len + 7) & ~(size_t)7;
    }
    if (group->io.snapshot_index != 0) {
        loaded.has_snapshot = true;
        loaded.snapshot_index = group->io.snapshot_index;
        loaded.snapshot_term = group->io.snapshot_term;
        loaded.descriptor_size = group->io.descriptor.size;
        loaded.descriptor = heap_checked(malloc(loaded.descriptor_size));
        memcpy(loaded.descriptor, group->io.descriptor.data, loaded.descriptor_size);
    }
    *ret_loaded = loaded;
}
