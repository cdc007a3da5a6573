/* Attributes of entries, by id; see attributes.h. */
#include "node/attributes.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"

enum { SLOTS_MIN = 1024, TEXTS_MIN = 64, TEXT_BYTES_MIN = 1024, FIND_MAX = 32 };

struct sw_attributes_slot {
    uint64_t id;  /* 0: free */
    uint32_t set; /* where it is in the bytes of sets */
};

struct sw_attributes_part {
    uint32_t at; /* in `bytes` */
    uint32_t size;
};

/* What is full doubles. */
static uint32_t grown(uint32_t capacity, uint32_t min)
{
    return capacity == 0 ? min : 2 * capacity;
}

/* --- texts ------------------------------------------------------------------------------------ */

static void texts_release(struct sw_attributes_texts *texts)
{
    free(texts->parts);
    free(texts->places);
    sw_buf_release(&texts->bytes);
    *texts = (struct sw_attributes_texts){0};
}

static size_t texts_size(uint32_t capacity, size_t bytes)
{
    return capacity * (sizeof(struct sw_attributes_part) + 2 * sizeof(uint32_t)) + bytes;
}

/* What they may take once one of so many bytes is added. */
static size_t texts_size_after(const struct sw_attributes_texts *texts, size_t size)
{
    const bool full = texts->count == texts->capacity;
    const size_t bytes = texts->bytes.capacity;

    return texts_size(full ? grown(texts->capacity, TEXTS_MIN) : texts->capacity,
                      texts->bytes.size + size > bytes ? 2 * (bytes + size) + TEXT_BYTES_MIN
                                                       : bytes);
}

static struct sw_span text_at(const struct sw_attributes_texts *texts, uint32_t number)
{
    SW_ASSERT(number < texts->count);
    return sw_span_of(texts->bytes.data + texts->parts[number].at, texts->parts[number].size);
}

static uint32_t place_of(const struct sw_attributes_texts *texts, struct sw_span text)
{
    uint32_t at = (uint32_t)XXH3_64bits(text.data, text.size) & (texts->place_capacity - 1);

    while (texts->places[at] != 0 && !sw_span_equal(text_at(texts, texts->places[at] - 1), text)) {
        at = (at + 1) & (texts->place_capacity - 1);
    }
    return at;
}

static void texts_grow(struct sw_attributes_texts *texts)
{
    texts->capacity = grown(texts->capacity, TEXTS_MIN);
    texts->parts = realloc(texts->parts, texts->capacity * sizeof *texts->parts);
    SW_ASSERT(texts->parts != NULL);
    free(texts->places);
    texts->place_capacity = 2 * texts->capacity;
    texts->places = calloc(texts->place_capacity, sizeof *texts->places);
    SW_ASSERT(texts->places != NULL);
    for (uint32_t i = 0; i < texts->count; i++) {
        texts->places[place_of(texts, text_at(texts, i))] = i + 1;
    }
}

/* The number of the text, which is added if it is new. */
static uint32_t text_number(struct sw_attributes_texts *texts, struct sw_span text)
{
    uint32_t place = texts->count == 0 ? 0 : place_of(texts, text);

    if (texts->count > 0 && texts->places[place] != 0) {
        return texts->places[place] - 1;
    }
    if (texts->count == texts->capacity) {
        texts_grow(texts);
    }
    place = place_of(texts, text);
    texts->parts[texts->count] =
        (struct sw_attributes_part){.at = (uint32_t)texts->bytes.size, .size = (uint32_t)text.size};
    sw_write_bytes(&texts->bytes, text);
    texts->count++;
    texts->places[place] = texts->count;
    return texts->count - 1;
}

/* --- entries ---------------------------------------------------------------------------------- */

void sw_attributes_release(struct sw_attributes *attributes)
{
    free(attributes->slots);
    texts_release(&attributes->names);
    texts_release(&attributes->sets);
    sw_buf_release(&attributes->one);
    *attributes = (struct sw_attributes){0};
}

size_t sw_attributes_size(const struct sw_attributes *attributes)
{
    return attributes->slot_capacity * sizeof(struct sw_attributes_slot) +
           texts_size(attributes->names.capacity, attributes->names.bytes.capacity) +
           texts_size(attributes->sets.capacity, attributes->sets.bytes.capacity);
}

/* Ids are revisions: neighbours differ in the low bits, and a product spreads these to the top. */
static uint32_t home_of(uint64_t id, uint32_t capacity)
{
    return (uint32_t)(id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (capacity - 1);
}

static uint32_t slot_of(const struct sw_attributes *attributes, uint64_t id)
{
    uint32_t at = home_of(id, attributes->slot_capacity);

    while (attributes->slots[at].id != 0 && attributes->slots[at].id != id) {
        at = (at + 1) & (attributes->slot_capacity - 1);
    }
    return at;
}

/* All of them are on their way from memory before the first is needed. */
void sw_attributes_find(const struct sw_attributes *attributes,
                        const uint64_t ids[],
                        uint32_t count,
                        uint32_t ret_sets[])
{
    SW_ASSERT(count <= FIND_MAX);
    if (attributes->slot_count == 0) {
        for (uint32_t i = 0; i < count; i++) {
            ret_sets[i] = SW_ATTRIBUTES_NO_SET;
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(&attributes->slots[home_of(ids[i], attributes->slot_capacity)], 0, 3);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sw_attributes_slot *slot = &attributes->slots[slot_of(attributes, ids[i])];

        ret_sets[i] = slot->id != 0 ? slot->set : SW_ATTRIBUTES_NO_SET;
        if (slot->id != 0) {
            __builtin_prefetch(attributes->sets.bytes.data + slot->set, 0, 3);
        }
    }
}

static void slots_grow(struct sw_attributes *attributes)
{
    struct sw_attributes_slot *old = attributes->slots;
    const uint32_t old_capacity = attributes->slot_capacity;

    attributes->slot_capacity = grown(old_capacity, SLOTS_MIN);
    attributes->slots = calloc(attributes->slot_capacity, sizeof *attributes->slots);
    SW_ASSERT(attributes->slots != NULL);
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].id != 0) {
            attributes->slots[slot_of(attributes, old[i].id)] = old[i];
        }
    }
    free(old);
}

static bool slots_full(const struct sw_attributes *attributes)
{
    return 4 * (attributes->slot_count + 1) > 3 * attributes->slot_capacity;
}

/* False if it could take more than `size_max` with another entry. */
static bool
has_room(const struct sw_attributes *attributes, size_t names, size_t set, size_t size_max)
{
    const uint32_t slots = slots_full(attributes) ? grown(attributes->slot_capacity, SLOTS_MIN)
                                                  : attributes->slot_capacity;

    return slots * sizeof(struct sw_attributes_slot) + texts_size_after(&attributes->names, names) +
                   texts_size_after(&attributes->sets, set) <=
               size_max &&
           attributes->sets.bytes.size + set <= UINT32_MAX &&
           attributes->names.count + SW_ATTRIBUTE_COUNT_MAX <= SW_ATTRIBUTES_NAME_COUNT_MAX;
}

static void encode(struct sw_attributes *attributes, const struct sw_attribute *all, uint32_t count)
{
    struct sw_buf *out = &attributes->one;

    sw_buf_clear(out);
    sw_write_u8(out, (uint8_t)count);
    for (uint32_t i = 0; i < count; i++) {
        sw_write_u16(out, (uint16_t)text_number(&attributes->names, all[i].name));
        sw_write_u8(out, (uint8_t)all[i].kind);
        if (all[i].kind == SW_ATTRIBUTE_NUMBER) {
            sw_write_u64(out, (uint64_t)all[i].number);
        } else {
            sw_write_short(out, all[i].text);
        }
    }
}

bool sw_attributes_add(struct sw_attributes *attributes,
                       uint64_t id,
                       const struct sw_attribute *all,
                       uint32_t count,
                       size_t size_max)
{
    struct sw_attributes_slot *slot;
    uint32_t set_number;
    size_t names = 0;
    size_t set = 1;

    SW_ASSERT(id != 0);
    SW_ASSERT(count <= SW_ATTRIBUTE_COUNT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        names += all[i].name.size;
        set += 11 + all[i].text.size;
    }
    if (!has_room(attributes, names, set, size_max)) {
        return false;
    }
    if (slots_full(attributes)) {
        slots_grow(attributes);
    }
    encode(attributes, all, count);
    slot = &attributes->slots[slot_of(attributes, id)];
    attributes->slot_count += slot->id == 0 ? 1 : 0;
    set_number = text_number(&attributes->sets, sw_buf_span(&attributes->one));
    *slot = (struct sw_attributes_slot){.id = id, .set = attributes->sets.parts[set_number].at};
    return true;
}

/* --- questions -------------------------------------------------------------------------------- */

static_assert(SW_CONDITION_COUNT_MAX <= 32, "conditions and clauses are bits of a word");

void sw_attributes_ask(const struct sw_condition *conditions,
                       uint32_t count,
                       struct sw_attributes_question *ret_question)
{
    uint32_t clauses = 0;

    SW_ASSERT(count <= SW_CONDITION_COUNT_MAX);
    *ret_question =
        (struct sw_attributes_question){.conditions = conditions, .condition_count = count};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t same = 0;

        while (conditions[same].clause != conditions[i].clause) {
            same++;
        }
        ret_question->clauses[i] =
            same < i ? ret_question->clauses[same] : UINT32_C(1) << clauses++;
        ret_question->all |= ret_question->clauses[i];
    }
}

void sw_attributes_question_release(struct sw_attributes_question *question)
{
    free(question->wanted);
    *question = (struct sw_attributes_question){0};
}

/* Names that came since. */
static void follow(const struct sw_attributes *attributes, struct sw_attributes_question *question)
{
    const uint32_t names = attributes->names.count;

    question->wanted = realloc(question->wanted, names * sizeof *question->wanted);
    SW_ASSERT(question->wanted != NULL);
    for (uint32_t i = question->name_count; i < names; i++) {
        question->wanted[i] = 0;
        for (uint32_t j = 0; j < question->condition_count; j++) {
            const bool same = sw_span_equal(question->conditions[j].attribute.name,
                                            text_at(&attributes->names, i));

            question->wanted[i] |= (uint32_t)same << j;
        }
    }
    question->name_count = names;
}

/* The clauses that an attribute is enough for; `at` its kind. */
static uint32_t clauses_of(const struct sw_attributes *attributes,
                           const struct sw_attributes_question *question,
                           uint32_t name,
                           const uint8_t *at)
{
    struct sw_attribute one = {.kind = (enum sw_attribute_kind)at[0],
                               .name = text_at(&attributes->names, name)};
    uint32_t clauses = 0;

    if (one.kind == SW_ATTRIBUTE_NUMBER) {
        one.number = (int64_t)sw_load_u64(at + 1);
    } else {
        one.text = sw_span_of(at + 3, sw_load_u16(at + 1));
    }
    for (uint32_t left = question->wanted[name]; left != 0; left &= left - 1) {
        const uint32_t i = (uint32_t)__builtin_ctz(left);

        if (sw_condition_holds(&question->conditions[i], &one)) {
            clauses |= question->clauses[i];
        }
    }
    return clauses;
}

bool sw_attributes_hold(const struct sw_attributes *attributes,
                        struct sw_attributes_question *question,
                        uint32_t set)
{
    const uint8_t *at = attributes->sets.bytes.data + set;
    uint32_t clauses = 0;

    SW_ASSERT(set < attributes->sets.bytes.size);
    if (attributes->names.count > question->name_count) {
        follow(attributes, question);
    }
    for (uint32_t left = *at++; left > 0; left--) {
        const uint32_t name = sw_load_u16(at);
        const bool is_number = at[2] == SW_ATTRIBUTE_NUMBER;

        if (question->wanted[name] != 0) {
            clauses |= clauses_of(attributes, question, name, at + 2);
        }
        at += is_number ? 11 : 5 + (size_t)sw_load_u16(at + 3);
    }
    return clauses == question->all;
}
