/* What the log does to memories: said, used, archived. See transport/memory.h for what is stored.
 *
 * A memory is a key like any other, written with its vector, the links to what it derives from, and
 * whatever leaves its agent's ring for it, as one change. What it is worth follows from committed
 * time alone: importance and tier stand in it as they were when it was last touched, and fade by a
 * rule that whoever reads applies. So nothing runs in the background, and no clock has a say. */
#include <string.h>

#include "base/assert.h"
#include "node/memory_private.h"
#include "node/vectors_private.h"

/* One that is about to be said. */
struct saying {
    struct sw__memory_plan plan;
    struct sw_memory_put put;
    struct sw_span agent;
    struct sw_memory_key key;
    struct sw_kv_record old; /* version 0: it is new */
    struct sw_memory_text text;
    struct sw_vectors_index *index; /* NULL: it has no vector */
    char author[SW_MEMORY_AUTHOR_SIZE];
    uint64_t lease;
    struct sw__memory_need need;
};

static struct sw_span name_of(const struct saying *saying)
{
    return sw_memory_key_span(&saying->key);
}

/* --- the text --------------------------------------------------------------------------------- */

static void fill_author(const struct sw__apply *apply, char ret_author[SW_MEMORY_AUTHOR_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof apply->author.id; i++) {
        ret_author[2 * i] = digits[apply->author.id[i] >> 4];
        ret_author[2 * i + 1] = digits[apply->author.id[i] & 15];
    }
}

static uint32_t utility_of(const struct sw_memory_put *put)
{
    if (put->utility != SW_MEMORY_UNSET) {
        return put->utility;
    }
    return put->success ? SW_MEMORY_UTILITY_DEFAULT + SW_MEMORY_UTILITY_SUCCESS
                        : SW_MEMORY_UTILITY_DEFAULT - SW_MEMORY_UTILITY_FAILURE;
}

static uint32_t importance_of(const struct sw_memory_put *put)
{
    if (put->importance != SW_MEMORY_UNSET) {
        return put->importance;
    }
    return put->parent_count > 0 ? SW_MEMORY_IMPORTANCE_CONSOLIDATED : SW_MEMORY_IMPORTANCE_DEFAULT;
}

/* What was said before is used by being said again. */
static void take_over(struct saying *saying, uint64_t now_ms)
{
    const uint32_t given = saying->text.importance;
    struct sw_memory_text was;

    if (!sw_memory_text_read(saying->old.value, &was)) {
        return;
    }
    sw_memory_reinforce(&was, now_ms);
    saying->text.born_ms = was.born_ms;
    saying->text.uses = was.uses + 1;
    saying->text.tier = was.tier;
    saying->text.importance = was.importance > given ? was.importance : given;
}

static void
fill_text(struct sw__apply *apply, const struct sw_request *request, struct saying *saying)
{
    const struct sw_memory_put *put = &saying->put;
    const uint64_t now_ms = apply->state->time_ms;
    struct sw_memory_text *text = &saying->text;

    fill_author(apply, saying->author);
    text->agent = saying->agent;
    text->task = put->task;
    text->success = put->success;
    text->utility = utility_of(put);
    text->importance = importance_of(put);
    text->tier = SW_MEMORY_SHORT;
    text->born_ms = now_ms;
    text->touched_ms = now_ms;
    text->author = sw_span_of(saying->author, sizeof saying->author);
    text->session = request->session.value;
    text->meta = put->meta;
    text->tag_count = put->tag_count;
    memcpy(text->tags, put->tags, sizeof text->tags);
    text->content = put->content;
    if (saying->old.version > 0) {
        take_over(saying, now_ms);
    }
    text->tier = sw_memory_promote(text->tier, text->importance);
}

/* --- what it derives from --------------------------------------------------------------------- */

/* All of them have to be there. */
static enum sw_err find_sources(struct saying *saying, struct sw_command_result *result)
{
    for (uint32_t i = 0; i < saying->put.parent_count; i++) {
        const struct sw_span name = saying->put.parents[i];
        struct sw_kv_record record;
        bool hidden = false;
        enum sw_err err = sw__memory_get(&saying->plan, name, &record);

        if (err == SW_ERR_OK && record.version > 0) {
            err = sw__memory_hidden(&saying->plan, name, &hidden);
        }
        if (err != SW_ERR_OK) {
            return err;
        }
        if (record.version == 0 || hidden) {
            result->err = SW_ERR_SOURCE_GONE;
            result->value = i + 1;
            return SW_ERR_OK;
        }
        saying->text.parents[i] =
            (struct sw_memory_parent){.revision = record.mod_revision, .key = name};
    }
    saying->text.parent_count = saying->put.parent_count;
    return SW_ERR_OK;
}

/* Two sources may have one hash, if somebody looked for such keys: then the first has the link. */
static enum sw_err plan_link(struct saying *saying, enum sw_link_side side, struct sw_span parent)
{
    const struct sw_link_pair link = {
        .from = name_of(saying), .to = parent, .score = SW_LINK_SCORE_MAX};
    const struct sw_link_hash child = sw_link_hash_of(link.from);
    const struct sw_link_hash hash = sw_link_hash_of(parent);
    struct sw_buf value = {0};
    struct sw_kv_record old;
    struct sw_link_key key;
    enum sw_err err;

    sw_link_key_of(side,
                   side == SW_LINK_FORTH ? &child : &hash,
                   sw_span_str(SW_LINK_DERIVED),
                   side == SW_LINK_FORTH ? &hash : &child,
                   &key);
    if (sw__memory_plan_has(&saying->plan, sw_link_key_span(&key))) {
        return SW_ERR_OK;
    }
    err = sw__memory_get(&saying->plan, sw_link_key_span(&key), &old);
    if (err == SW_ERR_OK) {
        sw_link_write(&link, &value);
        sw__memory_plan_put(&saying->plan, sw_link_key_span(&key), &old, sw_buf_span(&value), 0);
    }
    sw_buf_release(&value);
    return err;
}

/* A source that is no memory stays as it is. */
static enum sw_err plan_archive(struct saying *saying, struct sw_span name)
{
    struct sw_memory_text text;
    struct sw_buf value = {0};
    struct sw_kv_record old;
    struct sw_span agent;
    enum sw_err err = sw__memory_get(&saying->plan, name, &old);

    if (err == SW_ERR_OK && sw_memory_key_read(name, &agent) &&
        sw_memory_text_read(old.value, &text)) {
        text.archived = true;
        sw_memory_text_write(&text, &value);
        sw__memory_plan_put(&saying->plan, name, &old, sw_buf_span(&value), old.lease);
    }
    sw_buf_release(&value);
    return err;
}

/* Links to what it derives from now, and none to what it derived from before. */
static enum sw_err plan_sources(struct saying *saying)
{
    const struct sw_link_hash hash = sw_link_hash_of(name_of(saying));
    enum sw_err err = SW_ERR_OK;

    for (uint32_t i = 0; i < saying->put.parent_count && err == SW_ERR_OK; i++) {
        err = plan_link(saying, SW_LINK_FORTH, saying->put.parents[i]);
        if (err == SW_ERR_OK) {
            err = plan_link(saying, SW_LINK_BACK, saying->put.parents[i]);
        }
        if (err == SW_ERR_OK && saying->put.archive) {
            err = plan_archive(saying, saying->put.parents[i]);
        }
    }
    return err == SW_ERR_OK ? sw__memory_plan_unlink_all(&saying->plan, &hash) : err;
}

/* --- saying ----------------------------------------------------------------------------------- */

/* What questions may ask for; not what changes by use, since an entry of an index never does. */
static void fill_item(const struct saying *saying, struct sw_vector_item *ret_item)
{
    const struct sw_memory_text *text = &saying->text;
    uint32_t count = 0;

    *ret_item = (struct sw_vector_item){.index = saying->put.index,
                                        .vector = saying->put.vector,
                                        .novel = saying->put.novel,
                                        .distance_max = saying->put.distance_max};
    ret_item->attributes[count++] = (struct sw_attribute){
        .kind = SW_ATTRIBUTE_TEXT, .name = sw_span_str("agent"), .text = text->agent};
    ret_item->attributes[count++] = (struct sw_attribute){
        .kind = SW_ATTRIBUTE_TEXT, .name = sw_span_str("task"), .text = text->task};
    ret_item->attributes[count++] = (struct sw_attribute){.kind = SW_ATTRIBUTE_NUMBER,
                                                          .name = sw_span_str("success"),
                                                          .number = text->success ? 1 : 0};
    for (uint32_t i = 0; i < text->tag_count; i++) {
        ret_item->attributes[count++] = (struct sw_attribute){
            .kind = SW_ATTRIBUTE_TEXT, .name = sw_span_str("tag"), .text = text->tags[i]};
    }
    ret_item->attribute_count = count;
}

/* The same words are being forgotten, or what is that near: later it can be said. */
static enum sw_err
check_hidden(struct saying *saying, struct sw_span name, struct sw_command_result *result)
{
    struct sw_state *state = saying->plan.apply->state;
    bool hidden = false;
    const enum sw_err err = sw__memory_hidden(&saying->plan, name, &hidden);

    if (hidden) {
        state->answers.size -= result->records.size;
        *result = (struct sw_command_result){.err = SW_ERR_BUSY, .revision = state->revision};
    }
    return err;
}

/* Is something near? Not if it is being forgotten. */
static enum sw_err check_novel(struct saying *saying, struct sw_command_result *result)
{
    const struct sw_buf *answers = &saying->plan.apply->state->answers;
    struct sw_vector_item item;
    struct sw_record record;
    struct sw_reader in;
    enum sw_err err;

    fill_item(saying, &item);
    err = sw__vector_find_near(saying->plan.apply, saying->index, &item, result);
    if (err != SW_ERR_OK || result->err != SW_ERR_EXISTS) {
        return err;
    }
    in = sw_reader_of(
        sw_span_of(answers->data + answers->size - result->records.size, result->records.size));
    err = sw_record_decode(&in, &record);
    SW_ASSERT(err == SW_ERR_OK); /* it was just encoded */
    return check_hidden(saying, record.key, result);
}

/* Everything that may be wrong with it but its place: that goes to the result. */
static enum sw_err judge(struct saying *saying, struct sw_command_result *result)
{
    struct sw__apply *apply = saying->plan.apply;
    enum sw_err err = sw__memory_plan_settings(&saying->plan, &result->err);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK && saying->put.index.size > 0) {
        saying->index =
            sw_vectors_find(&apply->state->vectors, &saying->plan.place, saying->put.index);
        result->err = saying->index == NULL
                          ? SW_ERR_NO_INDEX
                          : sw__vector_check(saying->index, saying->put.vector, &result->value);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = check_hidden(saying, name_of(saying), result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK && saying->put.novel) {
        err = check_novel(saying, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = sw__lease_check(apply, &saying->plan.place, saying->lease, 0, &result->err);
    }
    return err == SW_ERR_OK && result->err == SW_ERR_OK ? find_sources(saying, result) : err;
}

/* All that will be written, and whether there is room for it. */
static enum sw_err prepare(struct saying *saying, struct sw_command_result *result)
{
    struct sw__memory_plan *plan = &saying->plan;
    struct sw_buf value = {0};
    struct sw__usage_change change;
    struct sw_vector_item item;
    struct sw_kv_record next;
    enum sw_err err;

    sw_memory_text_write(&saying->text, &value);
    next = (struct sw_kv_record){.value = sw_buf_span(&value)};
    change = sw__usage_of_put(name_of(saying), &saying->old, &next);
    sw__memory_plan_put(plan, name_of(saying), &saying->old, next.value, saying->lease);
    sw_buf_release(&value);
    saying->need = (struct sw__memory_need){.agent = saying->agent,
                                            .from = name_of(saying),
                                            .count = change.keys,
                                            .size = change.bytes,
                                            .spare = &saying->put};
    err = plan_sources(saying);
    if (err == SW_ERR_OK && saying->index != NULL) {
        fill_item(saying, &item);
        err = sw__vector_usage(plan->apply, saying->index, name_of(saying), &item, &plan->change);
    }
    if (err == SW_ERR_OK) {
        err = sw__memory_plan_room(plan, &saying->need, &result->err);
    }
    return err == SW_ERR_OK && result->err == SW_ERR_OK
               ? sw__quota_check(plan->apply, &plan->place, &plan->change, result)
               : err;
}

/* Archived ones are in no index any more, nor is this one in an index of before. A vector goes with
 * a change of its key, so what was not archived, being no memory, keeps its own. */
static enum sw_err set_vectors(const struct saying *saying)
{
    const struct sw__memory_plan *plan = &saying->plan;
    struct sw_vector_item item;
    enum sw_err err = sw__vectors_forget(plan->apply, &plan->place, name_of(saying));

    for (uint32_t i = 0; saying->put.archive && i < saying->put.parent_count; i++) {
        if (err == SW_ERR_OK && sw__memory_plan_has(plan, saying->put.parents[i])) {
            err = sw__vectors_forget(plan->apply, &plan->place, saying->put.parents[i]);
        }
    }
    if (err != SW_ERR_OK || saying->index == NULL) {
        return err;
    }
    fill_item(saying, &item);
    return sw__vector_set(plan->apply, saying->index, name_of(saying), &item);
}

static enum sw_err
say(struct sw__apply *apply, const struct sw_request *request, struct sw_command_result *result)
{
    struct saying saying = {
        .plan = sw__memory_plan_of(apply, request), .agent = request->key, .lease = request->lease};
    struct sw_kv_record told;
    enum sw_err err;

    result->revision = apply->state->revision;
    result->err = sw_memory_put_decode(request->value, &saying.put);
    SW_ASSERT(result->err == SW_ERR_OK); /* sw_request_validate saw to it */
    sw_memory_key_of(saying.agent, saying.put.task, saying.put.content, &saying.key);
    err = sw__memory_get(&saying.plan, name_of(&saying), &saying.old);
    if (err == SW_ERR_OK) {
        fill_text(apply, request, &saying);
        err = judge(&saying, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = prepare(&saying, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = sw__memory_plan_execute(&saying.plan);
        if (err == SW_ERR_OK) {
            err = set_vectors(&saying);
        }
        result->revision = apply->state->revision;
        result->value = saying.need.evicted;
        told = sw__kv_next(
            apply->state, &saying.old, result->revision, sw_span_of(NULL, 0), saying.lease);
        sw__answer_record(apply->state, name_of(&saying), &told, result);
    }
    sw__memory_plan_release(&saying.plan);
    return err;
}

/* --- use -------------------------------------------------------------------------------------- */

/* The memory that a request names; NOT_FOUND and WRONG_TYPE go to the result. */
static enum sw_err find(struct sw__memory_plan *plan,
                        struct sw_span name,
                        struct sw_kv_record *ret_old,
                        struct sw_memory_text *ret_text,
                        struct sw_command_result *result)
{
    bool hidden = false;
    enum sw_err err = sw__memory_get(plan, name, ret_old);

    if (err == SW_ERR_OK && ret_old->version > 0) {
        err = sw__memory_hidden(plan, name, &hidden);
    }
    if (err != SW_ERR_OK) {
        return err;
    }
    result->revision = plan->apply->state->revision;
    if (ret_old->version == 0 || hidden) {
        result->err = SW_ERR_NOT_FOUND;
    } else if (!sw_memory_text_read(ret_old->value, ret_text)) {
        result->err = SW_ERR_WRONG_TYPE;
    }
    return SW_ERR_OK;
}

static void change_text(enum sw_memory_use how, uint64_t now_ms, struct sw_memory_text *text)
{
    if (how == SW_MEMORY_USED) {
        sw_memory_reinforce(text, now_ms);
        text->uses++;
    } else if (how == SW_MEMORY_SUCCEEDED) {
        text->utility += SW_MEMORY_UTILITY_SUCCESS;
        text->utility = text->utility > SW_MEMORY_SCORE_MAX ? SW_MEMORY_SCORE_MAX : text->utility;
    } else if (how == SW_MEMORY_FAILED) {
        text->utility -=
            text->utility < SW_MEMORY_UTILITY_FAILURE ? text->utility : SW_MEMORY_UTILITY_FAILURE;
    } else {
        SW_ASSERT(how == SW_MEMORY_ARCHIVE);
        text->archived = true;
    }
}

static enum sw_err
use(struct sw__apply *apply, const struct sw_request *request, struct sw_command_result *result)
{
    const enum sw_memory_use how = (enum sw_memory_use)request->value.data[0];
    struct sw__memory_plan plan = sw__memory_plan_of(apply, request);
    struct sw_memory_text text;
    struct sw_kv_record old;
    struct sw_buf value = {0};
    enum sw_err err = find(&plan, request->key, &old, &text, result);

    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        change_text(how, apply->state->time_ms, &text);
        sw_memory_text_write(&text, &value);
        sw__memory_plan_put(&plan, request->key, &old, sw_buf_span(&value), old.lease);
        err = sw__quota_check(apply, &plan.place, &plan.change, result);
    }
    if (err == SW_ERR_OK && result->err == SW_ERR_OK) {
        err = sw__memory_plan_execute(&plan);
        if (err == SW_ERR_OK && how == SW_MEMORY_ARCHIVE) {
            err = sw__vectors_forget(apply, &plan.place, request->key);
        }
        result->revision = apply->state->revision;
        result->value = how == SW_MEMORY_USED ? text.importance : text.utility;
    }
    sw_buf_release(&value);
    sw__memory_plan_release(&plan);
    return err;
}

enum sw_err sw__apply_memory(struct sw__apply *apply,
                             const struct sw_request *request,
                             struct sw_command_result *result)
{
    if (request->op == SW_OP_MEMORY_PUT) {
        return say(apply, request, result);
    }
    if (request->op == SW_OP_MEMORY_USE) {
        return use(apply, request, result);
    }
    if (request->op == SW_OP_MEMORY_FORGET) {
        return sw__memory_forget(apply, request, result);
    }
    SW_ASSERT(request->op == SW_OP_MEMORY_TEND);
    return sw__memory_tend(apply, request, result);
}
