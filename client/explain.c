/* Single memories, lists of them, and where they come from: reads of keys and links. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/memories.h"

enum { LIST_DEFAULT = 1000, LIST_MAX = 4096 };

struct look {
    struct swarm_memories *memories; /* given to the caller at the end */
    struct sw_reading reading;
};

static enum swarm_status look_begin(struct look *look,
                                    struct swarm_client *client,
                                    struct swarm_scope scope,
                                    char *ret_why,
                                    size_t why_size)
{
    look->memories = sw_memories_new();
    look->reading = (struct sw_reading){.client = client,
                                        .scope = scope,
                                        .results = &look->memories->results,
                                        .why = ret_why,
                                        .why_size = why_size};
    return sw_reading_begin(&look->reading);
}

static enum swarm_status
look_end(struct look *look, enum swarm_status status, struct swarm_memories **ret_memories)
{
    sw_reading_release(&look->reading);
    if (status == SWARM_OK) {
        sw_memories_fade(look->memories, 0);
        *ret_memories = look->memories;
    } else {
        swarm_memories_free(look->memories);
    }
    return status;
}

static enum swarm_status check_key(struct swarm_slice key, char *ret_why, size_t why_size)
{
    return key.size > 0 && key.size <= SW_KEY_SIZE_MAX
               ? SWARM_OK
               : sw_say(SWARM_INVALID, "a key is 1 to 256 bytes", ret_why, why_size);
}

/* The record of a key that is not being forgotten; else version 0. */
static enum swarm_status
get_one(struct look *look, struct swarm_slice key, const struct swarm_record **ret_record)
{
    static const struct swarm_record nothing = {.version = 0};
    enum swarm_status status = sw_reading_get(&look->reading, &key, 1, 0, ret_record);
    bool hidden = false;

    if (status == SWARM_OK) {
        status = sw_reading_hidden(&look->reading, sw_span_of_slice(key), &hidden);
    }
    if (hidden) {
        *ret_record = &nothing;
    }
    return status;
}

enum swarm_status swarm_memory_get(struct swarm_client *client,
                                   struct swarm_scope scope,
                                   struct swarm_slice key,
                                   struct swarm_memories **ret_memories,
                                   char *ret_why,
                                   size_t why_size)
{
    const struct swarm_record *record = NULL;
    enum swarm_status status = check_key(key, ret_why, why_size);
    struct sw_memory_text text;
    struct look look;

    *ret_memories = NULL;
    if (status != SWARM_OK) {
        return status;
    }
    status = look_begin(&look, client, scope, ret_why, why_size);
    if (status == SWARM_OK) {
        status = get_one(&look, key, &record);
    }
    if (status == SWARM_OK && record->version == 0) {
        status = sw_say(SWARM_NOT_FOUND, "there is no such memory", ret_why, why_size);
    } else if (status == SWARM_OK && !sw_memory_text_read(sw_span_of_slice(record->value), &text)) {
        status = sw_say(SWARM_WRONG_TYPE, "the key has something else", ret_why, why_size);
    } else if (status == SWARM_OK) {
        (void)sw_memories_add(look.memories, record);
    }
    return look_end(&look, status, ret_memories);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Adds those of a page that are to be seen. */
static enum swarm_status
list_page(struct look *look, const struct swarm_result *page, uint32_t limit)
{
    enum swarm_status status = SWARM_OK;

    for (size_t i = 0; i < page->record_count && status == SWARM_OK; i++) {
        const struct sw_span key = sw_span_of_slice(page->records[i].key);
        struct sw_span agent;
        bool hidden;

        if (!sw_memory_key_read(key, &agent)) {
            continue;
        }
        status = sw_reading_hidden(&look->reading, key, &hidden);
        if (status != SWARM_OK || hidden) {
            continue;
        }
        if (look->memories->count == limit) {
            look->memories->more = true;
            break;
        }
        (void)sw_memories_add(look->memories, &page->records[i]);
    }
    return status;
}

static enum swarm_status
list(struct look *look, struct sw_span prefix, struct sw_span from, uint32_t limit)
{
    const struct swarm_result *page = NULL;
    uint8_t after[SW_KEY_SIZE_MAX + 1];
    enum swarm_status status;

    do {
        status = sw_reading_scan(&look->reading, prefix, from, limit + 1, &page);
        if (status == SWARM_OK) {
            status = list_page(look, page, limit);
        }
        if (status == SWARM_OK && page->more) {
            const struct swarm_slice last = page->records[page->record_count - 1].key;

            memcpy(after, last.data, last.size);
            after[last.size] = 0;
            from = sw_span_of(after, last.size + 1);
        }
    } while (status == SWARM_OK && page->more && !look->memories->more &&
             from.size <= SW_KEY_SIZE_MAX);
    return status;
}

enum swarm_status swarm_memory_list(struct swarm_client *client,
                                    struct swarm_scope scope,
                                    const char *agent,
                                    struct swarm_slice after,
                                    uint32_t limit,
                                    struct swarm_memories **ret_memories,
                                    char *ret_why,
                                    size_t why_size)
{
    char prefix[sizeof SW_MEMORY_PREFIX + SW_MEMORY_AGENT_SIZE_MAX + 1] = SW_MEMORY_PREFIX;
    char from[SW_MEMORY_KEY_SIZE_MAX + 1];
    char why[SW_WHY_SIZE] = "";
    struct look look;
    enum swarm_status status;

    *ret_memories = NULL;
    if (limit > LIST_MAX || after.size > SW_MEMORY_KEY_SIZE_MAX) {
        return sw_say(SWARM_INVALID, "a list has at most 4096 memories", ret_why, why_size);
    }
    if (agent != NULL) {
        const enum sw_err err = sw_memory_agent_validate(sw_span_str(agent), why);

        if (err != SW_ERR_OK) {
            return sw_say((enum swarm_status)err, why, ret_why, why_size);
        }
        (void)snprintf(prefix, sizeof prefix, "%s%s/", SW_MEMORY_PREFIX, agent);
    }
    if (after.size > 0) {
        memcpy(from, after.data, after.size);
        from[after.size] = 0;
    }
    status = look_begin(&look, client, scope, ret_why, why_size);
    if (status == SWARM_OK) {
        status = list(&look,
                      sw_span_str(prefix),
                      sw_span_of(from, after.size > 0 ? after.size + 1 : 0),
                      limit == 0 ? LIST_DEFAULT : limit);
    }
    return look_end(&look, status, ret_memories);
}

/* --- derivations ------------------------------------------------------------------------------ */

/* Sources or what is derived; `count` entries at most in all. */
static enum swarm_status
add_derivations(struct look *look, struct swarm_slice key, bool backward, uint32_t limit)
{
    struct sw_walk walk = {.reading = &look->reading,
                           .type = SW_LINK_DERIVED,
                           .backward = backward,
                           .with_values = true,
                           .depth = INT32_MAX,
                           .limit = limit};
    const enum swarm_status status = limit == 0 ? SWARM_OK : sw_walk(&walk, &key, 1);

    for (size_t i = 0; status == SWARM_OK && i < walk.count; i++) {
        const struct sw_step *step = &walk.steps[i];
        const struct swarm_slice end = backward ? step->link.from : step->link.to;
        struct swarm_recalled *memory =
            step->there == NULL ? sw_memories_add_key(look->memories, sw_span_of_slice(end))
                                : sw_memories_add(look->memories, step->there);

        memory->depth = backward ? (int32_t)step->link.depth : -(int32_t)step->link.depth;
        memory->from = backward ? step->link.to : step->link.from;
        memory->link_score = step->link.score;
        memory->is_cut = i >= walk.whole;
    }
    look->memories->more = look->memories->more || walk.more || limit == 0;
    sw_walk_release(&walk);
    return status;
}

enum swarm_status swarm_memory_explain(struct swarm_client *client,
                                       struct swarm_scope scope,
                                       struct swarm_slice key,
                                       uint32_t limit,
                                       struct swarm_memories **ret_memories,
                                       char *ret_why,
                                       size_t why_size)
{
    const struct swarm_record *record = NULL;
    enum swarm_status status = check_key(key, ret_why, why_size);
    struct look look;

    *ret_memories = NULL;
    if (status == SWARM_OK && limit > LIST_MAX) {
        status = sw_say(SWARM_INVALID, "a limit is at most 4096", ret_why, why_size);
    }
    if (status != SWARM_OK) {
        return status;
    }
    limit = limit == 0 ? LIST_DEFAULT : limit;
    status = look_begin(&look, client, scope, ret_why, why_size);
    if (status == SWARM_OK) {
        status = get_one(&look, key, &record);
    }
    if (status == SWARM_OK) {
        const struct swarm_slice own = record->version > 0 ? record->key : key;

        (void)(record->version > 0 ? sw_memories_add(look.memories, record)
                                   : sw_memories_add_key(look.memories, sw_span_of_slice(key)));
        status = add_derivations(&look, own, false, limit - 1);
    }
    if (status == SWARM_OK) {
        status = add_derivations(&look, key, true, limit - (uint32_t)look.memories->count);
    }
    if (status == SWARM_OK && look.memories->count == 1 && look.memories->all[0].is_gone) {
        status = sw_say(SWARM_NOT_FOUND,
                        "there is no such key, and nothing that derives from it",
                        ret_why,
                        why_size);
    }
    return look_end(&look, status, ret_memories);
}
