/* Recall: partitions are asked for more than is wanted, and what they found is ordered by a formula
 * of integers, so whoever asks the same gets the same.
 *
 * Each partition is asked twice: what is being forgotten there, then what is near. So whatever was
 * told to be forgotten before the recall began is not in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "client/call_all.h"
#include "client/memories.h"

enum {
    WIDER = 4, /* candidates for each that is wanted */
    CANDIDATES_MIN = 32,
    RECALL_DEFAULT = 10,
    WEIGHT_MAX = 1000000,
    CONDITIONS_MAX = 4,
    PARTS_MAX = 1024,
};

static const struct sw_memory_weights weights_default = {
    .similarity = 700, .utility = 200, .recency = 100};
static const uint64_t half_life_default_ms = UINT64_C(7) * 24 * 3600 * 1000;

struct recalling {
    struct swarm_client *client;
    struct swarm_scope scope;
    const struct swarm_recollection *asked;
    struct swarm_memories *memories;
    struct sw_reading *readings; /* owned: one for each part */
    size_t *results;             /* owned: of each part's search, from 1; 0 = none */
    size_t count;
    uint32_t k;   /* candidates that each part is asked for */
    bool several; /* else the scope's own partition */
    char *why;
    size_t why_size;
};

/* --- the question ----------------------------------------------------------------------------- */

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
    if (asked->follow_depth > SW_FOLLOW_DEPTH_MAX) {
        (void)snprintf(why, SW_WHY_SIZE, "links are followed at most %d deep", SW_FOLLOW_DEPTH_MAX);
        return SW_ERR_INVALID;
    }
    if (asked->partition_count > PARTS_MAX) {
        (void)snprintf(why, SW_WHY_SIZE, "at most %d partitions are asked at once", PARTS_MAX);
        return SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < asked->partition_count; i++) {
        if (asked->partitions[i] == NULL || strlen(asked->partitions[i]) > SW_PARTITION_SIZE_MAX) {
            (void)snprintf(why, SW_WHY_SIZE, "partition %zu has no name that may be one", i + 1);
            return SW_ERR_INVALID;
        }
    }
    return asked->follow == NULL ? SW_ERR_OK
                                 : sw_link_type_validate(sw_span_str(asked->follow), why);
}

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

static uint32_t wanted(const struct swarm_recollection *asked)
{
    return asked->k == 0 ? RECALL_DEFAULT : asked->k;
}

/* --- partitions ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct sw_part *x = a, *y = b;

    return strcmp(x->partition, y->partition);
}

static void set_parts(struct recalling *recalling, size_t count)
{
    struct swarm_memories *memories = recalling->memories;

    memories->parts = calloc(count + 1, sizeof memories->parts[0]);
    recalling->results = calloc(count + 1, sizeof recalling->results[0]);
    recalling->readings = calloc(count + 1, sizeof recalling->readings[0]);
    SW_ASSERT(memories->parts != NULL && recalling->results != NULL && recalling->readings != NULL);
    memories->part_count = count;
    recalling->count = count;
}

static void name_part(const struct recalling *recalling, size_t at, struct sw_span name)
{
    struct sw_part *part = &recalling->memories->parts[at];

    SW_ASSERT(name.size < sizeof part->partition);
    if (name.size > 0) {
        memcpy(part->partition, name.data, name.size);
    }
    part->told.partition = part->partition;
    part->told.detail = part->detail;
}

/* Those of the namespace that have the index, in the order of their names. */
static enum swarm_status find_places(struct recalling *recalling)
{
    struct swarm_request request = SWARM_INIT(struct swarm_request);
    struct swarm_result *result = NULL;
    enum swarm_status status;

    request.op = SWARM_INDEX_PLACES;
    request.scope = recalling->scope;
    request.key = swarm_str(recalling->asked->index);
    status = swarm_call(recalling->client, &request, &result);
    if (status == SWARM_OK && result->record_count == 0) {
        status = sw_say(SWARM_NO_INDEX,
                        "no partition of the namespace has such an index",
                        recalling->why,
                        recalling->why_size);
    } else if (status != SWARM_OK) {
        (void)sw_say(status, result->detail, recalling->why, recalling->why_size);
    }
    if (status == SWARM_OK) {
        set_parts(recalling, result->record_count);
        for (size_t i = 0; i < result->record_count; i++) {
            name_part(recalling, i, sw_span_of_slice(result->records[i].key));
        }
        qsort(recalling->memories->parts,
              recalling->count,
              sizeof recalling->memories->parts[0],
              by_name);
        for (size_t i = 0; i < recalling->count; i++) { /* they moved */
            struct sw_part *part = &recalling->memories->parts[i];

            part->told.partition = part->partition;
            part->told.detail = part->detail;
        }
    }
    swarm_result_free(result);
    return status;
}

static enum swarm_status name_parts(struct recalling *recalling)
{
    const struct swarm_recollection *asked = recalling->asked;

    recalling->several = asked->all_partitions || asked->partition_count > 0;
    if (asked->all_partitions) {
        return find_places(recalling);
    }
    set_parts(recalling, asked->partition_count == 0 ? 1 : asked->partition_count);
    for (size_t i = 0; i < asked->partition_count; i++) {
        name_part(recalling, i, sw_span_str(asked->partitions[i]));
    }
    if (asked->partition_count == 0) {
        const char *own = recalling->scope.partition == NULL ? "" : recalling->scope.partition;

        if (strlen(own) > SW_PARTITION_SIZE_MAX) {
            return sw_say(SWARM_INVALID,
                          "the partition's name is too long",
                          recalling->why,
                          recalling->why_size);
        }
        name_part(recalling, 0, sw_span_str(own));
    }
    return SWARM_OK;
}

static struct swarm_scope scope_of(const struct recalling *recalling, size_t at)
{
    struct swarm_scope scope = recalling->scope;

    if (recalling->several) {
        scope.partition = recalling->memories->parts[at].partition;
    }
    return scope;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void fail_part(struct sw_part *part, const struct swarm_result *result)
{
    part->told.status = result->status;
    (void)snprintf(part->detail, sizeof part->detail, "%s", result->detail);
}

/* What is being forgotten, in all of them at once; pages that do not suffice are read on. */
static void ask_marks(struct recalling *recalling)
{
    struct swarm_request *requests = calloc(recalling->count + 1, sizeof *requests);
    struct swarm_result **results = calloc(recalling->count + 1, sizeof(void *));

    SW_ASSERT(requests != NULL && results != NULL);
    for (size_t i = 0; i < recalling->count; i++) {
        requests[i] = sw_reading_first(scope_of(recalling, i));
    }
    sw_call_all(recalling->client, requests, recalling->count, results);
    for (size_t i = 0; i < recalling->count; i++) {
        struct sw_reading *reading = &recalling->readings[i];
        struct sw_part *part = &recalling->memories->parts[i];

        *reading = (struct sw_reading){.client = recalling->client,
                                       .scope = scope_of(recalling, i),
                                       .results = &recalling->memories->results,
                                       .settings = sw_memory_settings_default};
        part->told.status = results[i]->status;
        if (results[i]->status != SWARM_OK) {
            fail_part(part, results[i]);
        } else if (results[i]->more) {
            part->told.status = sw_reading_begin(reading);
        } else {
            sw_reading_take(reading, results[i]);
        }
        swarm_result_free(results[i]);
    }
    free(requests);
    free(results);
}

static struct swarm_question question_of(const struct swarm_recollection *asked,
                                         uint32_t k,
                                         struct swarm_condition conditions[CONDITIONS_MAX])
{
    struct swarm_question question = {.index = asked->index,
                                      .vector = asked->vector,
                                      .k = k,
                                      .recall_permille = asked->recall_permille,
                                      .conditions = conditions};

    question.condition_count = fill_conditions(asked, conditions);
    return question;
}

/* Searches those that answered before, and keeps what they find. What an earlier round found goes.
 */
static void ask_near(struct recalling *recalling)
{
    struct swarm_request *requests = calloc(recalling->count + 1, sizeof *requests);
    struct swarm_result **results = calloc(recalling->count + 1, sizeof(void *));
    size_t *parts = calloc(recalling->count + 1, sizeof *parts);
    struct swarm_condition conditions[CONDITIONS_MAX];
    const struct swarm_question question = question_of(recalling->asked, recalling->k, conditions);
    size_t count = 0;

    SW_ASSERT(requests != NULL && results != NULL && parts != NULL);
    recalling->memories->answered = 0;
    recalling->memories->search = 0;
    recalling->memories->count = 0;
    for (size_t i = 0; i < recalling->count; i++) {
        recalling->results[i] = 0;
        if (recalling->memories->parts[i].told.status == SWARM_OK) {
            requests[count] = SWARM_INIT(struct swarm_request);
            requests[count].op = SWARM_VECTOR_SEARCH;
            requests[count].scope = scope_of(recalling, i);
            requests[count].question = &question;
            parts[count++] = i;
        }
    }
    sw_call_all(recalling->client, requests, count, results);
    for (size_t i = 0; i < count; i++) {
        struct sw_part *part = &recalling->memories->parts[parts[i]];

        if (results[i]->status != SWARM_OK) {
            fail_part(part, results[i]);
            swarm_result_free(results[i]);
            continue;
        }
        part->told.revision = results[i]->revision;
        part->told.count = results[i]->record_count;
        recalling->readings[parts[i]].revision = results[i]->revision;
        recalling->memories->answered++;
        sw_results_add(&recalling->memories->results, results[i]);
        recalling->results[parts[i]] = recalling->memories->results.count;
        if (recalling->memories->search == 0) {
            recalling->memories->search = recalling->memories->results.count;
        }
        part->told.detail = results[i]->detail;
    }
    free(requests);
    free(results);
    free(parts);
}

/* --- what was found --------------------------------------------------------------------------- */

/* Candidates of one part, without those that are being forgotten. */
static void take_part(struct recalling *recalling, size_t at)
{
    struct swarm_memories *memories = recalling->memories;
    struct sw_part *part = &memories->parts[at];
    const struct swarm_result *result = memories->results.all[recalling->results[at] - 1];

    for (size_t i = 0; i < result->record_count; i++) {
        const struct swarm_record *record = &result->records[i];
        struct swarm_recalled *memory;
        bool hidden;
        const enum swarm_status status =
            sw_reading_hidden(&recalling->readings[at], sw_span_of_slice(record->key), &hidden);

        if (status != SWARM_OK) { /* what is not known to be seen is not seen */
            part->told.status = status;
            memories->answered--;
            return;
        }
        if (!hidden) {
            memory = sw_memories_add(memories, record);
            memory->distance = swarm_distance(record);
            memory->partition = recalling->several ? part->partition : NULL;
        }
    }
}

static bool is_wanted(const struct recalling *recalling,
                      const struct sw_reading *reading,
                      const struct swarm_recalled *memory)
{
    const uint64_t floor = recalling->asked->importance_min > reading->settings.floor
                               ? recalling->asked->importance_min
                               : reading->settings.floor;

    if (memory->agent.size == 0) {
        return recalling->asked->importance_min == 0 && recalling->asked->utility_min == 0;
    }
    return !memory->is_archived && memory->importance >= floor &&
           memory->utility >= recalling->asked->utility_min;
}

/* All candidates; what faded is known when the newest of them all is. */
static void take_all(struct recalling *recalling)
{
    struct swarm_memories *memories = recalling->memories;
    size_t *first = calloc(recalling->count + 1, sizeof *first);
    size_t kept = 0;

    SW_ASSERT(first != NULL);
    for (size_t i = 0; i < recalling->count; i++) {
        first[i] = memories->count;
        if (recalling->results[i] > 0) {
            take_part(recalling, i);
        }
    }
    first[recalling->count] = memories->count;
    sw_memories_fade(memories, 0);
    for (size_t part = 0; part < recalling->count; part++) {
        for (size_t i = first[part]; i < first[part + 1]; i++) {
            if (recalling->memories->parts[part].told.status == SWARM_OK &&
                is_wanted(recalling, &recalling->readings[part], &memories->all[i])) {
                memories->all[kept++] = memories->all[i];
            }
        }
    }
    memories->count = kept;
    free(first);
}

/* Ages are counted from the newest candidate: no clock of this machine has a say. */
static void score_all(const struct swarm_recollection *asked, struct swarm_memories *memories)
{
    const struct sw_memory_weights given = {.similarity = asked->weight_similarity,
                                            .utility = asked->weight_utility,
                                            .recency = asked->weight_recency};
    const bool is_given = given.similarity + given.utility + given.recency > 0;
    const struct sw_memory_weights *weights = is_given ? &given : &weights_default;
    const uint64_t half_life =
        asked->half_life_ms == 0 ? half_life_default_ms : asked->half_life_ms;

    for (size_t i = 0; i < memories->count; i++) {
        struct swarm_recalled *memory = &memories->all[i];

        memory->score =
            sw_memory_score(weights,
                            sw_memory_similarity(memory->distance),
                            memory->utility,
                            sw_memory_recency(memories->time_ms - memory->time_ms, half_life));
    }
}

static int by_score(const void *a, const void *b)
{
    const struct swarm_recalled *x = a, *y = b;
    int order;

    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    if (x->distance != y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    order = sw_span_compare(sw_span_of_slice(x->key), sw_span_of_slice(y->key));
    return order != 0 || x->partition == NULL ? order : strcmp(x->partition, y->partition);
}

/* The first of those with equal content, which is the best. */
static bool is_repeated(const struct swarm_memories *memories, size_t count, size_t at)
{
    const struct sw_span content = sw_span_of_slice(memories->all[at].content);

    for (size_t i = 0; i < count; i++) {
        if (sw_span_equal(sw_span_of_slice(memories->all[i].content), content)) {
            return true;
        }
    }
    return false;
}

static void choose(const struct recalling *recalling)
{
    struct swarm_memories *memories = recalling->memories;
    const uint32_t k = wanted(recalling->asked);
    size_t kept = 0;

    score_all(recalling->asked, memories);
    if (memories->count > 1) { /* no array is none to sort */
        qsort(memories->all, memories->count, sizeof memories->all[0], by_score);
    }
    for (size_t i = 0; i < memories->count && kept < k; i++) {
        if (!recalling->several || !is_repeated(memories, kept, i)) {
            memories->all[kept++] = memories->all[i];
        }
    }
    memories->count = kept;
}

/* --- what links lead to ----------------------------------------------------------------------- */

static enum swarm_status follow_part(struct recalling *recalling, size_t at, size_t found)
{
    struct swarm_memories *memories = recalling->memories;
    const char *partition = recalling->several ? memories->parts[at].partition : NULL;
    struct swarm_slice *start = calloc(found + 1, sizeof *start);
    const uint32_t depth = recalling->asked->follow_depth;
    struct sw_walk walk = {.reading = &recalling->readings[at],
                           .type = recalling->asked->follow,
                           .ends_only = true,
                           .with_values = true,
                           .depth = depth == 0 ? 1 : depth,
                           .limit = SW_FOLLOW_COUNT_DEFAULT};
    enum swarm_status status;
    size_t count = 0;

    SW_ASSERT(start != NULL);
    for (size_t i = 0; i < found; i++) {
        if (memories->all[i].partition == partition) {
            start[count++] = memories->all[i].key;
        }
    }
    status = count == 0 ? SWARM_OK : sw_walk(&walk, start, count);
    for (size_t i = 0; status == SWARM_OK && i < walk.count; i++) {
        const struct sw_step *step = &walk.steps[i];
        struct swarm_recalled *memory = sw_memories_add(memories, step->there);

        memory->partition = partition;
        memory->depth = (int32_t)step->link.depth;
        memory->from = step->link.from;
        memory->link_score = step->link.score;
        memory->is_cut = walk.more && i >= walk.whole;
    }
    memories->more = memories->more || walk.more;
    sw_walk_release(&walk);
    free(start);
    return status;
}

/* Behind what was found, which keeps its order. */
static enum swarm_status follow(struct recalling *recalling)
{
    struct swarm_memories *memories = recalling->memories;
    const uint64_t time_ms = memories->time_ms;
    const size_t found = memories->count;
    enum swarm_status status = SWARM_OK;

    for (size_t i = 0; i < recalling->count && status == SWARM_OK; i++) {
        if (recalling->results[i] > 0) {
            recalling->readings[i].why = recalling->why;
            recalling->readings[i].why_size = recalling->why_size;
            status = follow_part(recalling, i, found);
        }
    }
    memories->time_ms = time_ms > 0 ? time_ms : memories->time_ms;
    sw_memories_fade(memories, found);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* One answer is enough: who was asked and answered stands beside it. */
static enum swarm_status judge_parts(const struct recalling *recalling)
{
    const struct sw_part *first = &recalling->memories->parts[0];

    if (recalling->memories->answered > 0) {
        return SWARM_OK;
    }
    return sw_say(first->told.status, first->told.detail, recalling->why, recalling->why_size);
}

/* Fewer than were wanted are left of what was found, and there may be more: four times as wide. */
static bool ask_wider(struct recalling *recalling)
{
    bool is_cut = false;

    for (size_t i = 0; i < recalling->count; i++) {
        is_cut = is_cut || recalling->memories->parts[i].told.count == recalling->k;
    }
    if (recalling->k == SW_SEARCH_COUNT_MAX || !is_cut ||
        recalling->memories->count >= wanted(recalling->asked)) {
        return false;
    }
    recalling->k *= WIDER;
    return true;
}

static enum swarm_status recall(struct recalling *recalling)
{
    enum swarm_status status = name_parts(recalling);

    if (status != SWARM_OK) {
        return status;
    }
    ask_marks(recalling);
    recalling->k = wanted(recalling->asked) * WIDER;
    recalling->k = recalling->k < CANDIDATES_MIN ? CANDIDATES_MIN : recalling->k;
    do {
        recalling->k = recalling->k > SW_SEARCH_COUNT_MAX ? SW_SEARCH_COUNT_MAX : recalling->k;
        ask_near(recalling);
        take_all(recalling);
        status = judge_parts(recalling);
        if (status != SWARM_OK) {
            return status;
        }
        choose(recalling);
    } while (ask_wider(recalling));
    return recalling->asked->follow == NULL ? SWARM_OK : follow(recalling);
}

enum swarm_status swarm_recall(struct swarm_client *client,
                               struct swarm_scope scope,
                               const struct swarm_recollection *asked,
                               struct swarm_memories **ret_memories,
                               char *ret_why,
                               size_t why_size)
{
    struct recalling recalling = {
        .client = client, .scope = scope, .asked = asked, .why = ret_why, .why_size = why_size};
    char why[SW_WHY_SIZE] = "";
    const enum sw_err err = check(asked, why);
    enum swarm_status status;

    *ret_memories = NULL;
    if (err != SW_ERR_OK) {
        return sw_say((enum swarm_status)err, why, ret_why, why_size);
    }
    recalling.memories = sw_memories_new();
    status = recall(&recalling);
    for (size_t i = 0; i < recalling.count; i++) {
        sw_reading_release(&recalling.readings[i]);
    }
    free(recalling.readings);
    free(recalling.results);
    if (status == SWARM_OK) {
        *ret_memories = recalling.memories;
    } else {
        swarm_memories_free(recalling.memories);
    }
    return status;
}
