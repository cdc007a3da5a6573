/* Lines in and out, requests, and the fixed-point arithmetic. */
#include "transport/memory.h"

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/log.h"
#include "transport/vector.h"

static const char first_line[] = "swarm-memory 1\n";
static const char settings_line[] = "swarm-memory-settings 1\n";
static const char *const tier_texts[SW_MEMORY_TIER_COUNT] = {"short", "working", "long"};

const struct sw_memory_settings sw_memory_settings_default = {
    .count_max = 1000, .size_max = UINT64_C(64) << 20, .floor = 0};

const char *sw_memory_tier_text(enum sw_memory_tier tier)
{
    SW_ASSERT(tier < SW_MEMORY_TIER_COUNT);
    return tier_texts[tier];
}

/* --- rules ------------------------------------------------------------------------------------ */

static enum sw_err
check_name(const char *what, struct sw_span name, size_t size_max, char ret_why[SW_WHY_SIZE])
{
    if (name.size == 0 || name.size > size_max) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the %s is %zu bytes, allowed are 1 to %zu",
                       what,
                       name.size,
                       size_max);
        return name.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~') {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "the %s has byte 0x%02x, allowed is printable ASCII without spaces",
                           what,
                           (unsigned)name.data[i]);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

static enum sw_err check_score(const char *what, uint32_t score, char ret_why[SW_WHY_SIZE])
{
    if (score <= SW_MEMORY_SCORE_MAX) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why,
                   SW_WHY_SIZE,
                   "the %s is %u, allowed are 0 to %d thousandths",
                   what,
                   (unsigned)score,
                   SW_MEMORY_SCORE_MAX);
    return SW_ERR_INVALID;
}

/* One line of text. */
static enum sw_err check_meta(struct sw_span meta, char ret_why[SW_WHY_SIZE])
{
    if (meta.size > SW_MEMORY_META_SIZE_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "metadata of %zu bytes, the limit is %d",
                       meta.size,
                       SW_MEMORY_META_SIZE_MAX);
        return SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < meta.size; i++) {
        if (meta.data[i] < ' ') {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "metadata has byte 0x%02x, it is one line of text",
                           (unsigned)meta.data[i]);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

enum sw_err sw_memory_agent_validate(struct sw_span agent, char ret_why[SW_WHY_SIZE])
{
    const enum sw_err err = check_name("agent", agent, SW_MEMORY_AGENT_SIZE_MAX, ret_why);

    if (err == SW_ERR_OK && memchr(agent.data, '/', agent.size) != NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "an agent has no slash");
        return SW_ERR_INVALID;
    }
    return err;
}

enum sw_err sw_memory_text_validate(const struct sw_memory_text *memory, char ret_why[SW_WHY_SIZE])
{
    enum sw_err err = check_name("agent", memory->agent, SW_MEMORY_AGENT_SIZE_MAX, ret_why);

    if (err == SW_ERR_OK) {
        err = check_name("task", memory->task, SW_MEMORY_TASK_SIZE_MAX, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_score("utility", memory->utility, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_score("importance", memory->importance, ret_why);
    }
    if (err == SW_ERR_OK) {
        err = check_meta(memory->meta, ret_why);
    }
    for (uint32_t i = 0; i < memory->tag_count && err == SW_ERR_OK; i++) {
        err = check_name("tag", memory->tags[i], SW_MEMORY_TAG_SIZE_MAX, ret_why);
    }
    for (uint32_t i = 0; i < memory->parent_count && err == SW_ERR_OK; i++) {
        err = check_name("key of a source", memory->parents[i].key, SW_KEY_SIZE_MAX, ret_why);
    }
    return err;
}

/* --- lines ------------------------------------------------------------------------------------ */

static void write_number(struct sw_buf *out, const char *name, uint64_t number)
{
    sw_buf_printf(out, "%s=%llu\n", name, (unsigned long long)number);
}

static void write_line(struct sw_buf *out, const char *name, struct sw_span value)
{
    if (value.size > 0) {
        sw_buf_printf(out, "%s=", name);
        sw_write_bytes(out, value);
        sw_buf_printf(out, "\n");
    }
}

void sw_memory_text_write(const struct sw_memory_text *memory, struct sw_buf *out)
{
    sw_write_bytes(out, sw_span_str(first_line));
    write_line(out, "agent", memory->agent);
    write_line(out, "task", memory->task);
    write_number(out, "success", memory->success ? 1 : 0);
    write_number(out, "utility", memory->utility);
    write_number(out, "importance", memory->importance);
    write_line(out, "tier", sw_span_str(sw_memory_tier_text(memory->tier)));
    write_number(out, "uses", memory->uses);
    write_number(out, "born", memory->born_ms);
    write_number(out, "touched", memory->touched_ms);
    if (memory->archived) {
        write_number(out, "archived", 1);
    }
    write_line(out, "author", memory->author);
    if (memory->session != 0) {
        write_number(out, "session", memory->session);
    }
    for (uint32_t i = 0; i < memory->parent_count; i++) {
        sw_buf_printf(out, "parent=%llu ", (unsigned long long)memory->parents[i].revision);
        sw_write_bytes(out, memory->parents[i].key);
        sw_buf_printf(out, "\n");
    }
    write_line(out, "meta", memory->meta);
    for (uint32_t i = 0; i < memory->tag_count; i++) {
        write_line(out, "tag", memory->tags[i]);
    }
    sw_buf_printf(out, "\n");
    sw_write_bytes(out, memory->content);
}

/* Takes the next line, without its end; false if there is no whole one. */
static bool take_line(struct sw_span *rest, struct sw_span *ret_line)
{
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    size_t size;

    if (end == NULL) {
        return false;
    }
    size = (size_t)(end - rest->data);
    *ret_line = sw_span_of(rest->data, size);
    *rest = sw_span_of(rest->data + size + 1, rest->size - size - 1);
    return true;
}

static bool value_of(struct sw_span line, const char *name, struct sw_span *ret_value)
{
    const size_t size = strlen(name);

    if (line.size <= size || memcmp(line.data, name, size) != 0 || line.data[size] != '=') {
        return false;
    }
    *ret_value = sw_span_of(line.data + size + 1, line.size - size - 1);
    return true;
}

static bool read_number(struct sw_span digits, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (digits.size == 0) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        const uint64_t digit = (uint64_t)(digits.data[i] - '0');

        if (digits.data[i] < '0' || digits.data[i] > '9' || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return number <= max;
}

static bool read_score(struct sw_span digits, uint32_t *ret_score)
{
    uint64_t number = 0;
    const bool ok = read_number(digits, SW_MEMORY_SCORE_MAX, &number);

    *ret_score = (uint32_t)number;
    return ok;
}

static bool read_tier(struct sw_span text, enum sw_memory_tier *ret_tier)
{
    for (int i = 0; i < SW_MEMORY_TIER_COUNT; i++) {
        if (sw_span_equal(text, sw_span_str(tier_texts[i]))) {
            *ret_tier = (enum sw_memory_tier)i;
            return true;
        }
    }
    return false;
}

static bool read_parent(struct sw_span value, struct sw_memory_text *memory)
{
    const uint8_t *space = value.size == 0 ? NULL : memchr(value.data, ' ', value.size);
    struct sw_memory_parent *parent = &memory->parents[memory->parent_count];
    size_t size;

    if (space == NULL || memory->parent_count == SW_MEMORY_PARENT_COUNT_MAX) {
        return false;
    }
    size = (size_t)(space - value.data);
    parent->key = sw_span_of(space + 1, value.size - size - 1);
    memory->parent_count++;
    return read_number(sw_span_of(value.data, size), UINT64_MAX, &parent->revision);
}

static bool read_text(struct sw_span line, struct sw_memory_text *memory, bool *ret_known)
{
    struct sw_span value;

    *ret_known = true;
    if (value_of(line, "agent", &value)) {
        memory->agent = value;
    } else if (value_of(line, "task", &value)) {
        memory->task = value;
    } else if (value_of(line, "tier", &value)) {
        return read_tier(value, &memory->tier);
    } else if (value_of(line, "author", &value)) {
        memory->author = value;
        return value.size == SW_MEMORY_AUTHOR_SIZE;
    } else if (value_of(line, "meta", &value)) {
        memory->meta = value;
    } else if (value_of(line, "parent", &value)) {
        return read_parent(value, memory);
    } else if (value_of(line, "tag", &value)) {
        if (memory->tag_count == SW_MEMORY_TAG_COUNT_MAX) {
            return false;
        }
        memory->tags[memory->tag_count++] = value;
    } else {
        *ret_known = false;
    }
    return true;
}

/* A field that is not known is a later version's: it is passed over. */
static bool read_field(struct sw_span line, struct sw_memory_text *memory)
{
    struct sw_span value;
    uint64_t flag = 0;
    bool known;

    if (!read_text(line, memory, &known)) {
        return false;
    }
    if (known) {
        return true;
    }
    if (value_of(line, "success", &value)) {
        memory->success = value.size == 1 && value.data[0] == '1';
    } else if (value_of(line, "utility", &value)) {
        return read_score(value, &memory->utility);
    } else if (value_of(line, "importance", &value)) {
        return read_score(value, &memory->importance);
    } else if (value_of(line, "uses", &value)) {
        return read_number(value, UINT64_MAX, &memory->uses);
    } else if (value_of(line, "born", &value)) {
        return read_number(value, INT64_MAX, &memory->born_ms);
    } else if (value_of(line, "touched", &value)) {
        return read_number(value, INT64_MAX, &memory->touched_ms);
    } else if (value_of(line, "session", &value)) {
        return read_number(value, UINT64_MAX, &memory->session);
    } else if (value_of(line, "archived", &value)) {
        const bool ok = read_number(value, 1, &flag);

        memory->archived = flag == 1;
        return ok;
    }
    return true;
}

bool sw_memory_text_read(struct sw_span value, struct sw_memory_text *ret_memory)
{
    const size_t first_size = sizeof first_line - 1;
    struct sw_memory_text memory = {.importance = SW_MEMORY_IMPORTANCE_DEFAULT};
    char why[SW_WHY_SIZE];
    struct sw_span line;

    if (value.size < first_size || memcmp(value.data, first_line, first_size) != 0) {
        return false;
    }
    value = sw_span_of(value.data + first_size, value.size - first_size);
    for (;;) {
        if (!take_line(&value, &line)) {
            return false;
        }
        if (line.size == 0) {
            break;
        }
        if (!read_field(line, &memory)) {
            return false;
        }
    }
    memory.content = value;
    if (value.size > SW_MEMORY_CONTENT_SIZE_MAX || /* written again it would outgrow its key */
        sw_memory_text_validate(&memory, why) != SW_ERR_OK) {
        return false;
    }
    *ret_memory = memory;
    return true;
}

/* --- keys ------------------------------------------------------------------------------------- */

void sw_memory_key_of(struct sw_span agent,
                      struct sw_span task,
                      struct sw_span content,
                      struct sw_memory_key *ret_key)
{
    XXH3_state_t *state = XXH3_createState();
    XXH128_hash_t hash;
    struct sw_buf text = {0};

    SW_ASSERT(state != NULL);
    SW_ASSERT(agent.size > 0 && agent.size <= SW_MEMORY_AGENT_SIZE_MAX);
    (void)XXH3_128bits_reset(state);
    (void)XXH3_128bits_update(state, task.data, task.size);
    (void)XXH3_128bits_update(state, "", 1);
    (void)XXH3_128bits_update(state, content.data, content.size);
    hash = XXH3_128bits_digest(state);
    (void)XXH3_freeState(state);
    sw_buf_printf(&text, "%s", SW_MEMORY_PREFIX);
    sw_write_bytes(&text, agent);
    sw_buf_printf(
        &text, "/%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    SW_ASSERT(text.size <= sizeof ret_key->data);
    memcpy(ret_key->data, text.data, text.size);
    ret_key->size = (uint32_t)text.size;
    sw_buf_release(&text);
}

bool sw_memory_key_read(struct sw_span key, struct sw_span *ret_agent)
{
    const size_t prefix_size = sizeof SW_MEMORY_PREFIX - 1;
    char why[SW_WHY_SIZE];

    if (key.size <= prefix_size + 1 + SW_MEMORY_HASH_SIZE || key.size > SW_MEMORY_KEY_SIZE_MAX ||
        memcmp(key.data, SW_MEMORY_PREFIX, prefix_size) != 0 ||
        key.data[key.size - SW_MEMORY_HASH_SIZE - 1] != '/') {
        return false;
    }
    for (size_t i = key.size - SW_MEMORY_HASH_SIZE; i < key.size; i++) {
        if (!(key.data[i] >= '0' && key.data[i] <= '9') &&
            !(key.data[i] >= 'a' && key.data[i] <= 'f')) {
            return false;
        }
    }
    *ret_agent =
        sw_span_of(key.data + prefix_size, key.size - prefix_size - 1 - SW_MEMORY_HASH_SIZE);
    return sw_memory_agent_validate(*ret_agent, why) == SW_ERR_OK;
}

/* --- requests --------------------------------------------------------------------------------- */

enum {
    PUT_SUCCESS = 1 << 0,
    PUT_NOVEL = 1 << 1,
    PUT_ARCHIVE = 1 << 2,
    PUT_FLAGS_ALL = (1 << 3) - 1,
};

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

void sw_memory_put_encode(const struct sw_memory_put *put, struct sw_buf *out)
{
    sw_write_u8(out,
                (uint8_t)((put->success ? PUT_SUCCESS : 0) | (put->novel ? PUT_NOVEL : 0) |
                          (put->archive ? PUT_ARCHIVE : 0)));
    sw_write_u16(out, put->utility);
    sw_write_u16(out, put->importance);
    sw_write_u64(out, bits_of(put->distance_max));
    sw_write_short(out, put->task);
    sw_write_u8(out, (uint8_t)put->tag_count);
    for (uint32_t i = 0; i < put->tag_count; i++) {
        sw_write_short(out, put->tags[i]);
    }
    sw_write_u8(out, (uint8_t)put->parent_count);
    for (uint32_t i = 0; i < put->parent_count; i++) {
        sw_write_short(out, put->parents[i]);
    }
    sw_write_blob(out, put->meta);
    sw_write_short(out, put->index);
    sw_write_blob(out, put->vector);
    sw_write_blob(out, put->content);
}

enum sw_err sw_memory_put_decode(struct sw_span bytes, struct sw_memory_put *ret_put)
{
    struct sw_reader in = sw_reader_of(bytes);
    const uint8_t flags = sw_read_u8_max(&in, PUT_FLAGS_ALL);

    *ret_put = (struct sw_memory_put){.success = (flags & PUT_SUCCESS) != 0,
                                      .novel = (flags & PUT_NOVEL) != 0,
                                      .archive = (flags & PUT_ARCHIVE) != 0};
    ret_put->utility = sw_read_u16(&in);
    ret_put->importance = sw_read_u16(&in);
    ret_put->distance_max = double_of(sw_read_u64(&in));
    ret_put->task = sw_read_short(&in);
    ret_put->tag_count = sw_read_u8_max(&in, SW_MEMORY_TAG_COUNT_MAX);
    for (uint32_t i = 0; i < ret_put->tag_count; i++) {
        ret_put->tags[i] = sw_read_short(&in);
    }
    ret_put->parent_count = sw_read_u8_max(&in, SW_MEMORY_PARENT_COUNT_MAX);
    for (uint32_t i = 0; i < ret_put->parent_count; i++) {
        ret_put->parents[i] = sw_read_short(&in);
    }
    ret_put->meta = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    ret_put->index = sw_read_short(&in);
    ret_put->vector = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    ret_put->content = sw_read_blob(&in, SW_MESSAGE_SIZE_MAX);
    return sw_reader_finish(&in);
}

/* Its fields by the rules of what is stored. */
static enum sw_err
check_fields(struct sw_span agent, const struct sw_memory_put *put, char ret_why[SW_WHY_SIZE])
{
    struct sw_memory_text text = {.agent = agent,
                                  .task = put->task,
                                  .utility = put->utility == SW_MEMORY_UNSET ? 0 : put->utility,
                                  .importance =
                                      put->importance == SW_MEMORY_UNSET ? 0 : put->importance,
                                  .meta = put->meta,
                                  .tag_count = put->tag_count,
                                  .parent_count = put->parent_count};

    memcpy(text.tags, put->tags, sizeof text.tags);
    for (uint32_t i = 0; i < put->parent_count; i++) {
        text.parents[i].key = put->parents[i];
    }
    return sw_memory_text_validate(&text, ret_why);
}

static enum sw_err
check_parents(struct sw_span agent, const struct sw_memory_put *put, char ret_why[SW_WHY_SIZE])
{
    struct sw_memory_key own;

    sw_memory_key_of(agent, put->task, put->content, &own);
    for (uint32_t i = 0; i < put->parent_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (sw_span_equal(put->parents[i], put->parents[j])) {
                (void)snprintf(ret_why, SW_WHY_SIZE, "source %u was named before", (unsigned)i + 1);
                return SW_ERR_INVALID;
            }
        }
        if (sw_span_equal(put->parents[i], sw_memory_key_span(&own))) {
            (void)snprintf(ret_why, SW_WHY_SIZE, "a memory is not derived from itself");
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

static enum sw_err check_vector(const struct sw_memory_put *put, char ret_why[SW_WHY_SIZE])
{
    const char *why = NULL;

    if ((put->index.size == 0) != (put->vector.size == 0)) {
        why = "a vector and its index go together";
    } else if (put->novel && put->vector.size == 0) {
        why = "nothing is near to what has no vector";
    } else if (put->novel ? !(put->distance_max >= 0) || put->distance_max > 1e300
                          : bits_of(put->distance_max) != 0) {
        why = "the distance of novelty is none";
    }
    if (why != NULL) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "%s", why);
        return SW_ERR_INVALID;
    }
    return put->index.size == 0 ? SW_ERR_OK : sw_vector_index_name_validate(put->index, ret_why);
}

enum sw_err
sw_memory_put_validate(struct sw_span agent, struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_memory_put put;
    enum sw_err err = sw_memory_agent_validate(agent, ret_why);

    if (err != SW_ERR_OK) {
        return err;
    }
    if (sw_memory_put_decode(bytes, &put) != SW_ERR_OK) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the memory does not decode");
        return SW_ERR_INVALID;
    }
    if (put.content.size == 0 || put.content.size > SW_MEMORY_CONTENT_SIZE_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "a memory of %zu bytes, allowed are 1 to %d",
                       put.content.size,
                       SW_MEMORY_CONTENT_SIZE_MAX);
        return put.content.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    err = check_fields(agent, &put, ret_why);
    if (err == SW_ERR_OK) {
        err = check_parents(agent, &put, ret_why);
    }
    return err == SW_ERR_OK ? check_vector(&put, ret_why) : err;
}

enum sw_err sw_memory_use_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    if (bytes.size == 1 && bytes.data[0] > 0 && bytes.data[0] < SW_MEMORY_USE_COUNT) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "the value is no use of a memory");
    return SW_ERR_INVALID;
}

/* --- settings --------------------------------------------------------------------------------- */

enum sw_err sw_memory_settings_validate(const struct sw_memory_settings *settings,
                                        char ret_why[SW_WHY_SIZE])
{
    if (settings->count_max == 0 || settings->count_max > SW_MEMORY_RING_COUNT_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "%llu memories of an agent, allowed are 1 to %d",
                       (unsigned long long)settings->count_max,
                       SW_MEMORY_RING_COUNT_MAX);
        return SW_ERR_INVALID;
    }
    if (settings->size_max == 0 || settings->size_max > INT64_MAX) {
        (void)snprintf(ret_why, SW_WHY_SIZE, "the bytes of an agent are 1 to 2^63 - 1");
        return SW_ERR_INVALID;
    }
    return settings->floor <= SW_MEMORY_SCORE_MAX ? SW_ERR_OK
                                                  : check_score("floor", UINT32_MAX, ret_why);
}

void sw_memory_settings_write(const struct sw_memory_settings *settings, struct sw_buf *out)
{
    sw_write_bytes(out, sw_span_str(settings_line));
    write_number(out, "count_max", settings->count_max);
    write_number(out, "size_max", settings->size_max);
    write_number(out, "floor", settings->floor);
}

bool sw_memory_settings_read(struct sw_span value, struct sw_memory_settings *ret_settings)
{
    const size_t first_size = sizeof settings_line - 1;
    struct sw_memory_settings settings = sw_memory_settings_default;
    char why[SW_WHY_SIZE];
    struct sw_span line;

    if (value.size < first_size || memcmp(value.data, settings_line, first_size) != 0) {
        return false;
    }
    value = sw_span_of(value.data + first_size, value.size - first_size);
    while (value.size > 0) {
        struct sw_span number;

        if (!take_line(&value, &line) ||
            (value_of(line, "count_max", &number) &&
             !read_number(number, INT64_MAX, &settings.count_max)) ||
            (value_of(line, "size_max", &number) &&
             !read_number(number, INT64_MAX, &settings.size_max)) ||
            (value_of(line, "floor", &number) &&
             !read_number(number, INT64_MAX, &settings.floor))) {
            return false;
        }
    }
    if (sw_memory_settings_validate(&settings, why) != SW_ERR_OK) {
        return false;
    }
    *ret_settings = settings;
    return true;
}

/* --- scores ----------------------------------------------------------------------------------- */

uint32_t sw_memory_recency(uint64_t age_ms, uint64_t half_life_ms)
{
    const uint64_t whole = age_ms / half_life_ms;
    uint64_t upper, lower;

    SW_ASSERT(half_life_ms > 0);
    if (whole > 10) {
        return 0; /* less than a thousandth */
    }
    upper = SW_MEMORY_SCORE_MAX >> whole;
    lower = SW_MEMORY_SCORE_MAX >> (whole + 1);
    return (uint32_t)(upper - (upper - lower) * (age_ms % half_life_ms) / half_life_ms);
}

uint32_t sw_memory_similarity(double distance)
{
    const uint64_t one = UINT64_C(1) << 20;
    uint64_t steps;

    if (!(distance > 0)) {
        return SW_MEMORY_SCORE_MAX;
    }
    if (distance >= 2) {
        return 0;
    }
    steps = (uint64_t)(distance * (double)one); /* exact but for what is cut off */
    return (uint32_t)(SW_MEMORY_SCORE_MAX - (steps * 500 + one / 2) / one);
}

uint32_t sw_memory_score(const struct sw_memory_weights *weights,
                         uint32_t similarity,
                         uint32_t utility,
                         uint32_t recency)
{
    const uint64_t sum =
        (uint64_t)weights->similarity + (uint64_t)weights->utility + (uint64_t)weights->recency;

    SW_ASSERT(sum > 0);
    return (uint32_t)(((uint64_t)weights->similarity * similarity +
                       (uint64_t)weights->utility * utility +
                       (uint64_t)weights->recency * recency) /
                      sum);
}

/* --- fading ----------------------------------------------------------------------------------- */

enum {
    DAY_MS = 24 * 3600 * 1000,
    HOUR_MS = 3600 * 1000,
    LONG_UNTIL = 400,
    LONG_ABOVE = 900,
    WORKING_ABOVE = 800,
};

static const uint32_t permille_a_day[SW_MEMORY_TIER_COUNT] = {100, 50, 10};

/* After so long nothing is left of anything: products stay far from 64 bits. */
static const uint64_t forever_ms = UINT64_C(1000) * DAY_MS;

static uint32_t fade(uint32_t importance, enum sw_memory_tier tier, uint64_t ms)
{
    const uint64_t whole = (uint64_t)DAY_MS * 1000;
    uint64_t lost;

    if (ms > forever_ms) {
        return 0;
    }
    lost = (uint64_t)importance * permille_a_day[tier] * ms / whole;
    return lost >= importance ? 0 : importance - (uint32_t)lost;
}

/* How long until so much of it is lost. */
static uint64_t until_lost(uint32_t importance, enum sw_memory_tier tier, uint32_t lost)
{
    const uint64_t whole = (uint64_t)DAY_MS * 1000;
    const uint64_t each = (uint64_t)importance * permille_a_day[tier];

    return ((uint64_t)lost * whole + each - 1) / each;
}

void sw_memory_fade(const struct sw_memory_text *memory,
                    uint64_t now_ms,
                    uint32_t *ret_importance,
                    enum sw_memory_tier *ret_tier)
{
    uint64_t left_ms = now_ms > memory->touched_ms ? now_ms - memory->touched_ms : 0;
    uint32_t importance = memory->importance;
    enum sw_memory_tier tier = memory->tier;
    uint64_t piece_ms = 0;

    if (tier == SW_MEMORY_SHORT && now_ms >= memory->born_ms + HOUR_MS) {
        piece_ms = memory->born_ms + HOUR_MS;
        piece_ms = piece_ms > memory->touched_ms ? piece_ms - memory->touched_ms : 0;
        piece_ms = piece_ms > left_ms ? left_ms : piece_ms;
        importance = fade(importance, tier, piece_ms);
        tier = SW_MEMORY_WORKING;
    } else if (tier == SW_MEMORY_LONG && importance >= LONG_UNTIL) {
        piece_ms = until_lost(importance, tier, importance - LONG_UNTIL + 1);
        if (piece_ms <= left_ms) {
            importance = LONG_UNTIL - 1;
            tier = SW_MEMORY_WORKING;
        } else {
            piece_ms = 0;
        }
    }
    *ret_importance = fade(importance, tier, left_ms - piece_ms);
    *ret_tier = tier;
}

enum sw_memory_tier sw_memory_promote(enum sw_memory_tier tier, uint32_t importance)
{
    if (importance > LONG_ABOVE) {
        return SW_MEMORY_LONG;
    }
    return importance > WORKING_ABOVE && tier == SW_MEMORY_SHORT ? SW_MEMORY_WORKING : tier;
}

void sw_memory_reinforce(struct sw_memory_text *memory, uint64_t now_ms)
{
    uint32_t importance;

    sw_memory_fade(memory, now_ms, &importance, &memory->tier);
    importance = importance * 6 / 5 > importance ? importance * 6 / 5 : importance + 1;
    memory->importance = importance > SW_MEMORY_SCORE_MAX ? SW_MEMORY_SCORE_MAX : importance;
    memory->tier = sw_memory_promote(memory->tier, memory->importance);
    memory->touched_ms = now_ms;
}

uint32_t sw_memory_worth(const struct sw_memory_text *memory, uint64_t now_ms)
{
    enum sw_memory_tier tier;
    uint32_t importance;

    sw_memory_fade(memory, now_ms, &importance, &tier);
    return (memory->archived ? 0 : 2 * SW_MEMORY_SCORE_MAX + 1) + importance + memory->utility;
}
