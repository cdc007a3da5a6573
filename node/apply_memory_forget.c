/* How memories go: one, all that derives from one, and what nobody needs any more.
 *
 * Who forgets with all that derives from it is told so only when nothing of that is left. One entry
 * does a bounded part: it walks from what is being forgotten along the links to what derives from
 * it, unlinks and deletes, and writes a mark for each key that it reached and did not finish. What
 * derives from a marked key is hidden from every operation on memories, so nothing new can derive
 * from it, and the walk comes to an end. */
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/memory_private.h"

/* --- all that derives from it ----------------------------------------------------------------- */

enum {
    NODE_COUNT_MAX = 1 + SW_MEMORY_STEP_COUNT_MAX + SW_MEMORY_STEP_LINK_COUNT_MAX,
    /* Keys that are planned, after which no other is begun with: both of each link, and as many
     * again of what the keys themselves derive from. */
    PLAN_COUNT_MAX = 3 * SW_MEMORY_STEP_LINK_COUNT_MAX,
};

struct node {
    size_t name_at, name_size; /* into the walk's names */
    struct sw_link_hash hash;
    bool done;
};

struct walk {
    struct sw__memory_plan *plan;
    struct sw_buf names; /* owned */
    struct node nodes[NODE_COUNT_MAX];
    uint32_t count;
    uint32_t links; /* that were followed */
    bool more;      /* marks that it did not look at */
};

static struct sw_span node_name(const struct walk *walk, const struct node *node)
{
    return sw_span_of(walk->names.data + node->name_at, node->name_size);
}

static void add_node(struct walk *walk, struct sw_span name)
{
    const struct sw_link_hash hash = sw_link_hash_of(name);
    struct node *node;

    for (uint32_t i = 0; i < walk->count; i++) {
        if (memcmp(&walk->nodes[i].hash, &hash, sizeof hash) == 0) {
            return;
        }
    }
    SW_ASSERT(walk->count < NODE_COUNT_MAX);
    node = &walk->nodes[walk->count++];
    *node = (struct node){.name_at = walk->names.size, .name_size = name.size, .hash = hash};
    sw_write_bytes(&walk->names, name);
}

/* The key that a mark is about; false if somebody put something else there himself. */
static bool mark_read(struct sw_span name, struct sw_span value, struct sw_span *ret_marked)
{
    const size_t line_size = sizeof SW_MEMORY_MARK_LINE - 1;
    struct sw_link_hash hash;
    struct sw_link_key key;

    if (value.size <= line_size || value.size > line_size + SW_KEY_SIZE_MAX ||
        memcmp(value.data, SW_MEMORY_MARK_LINE, line_size) != 0) {
        return false;
    }
    *ret_marked = sw_span_of(value.data + line_size, value.size - line_size);
    hash = sw_link_hash_of(*ret_marked);
    sw__memory_mark_key(&hash, &key);
    return sw_span_equal(sw_link_key_span(&key), name);
}

/* What earlier steps, of this or another walk, have left. What is no mark goes, so many at once. */
static enum sw_err add_marked(struct walk *walk)
{
    const struct sw_span prefix = sw_span_str(SW_MEMORY_MARK_PREFIX);
    struct sw_kv_record record;
    struct sw_span name, marked;
    enum sw_err err = sw__memory_seek(walk->plan, prefix, sw_span_of(NULL, 0), &name, &record);

    while (err == SW_ERR_OK && walk->count < SW_MEMORY_STEP_COUNT_MAX &&
           walk->plan->count < SW_MEMORY_STEP_COUNT_MAX) {
        if (mark_read(name, record.value, &marked)) {
            add_node(walk, marked);
        } else {
            err = sw__memory_plan_del(walk->plan, name);
        }
        if (err == SW_ERR_OK) {
            err = sw__memory_next(walk->plan, prefix, &name, &record);
        }
    }
    walk->more = err == SW_ERR_OK;
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Unlinks what derives from the node, and walks there next. */
static enum sw_err follow(struct walk *walk, uint32_t at, bool *ret_all)
{
    const struct sw_link_hash hash = walk->nodes[at].hash;
    struct sw_link_hash here, child;
    struct sw_link_key prefix;
    struct sw_kv_record record;
    enum sw_link_side side;
    struct sw_span name, type;
    struct sw_link_pair link;
    enum sw_err err;

    sw_link_prefix(SW_LINK_BACK, &hash, sw_span_str(SW_LINK_DERIVED), &prefix);
    err =
        sw__memory_seek(walk->plan, sw_link_key_span(&prefix), sw_span_of(NULL, 0), &name, &record);
    for (*ret_all = true; err == SW_ERR_OK;) {
        if (walk->links == SW_MEMORY_STEP_LINK_COUNT_MAX) {
            *ret_all = false;
            return SW_ERR_OK;
        }
        walk->links++;
        if (sw_link_read(record.value, &link) && (at == 0 || !SW_PLANTED(CASCADE_STOPS))) {
            add_node(walk, link.from);
        }
        err = sw_link_key_read(name, &side, &here, &type, &child)
                  ? sw__memory_plan_unlink(walk->plan, &child, &hash)
                  : sw__memory_plan_del(walk->plan, name);
        if (err == SW_ERR_OK) {
            err = sw__memory_next(walk->plan, sw_link_key_span(&prefix), &name, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

/* Nothing derives from it any more. */
static enum sw_err finish(struct walk *walk, struct node *node)
{
    struct sw_link_key mark;
    enum sw_err err;

    node->done = true;
    sw__memory_mark_key(&node->hash, &mark);
    err = sw__memory_plan_del(walk->plan, node_name(walk, node));
    if (err == SW_ERR_OK) {
        err = sw__memory_plan_unlink_all(walk->plan, &node->hash);
    }
    return err == SW_ERR_OK ? sw__memory_plan_del(walk->plan, sw_link_key_span(&mark)) : err;
}

/* So the next step finds it, and nobody sees what derives from it. */
static enum sw_err mark(struct walk *walk, const struct node *node)
{
    struct sw_buf value = {0};
    struct sw_link_key key;
    struct sw_kv_record old;
    enum sw_err err;

    sw__memory_mark_key(&node->hash, &key);
    err = sw__memory_get(walk->plan, sw_link_key_span(&key), &old);
    if (err == SW_ERR_OK && old.version == 0) {
        sw_write_bytes(&value, sw_span_str(SW_MEMORY_MARK_LINE));
        sw_write_bytes(&value, node_name(walk, node));
        sw__memory_plan_put(walk->plan, sw_link_key_span(&key), &old, sw_buf_span(&value), 0);
    }
    sw_buf_release(&value);
    return err;
}

static enum sw_err step(struct walk *walk)
{
    enum sw_err err = SW_ERR_OK;
    bool all;

    for (uint32_t i = 0; i < walk->count && i < SW_MEMORY_STEP_COUNT_MAX &&
                         walk->plan->count < PLAN_COUNT_MAX && err == SW_ERR_OK;
         i++) {
        err = follow(walk, i, &all);
        if (err == SW_ERR_OK && all) {
            err = finish(walk, &walk->nodes[i]);
        }
    }
    for (uint32_t i = 0; i < walk->count && err == SW_ERR_OK; i++) {
        if (!walk->nodes[i].done) {
            walk->more = true;
            err = mark(walk, &walk->nodes[i]);
        }
    }
    return err;
}

static enum sw_err
cascade(struct sw__memory_plan *plan, struct sw_span name, struct sw_command_result *result)
{
    struct walk walk = {.plan = plan};
    const struct sw_link_hash hash = sw_link_hash_of(name);
    struct sw_kv_record old;
    bool has = false;
    enum sw_err err = sw__memory_get(plan, name, &old);

    if (err == SW_ERR_OK) {
        err = sw__memory_has_derived(plan, &hash, &has);
    }
    if (err == SW_ERR_OK && (old.version > 0 || has)) {
        add_node(&walk, name);
    }
    if (err == SW_ERR_OK) {
        err = add_marked(&walk);
    }
    if (err == SW_ERR_OK && walk.count == 0 && plan->count == 0) {
        result->err = SW_ERR_NOT_FOUND;
    } else if (plan->count > 0 && walk.count > 0) {
        walk.more = true; /* what goes may be where a mark has to be */
    } else if (err == SW_ERR_OK) {
        err = step(&walk);
    }
    result->value = walk.more ? 1 : 0;
    sw_buf_release(&walk.names);
    return err;
}

/* --- one -------------------------------------------------------------------------------------- */

static enum sw_err
forget_one(struct sw__memory_plan *plan, struct sw_span name, struct sw_command_result *result)
{
    struct sw_memory_text text;
    struct sw_kv_record old;
    bool hidden = false;
    enum sw_err err = sw__memory_get(plan, name, &old);

    if (err == SW_ERR_OK && old.version > 0) {
        err = sw__memory_hidden(plan, name, &hidden);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    if (old.version == 0 || hidden) {
        result->err = SW_ERR_NOT_FOUND;
    } else if (!sw_memory_text_read(old.value, &text)) {
        result->err = SW_ERR_WRONG_TYPE;
    } else {
        err = sw__memory_plan_forget(plan, name);
    }
    return err;
}

enum sw_err sw__memory_forget(struct sw__apply *apply,
                              const struct sw_request *request,
                              struct sw_command_result *result)
{
    struct sw__memory_plan plan = sw__memory_plan_of(apply, request);
    enum sw_err err = request->limit == 1 ? cascade(&plan, request->key, result)
                                          : forget_one(&plan, request->key, result);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = sw__memory_plan_execute(&plan);
    }
    result->revision = apply->state->revision;
    sw__memory_plan_release(&plan);
    return err;
}

/* --- tending ---------------------------------------------------------------------------------- */

struct tending {
    struct sw__memory_plan *plan;
    struct sw_span name; /* the key that it is at: a copy */
    uint8_t bytes[SW_KEY_SIZE_MAX];
    struct sw__memory_need gone; /* of the last ring, in this step; its agent is a copy */
    uint8_t agent[SW_MEMORY_AGENT_SIZE_MAX];
};

/* Does the key exist since before the link was made? */
static enum sw_err
is_end(const struct sw__memory_plan *plan, struct sw_span name, uint64_t revision, bool *ret_is)
{
    struct sw_kv_record record;
    const enum sw_err err = sw__memory_get(plan, name, &record);

    *ret_is = record.version > 0 && record.create_revision <= revision;
    return err;
}

/* A link whose end is gone will never be seen again; but a derivation is the way to what derives
 * from it, whatever has become of its ends, while there is anything. */
static enum sw_err tend_link(struct tending *tending, const struct sw_kv_record *record)
{
    struct sw__memory_plan *plan = tending->plan;
    struct sw_link_hash here, there;
    struct sw_link_key back;
    enum sw_link_side side;
    struct sw_span type;
    struct sw_link_pair link;
    bool keeps = false;
    enum sw_err err = SW_ERR_OK;

    if (!sw_link_key_read(tending->name, &side, &here, &type, &there) || side != SW_LINK_FORTH ||
        !sw_link_read(record->value, &link)) {
        return SW_ERR_OK; /* somebody else's */
    }
    if (sw_span_equal(type, sw_span_str(SW_LINK_DERIVED))) {
        struct sw_kv_record child;

        err = sw__memory_get(plan, link.from, &child);
        keeps = child.version > 0;
        if (err == SW_ERR_OK && !keeps) {
            err = sw__memory_has_derived(plan, &here, &keeps);
        }
    } else {
        err = is_end(plan, link.from, record->mod_revision, &keeps);
        if (err == SW_ERR_OK && keeps) {
            err = is_end(plan, link.to, record->mod_revision, &keeps);
        }
    }
    if (err != SW_ERR_OK || keeps) {
        return err;
    }
    sw_link_key_of(SW_LINK_BACK, &there, type, &here, &back);
    err = sw__memory_plan_del(plan, tending->name);
    return err == SW_ERR_OK ? sw__memory_plan_del(plan, sw_link_key_span(&back)) : err;
}

static void enter_ring(struct tending *tending, struct sw_span agent)
{
    if (sw_span_equal(agent, tending->gone.agent)) {
        return;
    }
    memcpy(tending->agent, agent.data, agent.size);
    tending->gone = (struct sw__memory_need){.agent = sw_span_of(tending->agent, agent.size),
                                             .room_only = true};
}

static enum sw_err tend_memory(struct tending *tending, const struct sw_kv_record *record)
{
    struct sw__memory_plan *plan = tending->plan;
    struct sw__memory_need *gone = &tending->gone;
    enum sw_err answer = SW_ERR_OK;
    struct sw_memory_text text;
    enum sw_memory_tier tier;
    struct sw_span agent;
    uint32_t importance;

    if (!sw_memory_key_read(tending->name, &agent) || sw__memory_plan_has(plan, tending->name)) {
        return SW_ERR_OK;
    }
    enter_ring(tending, agent);
    if (sw_memory_text_read(record->value, &text)) {
        sw_memory_fade(&text, plan->apply->state->time_ms, &importance, &tier);
        if (importance < plan->settings.floor) {
            gone->count--;
            gone->size -= (int64_t)(tending->name.size + record->value.size);
            return sw__memory_plan_forget(plan, tending->name);
        }
    }
    gone->from = tending->name;
    gone->evicted = 0;
    return sw__memory_plan_room(plan, gone, &answer); /* what is over still goes further on */
}

/* The keys with the prefix, until the step has done its part: then it names the next one. */
static enum sw_err tend_range(struct tending *tending,
                              struct sw_span prefix,
                              struct sw_span from,
                              uint32_t *visited,
                              struct sw_command_result *result)
{
    struct sw__memory_plan *plan = tending->plan;
    struct sw_kv_record record;
    struct sw_span name;
    enum sw_err err = sw__memory_seek(plan, prefix, from, &name, &record);

    while (err == SW_ERR_OK) {
        memcpy(tending->bytes, name.data, name.size);
        tending->name = sw_span_of(tending->bytes, name.size);
        if (*visited == SW_MEMORY_WALK_COUNT_MAX || plan->count >= SW_MEMORY_STEP_LINK_COUNT_MAX) {
            const struct sw_kv_record told = {.version = 1};

            sw__answer_record(plan->apply->state, tending->name, &told, result);
            return SW_ERR_OK;
        }
        (*visited)++;
        err = sw_key_has_prefix(name, sw_span_str(SW_MEMORY_PREFIX)) ? tend_memory(tending, &record)
                                                                     : tend_link(tending, &record);
        if (err == SW_ERR_OK) {
            err = sw__memory_seek_after(plan, prefix, tending->name, &name, &record);
        }
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_OK : err;
}

enum sw_err sw__memory_tend(struct sw__apply *apply,
                            const struct sw_request *request,
                            struct sw_command_result *result)
{
    struct sw__memory_plan plan = sw__memory_plan_of(apply, request);
    struct tending tending = {.plan = &plan};
    uint32_t visited = 0;
    enum sw_err err = sw__memory_plan_settings(&plan, &result->err);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = tend_range(&tending, sw_span_str("link/"), request->key, &visited, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK && result->record_count == 0) {
        err = tend_range(&tending, sw_span_str(SW_MEMORY_PREFIX), request->key, &visited, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        result->value = plan.count;
        err = sw__memory_plan_execute(&plan);
    }
    result->revision = apply->state->revision;
    sw__memory_plan_release(&plan);
    return err;
}
