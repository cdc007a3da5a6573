/* Indexes, items and questions of the public interface into bytes of the protocol. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "client/pack_private.h"
#include "transport/vector.h"

static_assert((int)SWARM_ATTRIBUTE_TEXT == (int)SW_ATTRIBUTE_TEXT, "the protocol's");
static_assert((int)SWARM_CONDITION_PREFIX == (int)SW_CONDITION_PREFIX, "the protocol's");
static_assert((int)SWARM_SEARCH_KEYS_ONLY == (int)SW_VECTOR_KEYS_ONLY, "the protocol's");

enum { SHORT_MAX = UINT16_MAX };

static enum sw_err missing(const char *what, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "request.%s is not set", what);
    return SW_ERR_INVALID;
}

static enum sw_err too_long(const char *what, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%s is too long: see `swarmctl limits`", what);
    return SW_ERR_TOO_LARGE;
}

static enum sw_err too_many(const char *what, size_t count, int max, char *ret_why)
{
    (void)snprintf(ret_why, SW_WHY_SIZE, "%zu %s, the limit is %d", count, what, max);
    return SW_ERR_TOO_LARGE;
}

static struct sw_span text_of(const char *text)
{
    return text == NULL ? sw_span_of(NULL, 0) : sw_span_str(text);
}

enum sw_err sw__pack_space(const struct swarm_space *space, struct sw_buf *out, char *ret_why)
{
    struct sw_vector_space packed;

    if (space == NULL) {
        return missing("space", ret_why);
    }
    packed = (struct sw_vector_space){.metric = (uint8_t)space->metric,
                                      .dtype = (uint8_t)space->dtype,
                                      .exponent = space->exponent,
                                      .dim = space->dim,
                                      .version = space->version,
                                      .seed = space->seed,
                                      .model = text_of(space->model)};
    if (packed.model.size > SHORT_MAX) {
        return too_long("the name of the model", ret_why);
    }
    sw_vector_space_encode(&packed, out);
    return SW_ERR_OK;
}

static enum sw_err
pack_attribute(const struct swarm_attribute *from, struct sw_attribute *ret_to, char *ret_why)
{
    *ret_to = (struct sw_attribute){.kind = (enum sw_attribute_kind)from->kind,
                                    .name = text_of(from->name)};
    if (from->kind == SWARM_ATTRIBUTE_NUMBER) {
        ret_to->number = from->number;
    } else {
        ret_to->text = sw_span_of(from->text.data, from->text.size);
    }
    if (ret_to->name.size > SHORT_MAX || ret_to->text.size > SHORT_MAX) {
        return too_long("an attribute", ret_why);
    }
    return SW_ERR_OK;
}

enum sw_err sw__pack_item(const struct swarm_item *item, struct sw_buf *out, char *ret_why)
{
    struct sw_vector_item packed;
    enum sw_err err = SW_ERR_OK;

    if (item == NULL) {
        return missing("item", ret_why);
    }
    packed.index = text_of(item->index);
    packed.vector = sw_span_of(item->vector.data, item->vector.size);
    packed.context = item->context;
    packed.novel = item->novel;
    packed.distance_max = item->novel ? item->distance_max + 0.0 : 0;
    packed.content = sw_span_of(item->content.data, item->content.size);
    if (item->attribute_count > SW_ATTRIBUTE_COUNT_MAX) {
        return too_many("attributes", item->attribute_count, SW_ATTRIBUTE_COUNT_MAX, ret_why);
    }
    if (packed.index.size > SHORT_MAX || packed.content.size > SW_VALUE_SIZE_MAX ||
        packed.vector.size > SW_VALUE_SIZE_MAX) {
        return too_long("the item", ret_why);
    }
    packed.attribute_count = (uint32_t)item->attribute_count;
    for (size_t i = 0; i < item->attribute_count && err == SW_ERR_OK; i++) {
        err = pack_attribute(&item->attributes[i], &packed.attributes[i], ret_why);
    }
    if (err == SW_ERR_OK) {
        sw_vector_item_encode(&packed, out);
    }
    return err;
}

static enum sw_err
pack_condition(const struct swarm_condition *from, struct sw_condition *ret_to, char *ret_why)
{
    *ret_to =
        (struct sw_condition){.kind = (enum sw_condition_kind)from->kind, .clause = from->clause};
    if (from->kind == SWARM_CONDITION_RANGE) {
        ret_to->low = from->low;
        ret_to->high = from->high;
    }
    return pack_attribute(&from->attribute, &ret_to->attribute, ret_why);
}

enum sw_err sw__pack_question(const struct swarm_question *from, struct sw_buf *out, char *ret_why)
{
    struct sw_vector_query packed;
    enum sw_err err = SW_ERR_OK;

    if (from == NULL) {
        return missing("question", ret_why);
    }
    packed = (struct sw_vector_query){.index = text_of(from->index),
                                      .vector = sw_span_of(from->vector.data, from->vector.size),
                                      .flags = from->flags,
                                      .k = from->k == 0 ? 10 : from->k,
                                      .probe = from->probe,
                                      .rerank = from->rerank,
                                      .recall_permille = from->recall_permille,
                                      .context = from->context,
                                      .distance_max = from->distance_max + 0.0,
                                      .revision_min = from->revision_min,
                                      .revision_max = from->revision_max};
    if (from->condition_count > SW_CONDITION_COUNT_MAX) {
        return too_many("conditions", from->condition_count, SW_CONDITION_COUNT_MAX, ret_why);
    }
    if ((from->flags & ~(uint32_t)SW_VECTOR_FLAGS_ALL) != 0) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the question has flags that are not known");
        return SW_ERR_INVALID;
    }
    if (packed.index.size > SHORT_MAX || packed.vector.size > SW_VALUE_SIZE_MAX) {
        return too_long("the question", ret_why);
    }
    packed.condition_count = (uint32_t)from->condition_count;
    for (size_t i = 0; i < from->condition_count && err == SW_ERR_OK; i++) {
        err = pack_condition(&from->conditions[i], &packed.conditions[i], ret_why);
    }
    if (err == SW_ERR_OK) {
        sw_vector_query_encode(&packed, out);
    }
    return err;
}

enum sw_err sw__pack_watch(const struct swarm_question *question, struct sw_buf *out, char *ret_why)
{
    struct swarm_question each = *question;
    enum sw_err err;

    each.k = 1;
    each.flags |= (uint32_t)SWARM_SEARCH_BOUNDED;
    err = sw__pack_question(&each, out, ret_why);
    return err == SW_ERR_OK ? sw_vector_watch_validate(sw_buf_span(out), ret_why) : err;
}

double swarm_distance(const struct swarm_record *record)
{
    double distance;

    static_assert(sizeof distance == sizeof record->lease, "it travels in the place of a lease");
    memcpy(&distance, &record->lease, sizeof distance);
    return distance;
}
