/* What a list of memories owns, and how a record becomes one of them. */
#include "client/memories.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static_assert((int)SWARM_MEMORY_TAGS_MAX == (int)SW_MEMORY_TAG_COUNT_MAX, "as many as are read");
static_assert((int)SWARM_MEMORY_SOURCES_MAX == (int)SW_MEMORY_PARENT_COUNT_MAX, "as many");
static_assert((int)SWARM_TIER_LONG == (int)SW_MEMORY_LONG, "tiers are those of the text");
static_assert((int)SWARM_MEMORY_ARCHIVE == (int)SW_MEMORY_ARCHIVE, "uses are the protocol's");

enum swarm_status sw_say(enum swarm_status status, const char *why, char *ret_why, size_t why_size)
{
    if (ret_why != NULL && why_size > 0) {
        (void)snprintf(ret_why, why_size, "%s", why);
    }
    return status;
}

enum swarm_status sw_give(struct swarm_result *result,
                          struct swarm_result **ret_result,
                          char *ret_why,
                          size_t why_size)
{
    const enum swarm_status status = result->status;

    if (status != SWARM_OK) {
        (void)sw_say(status, result->detail, ret_why, why_size);
    }
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        swarm_result_free(result);
    }
    return status;
}

void sw_results_add(struct sw_results *results, struct swarm_result *result)
{
    results->all = realloc(results->all, (results->count + 1) * sizeof results->all[0]);
    SW_ASSERT(results->all != NULL);
    results->all[results->count++] = result;
}

void sw_results_release(struct sw_results *results)
{
    for (size_t i = 0; i < results->count; i++) {
        swarm_result_free(results->all[i]);
    }
    free(results->all);
    *results = (struct sw_results){0};
}

struct swarm_memories *sw_memories_new(void)
{
    struct swarm_memories *memories = calloc(1, sizeof *memories);

    SW_ASSERT(memories != NULL);
    return memories;
}

static void *keep(struct swarm_memories *memories, size_t size)
{
    void *made = calloc(1, size);

    SW_ASSERT(made != NULL);
    memories->kept = realloc(memories->kept, (memories->kept_count + 1) * sizeof(void *));
    SW_ASSERT(memories->kept != NULL);
    memories->kept[memories->kept_count++] = made;
    return made;
}

static struct swarm_recalled *add(struct swarm_memories *memories)
{
    if (memories->count == memories->capacity) {
        memories->capacity = memories->capacity == 0 ? 16 : 2 * memories->capacity;
        memories->all = realloc(memories->all, memories->capacity * sizeof memories->all[0]);
        SW_ASSERT(memories->all != NULL);
    }
    memories->all[memories->count] = (struct swarm_recalled){.depth = 0};
    return &memories->all[memories->count++];
}

static void fill_sources(struct swarm_memories *memories,
                         const struct sw_memory_text *text,
                         struct swarm_recalled *memory)
{
    struct swarm_memory_source *sources;

    if (text->parent_count == 0) {
        return;
    }
    sources = keep(memories, text->parent_count * sizeof *sources);
    for (uint32_t i = 0; i < text->parent_count; i++) {
        sources[i] = (struct swarm_memory_source){.key = sw_slice_of_span(text->parents[i].key),
                                                  .revision = text->parents[i].revision};
    }
    memory->sources = sources;
    memory->source_count = text->parent_count;
}

static void fill_text(const struct sw_memory_text *text, struct swarm_recalled *memory)
{
    memory->agent = sw_slice_of_span(text->agent);
    memory->task = sw_slice_of_span(text->task);
    memory->success = text->success;
    memory->utility = text->utility;
    memory->content = sw_slice_of_span(text->content);
    memory->importance = text->importance;
    memory->tier = (enum swarm_tier)text->tier;
    memory->is_archived = text->archived;
    memory->uses = text->uses;
    memory->born_ms = text->born_ms == 0 ? memory->time_ms : text->born_ms;
    memory->touched_ms = text->touched_ms == 0 ? memory->time_ms : text->touched_ms;
    memory->author = sw_slice_of_span(text->author);
    memory->session = text->session;
    memory->meta = sw_slice_of_span(text->meta);
    memory->tag_count = text->tag_count;
    for (uint32_t i = 0; i < text->tag_count; i++) {
        memory->tags[i] = sw_slice_of_span(text->tags[i]);
    }
}

struct swarm_recalled *sw_memories_add(struct swarm_memories *memories,
                                       const struct swarm_record *record)
{
    const struct sw_span value = sw_span_of_slice(record->value);
    struct swarm_recalled *memory = add(memories);
    struct sw_memory_text text;

    /* Whatever else somebody put there is content without an author. */
    memory->key = record->key;
    memory->content = record->value;
    memory->revision = record->mod_revision;
    memory->created = record->create_revision;
    memory->time_ms = record->time_ms;
    if (sw_memory_text_read(value, &text)) {
        fill_text(&text, memory);
        fill_sources(memories, &text, memory);
    }
    if (record->time_ms > memories->time_ms) {
        memories->time_ms = record->time_ms;
    }
    return memory;
}

struct swarm_recalled *sw_memories_add_key(struct swarm_memories *memories, struct sw_span key)
{
    uint8_t *bytes = keep(memories, key.size + 1);
    struct swarm_recalled *memory = add(memories);

    memcpy(bytes, key.data, key.size);
    memory->key = (struct swarm_slice){.data = bytes, .size = key.size};
    memory->is_gone = true;
    return memory;
}

/* What was remembered before importance was has it as it was written, by the time of its record. */
void sw_memories_fade(struct swarm_memories *memories, size_t first)
{
    for (size_t i = first; i < memories->count; i++) {
        struct swarm_recalled *memory = &memories->all[i];
        struct sw_memory_text text;
        enum sw_memory_tier tier;

        if (memory->agent.size == 0) {
            continue;
        }
        text = (struct sw_memory_text){.importance = memory->importance,
                                       .tier = (enum sw_memory_tier)memory->tier,
                                       .born_ms = memory->born_ms,
                                       .touched_ms = memory->touched_ms};
        sw_memory_fade(&text, memories->time_ms, &memory->importance, &tier);
        memory->tier = (enum swarm_tier)tier;
    }
}

/* --- the public side -------------------------------------------------------------------------- */

size_t swarm_memories_count(const struct swarm_memories *memories)
{
    return memories->count;
}

const struct swarm_recalled *swarm_memories_at(const struct swarm_memories *memories, size_t at)
{
    return at < memories->count ? &memories->all[at] : NULL;
}

bool swarm_memories_more(const struct swarm_memories *memories)
{
    return memories->more;
}

uint64_t swarm_memories_time(const struct swarm_memories *memories)
{
    return memories->time_ms;
}

const struct swarm_result *swarm_memories_result(const struct swarm_memories *memories)
{
    return memories->search == 0 ? NULL : memories->results.all[memories->search - 1];
}

size_t swarm_memories_asked(const struct swarm_memories *memories)
{
    return memories->part_count;
}

size_t swarm_memories_answered(const struct swarm_memories *memories)
{
    return memories->answered;
}

struct swarm_memories_part swarm_memories_part(const struct swarm_memories *memories, size_t at)
{
    return at < memories->part_count ? memories->parts[at].told
                                     : (struct swarm_memories_part){.status = SWARM_NOT_FOUND};
}

void swarm_memories_free(struct swarm_memories *memories)
{
    if (memories == NULL) {
        return;
    }
    sw_results_release(&memories->results);
    for (size_t i = 0; i < memories->kept_count; i++) {
        free(memories->kept[i]);
    }
    free(memories->kept);
    free(memories->parts);
    free(memories->all);
    free(memories);
}
