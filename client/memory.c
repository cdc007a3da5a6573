/* What agents remember: a vector index whose items have an agent, a task, an outcome and a use.
 *
 * Remembering is one write: key, value and vector together, and what was remembered before in the
 * same words is the same key. Recalling asks the index for more than is wanted and orders them by a
 * formula of integers, so whoever asks the same gets the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "client/include/swarm.h"
#include "client/memory_text.h"

enum {
    KEY_SIZE_MAX = SW_MEMORY_AGENT_SIZE_MAX + 1 + 32,
    UTILITY_BASE = 500,
    UTILITY_OF_SUCCESS = 200,
    UTILITY_OF_FAILURE = -300,
    WIDER = 4, /* candidates for each that is wanted */
    CANDIDATES_MIN = 32,
    RECALL_DEFAULT = 10,
    WEIGHT_SIMILARITY = 700,
    WEIGHT_UTILITY = 200,
    WEIGHT_RECENCY = 100,
    WEIGHT_MAX = 1000000,
    CONDITIONS_MAX = 5,
};

static_assert((int)SWARM_MEMORY_TAGS_MAX == (int)SW_MEMORY_TAG_COUNT_MAX, "as many as are read");

static const uint64_t half_life_default_ms = UINT64_C(7) * 24 * 3600 * 1000;

static struct sw_span text_of(const char *text)
{
    return sw_span_str(text == NULL ? "" : text);
}

static void say(char *ret_why, size_t why_size, const char *why)
{
    if (ret_why != NULL && why_size > 0) {
        (void)snprintf(ret_why, why_size, "%s", why);
    }
}

/* --- remember --------------------------------------------------------------------------------- */

static enum sw_err
fill(const struct swarm_memory *from, struct sw_memory_text *ret_to, char why[SW_WHY_SIZE])
{
    const int told = UTILITY_BASE + (from->success ? UTILITY_OF_SUCCESS : UTILITY_OF_FAILURE);

    *ret_to =
        (struct sw_memory_text){.agent = text_of(from->agent),
                                .task = text_of(from->task),
                                .success = from->success,
                                .utility = from->utility == 0 ? (uint32_t)told : from->utility,
                                .content = sw_span_of(from->content.data, from->content.size)};
    if (from->tag_count > SW_MEMORY_TAG_COUNT_MAX) {
        (void)snprintf(why,
                       SW_WHY_SIZE,
                       "%zu tags, the limit is %d",
                       from->tag_count,
                       SW_MEMORY_TAG_COUNT_MAX);
        return SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < from->tag_count; i++) {
        ret_to->tags[ret_to->tag_count++] = text_of(from->tags[i]);
    }
    return sw_memory_text_validate(ret_to, why);
}

/* The same words of the same agent about the same task have the same key. */
static struct swarm_slice key_of(const struct sw_memory_text *memory, char key[KEY_SIZE_MAX + 1])
{
    XXH3_state_t *state = XXH3_createState();
    XXH128_hash_t hash;

    SW_ASSERT(state != NULL);
    (void)XXH3_128bits_reset(state);
    (void)XXH3_128bits_update(state, memory->task.data, memory->task.size);
    (void)XXH3_128bits_update(state, "", 1);
    (void)XXH3_128bits_update(state, memory->content.data, memory->content.size);
    hash = XXH3_128bits_digest(state);
    (void)XXH3_freeState(state);
    (void)snprintf(key,
                   KEY_SIZE_MAX + 1,
                   "%.*s/%016llx%016llx",
                   (int)memory->agent.size,
                   (const char *)memory->agent.data,
                   (unsigned long long)hash.high64,
                   (unsigned long long)hash.low64);
    return swarm_str(key);
}

static size_t fill_attributes(const struct swarm_memory *memory,
                              uint32_t utility,
                              struct swarm_attribute *ret_attributes)
{
    size_t count = 0;

    ret_attributes[count++] = (struct swarm_attribute){
        .kind = SWARM_ATTRIBUTE_TEXT, .name = "agent", .text = swarm_str(memory->agent)};
    ret_attributes[count++] = (struct swarm_attribute){
        .kind = SWARM_ATTRIBUTE_TEXT, .name = "task", .text = swarm_str(memory->task)};
    ret_attributes[count++] = (struct swarm_attribute){
        .kind = SWARM_ATTRIBUTE_NUMBER, .name = "success", .number = memory->success ? 1 : 0};
    ret_attributes[count++] = (struct swarm_attribute){
        .kind = SWARM_ATTRIBUTE_NUMBER, .name = "utility", .number = utility};
    for (size_t i = 0; i < memory->tag_count; i++) {
        ret_attributes[count++] = (struct swarm_attribute){
            .kind = SWARM_ATTRIBUTE_TEXT, .name = "tag", .text = swarm_str(memory->tags[i])};
    }
    return count;
}

enum swarm_status swarm_remember(struct swarm_client *client,
                                 struct swarm_scope scope,
                                 const struct swarm_memory *memory,
                                 struct swarm_result **ret_result,
                                 char *ret_why,
                                 size_t why_size)
{
    struct swarm_attribute attributes[4 + SW_MEMORY_TAG_COUNT_MAX];
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_item item = {.index = memory->index, .vector = memory->vector};
    struct sw_memory_text text;
    struct sw_buf value = {0};
    char key[KEY_SIZE_MAX + 1];
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    if (ret_result != NULL) {
        *ret_result = NULL;
    }
    err = fill(memory, &text, why);
    if (err != SW_ERR_OK) {
        say(ret_why, why_size, why);
        return (enum swarm_status)err;
    }
    sw_memory_text_write(&text, &value);
    item.content = (struct swarm_slice){.data = value.data, .size = value.size};
    item.attributes = attributes;
    item.attribute_count = fill_attributes(memory, text.utility, attributes);
    item.novel = memory->novelty > 0;
    item.distance_max = memory->novelty;
    request.op = SWARM_VECTOR_PUT;
    request.scope = scope;
    request.key = key_of(&text, key);
    request.item = &item;
    request.lease = memory->lease;
    err = (enum sw_err)swarm_call(client, &request, ret_result);
    sw_buf_release(&value);
    return (enum swarm_status)err;
}

/* --- recall ----------------------------------------------------------------------------------- */

struct swarm_memories {
    struct swarm_result *result; /* owned */
    struct swarm_recalled *all;  /* owned; views into the result */
    size_t count;
};

static size_t fill_conditions(const struct swarm_recollection *from,
                              struct swarm_condition ret_conditions[CONDITIONS_MAX])
{
    const struct {
        const char *name, *text;
    } texts[] = {{"agent", from->agent}, {"task", from->task}, {"tag", from->tag}};
    size_t count = 0;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].text != NULL) {
            ret_conditions[count] =
                (struct swarm_condition){.kind = SWARM_CONDITION_EQUAL,
                                         .clause = (uint8_t)count,
                                         .attribute = {.kind = SWARM_ATTRIBUTE_TEXT,
                                                       .name = texts[i].name,
                                                       .text = swarm_str(texts[i].text)}};
            count++;
        }
    }
    if (from->utility_min > 0 || from->successes_only) {
        ret_conditions[count] = (struct swarm_condition){
            .kind = SWARM_CONDITION_RANGE,
            .clause = (uint8_t)count,
            .attribute = {.kind = SWARM_ATTRIBUTE_NUMBER, .name = "utility"},
            .low = from->utility_min,
            .high = SW_MEMORY_SCORE_MAX};
        count++;
    }
    if (from->successes_only) {
        ret_conditions[count] = (struct swarm_condition){
            .kind = SWARM_CONDITION_RANGE,
            .clause = (uint8_t)count,
            .attribute = {.kind = SWARM_ATTRIBUTE_NUMBER, .name = "success"},
            .low = 1,
            .high = 1};
        count++;
    }
    return count;
}

/* Ages are counted from the newest candidate: no clock of this machine has a say. */
static void score_all(const struct swarm_recollection *asked, struct swarm_memories *memories)
{
    const bool given = asked->weight_similarity + asked->weight_utility + asked->weight_recency > 0;
    const uint64_t similarity = given ? asked->weight_similarity : WEIGHT_SIMILARITY;
    const uint64_t utility = given ? asked->weight_utility : WEIGHT_UTILITY;
    const uint64_t recency = given ? asked->weight_recency : WEIGHT_RECENCY;
    const uint64_t half_life =
        asked->half_life_ms == 0 ? half_life_default_ms : asked->half_life_ms;
    uint64_t newest_ms = 0;

    for (size_t i = 0; i < memories->count; i++) {
        if (memories->all[i].time_ms > newest_ms) {
            newest_ms = memories->all[i].time_ms;
        }
    }
    for (size_t i = 0; i < memories->count; i++) {
        struct swarm_recalled *memory = &memories->all[i];

        memory->score =
            (uint32_t)((similarity * sw_memory_similarity(memory->distance) +
                        utility * memory->utility +
                        recency * sw_memory_recency(newest_ms - memory->time_ms, half_life)) /
                       (similarity + utility + recency));
    }
}

static int by_score(const void *a, const void *b)
{
    const struct swarm_recalled *x = a, *y = b;

    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    if (x->distance != y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    return sw_span_compare(sw_span_of(x->key.data, x->key.size),
                           sw_span_of(y->key.data, y->key.size));
}

static struct swarm_slice slice_of(struct sw_span span)
{
    return (struct swarm_slice){.data = span.data, .size = span.size};
}

static void read_record(const struct swarm_record *record, struct swarm_recalled *ret_memory)
{
    struct sw_memory_text text = {.content = sw_span_of(record->value.data, record->value.size)};

    /* Whatever else somebody put into the index is content without an author. */
    (void)sw_memory_text_read(text.content, &text);
    *ret_memory = (struct swarm_recalled){.key = record->key,
                                          .agent = slice_of(text.agent),
                                          .task = slice_of(text.task),
                                          .success = text.success,
                                          .utility = text.utility,
                                          .content = slice_of(text.content),
                                          .distance = swarm_distance(record),
                                          .revision = record->mod_revision,
                                          .time_ms = record->time_ms,
                                          .tag_count = text.tag_count};
    for (uint32_t i = 0; i < text.tag_count; i++) {
        ret_memory->tags[i] = slice_of(text.tags[i]);
    }
}

static struct swarm_memories *
memories_of(const struct swarm_recollection *asked, struct swarm_result *result, size_t wanted)
{
    struct swarm_memories *memories = calloc(1, sizeof *memories);

    SW_ASSERT(memories != NULL);
    memories->result = result;
    memories->count = result->record_count;
    memories->all = calloc(memories->count + 1, sizeof memories->all[0]);
    SW_ASSERT(memories->all != NULL);
    for (size_t i = 0; i < memories->count; i++) {
        read_record(&result->records[i], &memories->all[i]);
    }
    score_all(asked, memories);
    qsort(memories->all, memories->count, sizeof memories->all[0], by_score);
    if (memories->count > wanted) {
        memories->count = wanted;
    }
    return memories;
}

static enum sw_err check(const struct swarm_recollection *asked, char why[SW_WHY_SIZE])
{
    if (asked->k > SW_SEARCH_COUNT_MAX) {
        (void)snprintf(
            why, SW_WHY_SIZE, "k is %u, the limit is %d", (unsigned)asked->k, SW_SEARCH_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    if (asked->weight_similarity > WEIGHT_MAX || asked->weight_utility > WEIGHT_MAX ||
        asked->weight_recency > WEIGHT_MAX) {
        (void)snprintf(why, SW_WHY_SIZE, "a weight is over %d", WEIGHT_MAX);
        return SW_ERR_INVALID;
    }
    return SW_ERR_OK;
}

enum swarm_status swarm_recall(struct swarm_client *client,
                               struct swarm_scope scope,
                               const struct swarm_recollection *asked,
                               struct swarm_memories **ret_memories,
                               char *ret_why,
                               size_t why_size)
{
    const uint32_t wanted = asked->k == 0 ? RECALL_DEFAULT : asked->k;
    struct swarm_condition conditions[CONDITIONS_MAX];
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_question question = {
        .index = asked->index, .vector = asked->vector, .recall_permille = asked->recall_permille};
    struct swarm_result *result = NULL;
    char why[SW_WHY_SIZE] = "";
    enum sw_err err;

    *ret_memories = NULL;
    err = check(asked, why);
    if (err != SW_ERR_OK) {
        say(ret_why, why_size, why);
        return (enum swarm_status)err;
    }
    question.k = wanted * WIDER < CANDIDATES_MIN ? CANDIDATES_MIN : wanted * WIDER;
    question.k = question.k > SW_SEARCH_COUNT_MAX ? SW_SEARCH_COUNT_MAX : question.k;
    question.conditions = conditions;
    question.condition_count = fill_conditions(asked, conditions);
    request.op = SWARM_VECTOR_SEARCH;
    request.scope = scope;
    request.question = &question;
    err = (enum sw_err)swarm_call(client, &request, &result);
    if (err != SW_ERR_OK) {
        say(ret_why, why_size, result == NULL ? "" : result->detail);
        swarm_result_free(result);
        return (enum swarm_status)err;
    }
    *ret_memories = memories_of(asked, result, wanted);
    return SWARM_OK;
}

size_t swarm_memories_count(const struct swarm_memories *memories)
{
    return memories->count;
}

const struct swarm_recalled *swarm_memories_at(const struct swarm_memories *memories, size_t at)
{
    return at < memories->count ? &memories->all[at] : NULL;
}

const struct swarm_result *swarm_memories_result(const struct swarm_memories *memories)
{
    return memories->result;
}

void swarm_memories_free(struct swarm_memories *memories)
{
    if (memories != NULL) {
        swarm_result_free(memories->result);
        free(memories->all);
        free(memories);
    }
}
