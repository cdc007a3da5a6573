/* Keys and values of links. */
#include "transport/relation.h"

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/assert.h"
#include "base/log.h"

static const char *const prefixes[] = {[SW_LINK_FORTH] = "link/", [SW_LINK_BACK] = "link-back/"};
static const char first_words[] = "swarm-link 1 ";

struct sw_link_hash sw_link_hash_of(struct sw_span key)
{
    static const char digits[] = "0123456789abcdef";
    const XXH128_hash_t hash = XXH3_128bits(key.data, key.size);
    struct sw_link_hash made;

    for (int i = 0; i < SW_LINK_HASH_SIZE; i++) {
        const uint64_t half = i < 16 ? hash.high64 : hash.low64;

        made.digits[i] = digits[half >> (60 - 4 * (i % 16)) & 15];
    }
    return made;
}

static bool is_type_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

enum sw_err sw_link_type_validate(struct sw_span type, char ret_why[SW_WHY_SIZE])
{
    if (type.size == 0 || type.size > SW_LINK_TYPE_SIZE_MAX) {
        (void)snprintf(ret_why,
                       SW_WHY_SIZE,
                       "the link's type is %zu bytes, allowed are 1 to %d",
                       type.size,
                       SW_LINK_TYPE_SIZE_MAX);
        return type.size == 0 ? SW_ERR_INVALID : SW_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < type.size; i++) {
        if (!is_type_byte(type.data[i])) {
            (void)snprintf(ret_why,
                           SW_WHY_SIZE,
                           "the link's type has byte 0x%02x, allowed are letters, digits, _ - .",
                           (unsigned)type.data[i]);
            return SW_ERR_INVALID;
        }
    }
    return SW_ERR_OK;
}

/* --- keys ------------------------------------------------------------------------------------- */

static void key_add(struct sw_link_key *key, const void *bytes, size_t size)
{
    SW_ASSERT(size <= sizeof key->data - key->size);
    memcpy(key->data + key->size, bytes, size);
    key->size += (uint32_t)size;
}

void sw_link_prefix(enum sw_link_side side,
                    const struct sw_link_hash *here,
                    struct sw_span type,
                    struct sw_link_key *ret_key)
{
    ret_key->size = 0;
    key_add(ret_key, prefixes[side], strlen(prefixes[side]));
    key_add(ret_key, here->digits, SW_LINK_HASH_SIZE);
    key_add(ret_key, "/", 1);
    if (type.size > 0) {
        key_add(ret_key, type.data, type.size);
        key_add(ret_key, "/", 1);
    }
}

void sw_link_key_of(enum sw_link_side side,
                    const struct sw_link_hash *here,
                    struct sw_span type,
                    const struct sw_link_hash *there,
                    struct sw_link_key *ret_key)
{
    SW_ASSERT(type.size > 0);
    sw_link_prefix(side, here, type, ret_key);
    key_add(ret_key, there->digits, SW_LINK_HASH_SIZE);
}

static bool take_hash(struct sw_span *rest, struct sw_link_hash *ret_hash)
{
    if (rest->size < SW_LINK_HASH_SIZE) {
        return false;
    }
    for (int i = 0; i < SW_LINK_HASH_SIZE; i++) {
        const uint8_t byte = rest->data[i];

        if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'f')) {
            return false;
        }
        ret_hash->digits[i] = (char)byte;
    }
    *rest = sw_span_of(rest->data + SW_LINK_HASH_SIZE, rest->size - SW_LINK_HASH_SIZE);
    return true;
}

static bool take_text(struct sw_span *rest, const char *text)
{
    const size_t size = strlen(text);

    if (rest->size < size || memcmp(rest->data, text, size) != 0) {
        return false;
    }
    *rest = sw_span_of(rest->data + size, rest->size - size);
    return true;
}

bool sw_link_key_read(struct sw_span key,
                      enum sw_link_side *ret_side,
                      struct sw_link_hash *ret_here,
                      struct sw_span *ret_type,
                      struct sw_link_hash *ret_there)
{
    struct sw_span rest = key;
    char why[SW_WHY_SIZE];

    *ret_side = take_text(&rest, prefixes[SW_LINK_FORTH]) ? SW_LINK_FORTH : SW_LINK_BACK;
    if (*ret_side == SW_LINK_BACK && !take_text(&rest, prefixes[SW_LINK_BACK])) {
        return false;
    }
    if (!take_hash(&rest, ret_here) || !take_text(&rest, "/") ||
        rest.size < SW_LINK_HASH_SIZE + 2) {
        return false;
    }
    *ret_type = sw_span_of(rest.data, rest.size - SW_LINK_HASH_SIZE - 1);
    rest = sw_span_of(rest.data + ret_type->size, SW_LINK_HASH_SIZE + 1);
    return sw_link_type_validate(*ret_type, why) == SW_ERR_OK && take_text(&rest, "/") &&
           take_hash(&rest, ret_there);
}

/* --- values ----------------------------------------------------------------------------------- */

void sw_link_write(const struct sw_link_pair *link, struct sw_buf *out)
{
    SW_ASSERT(link->score <= SW_LINK_SCORE_MAX);
    SW_ASSERT(link->from.size > 0 && link->from.size <= SW_KEY_SIZE_MAX);
    SW_ASSERT(link->to.size > 0 && link->to.size <= SW_KEY_SIZE_MAX);
    sw_buf_printf(out, "%s%u %zu\n", first_words, (unsigned)link->score, link->from.size);
    sw_write_bytes(out, link->from);
    sw_write_bytes(out, link->to);
}

/* A number as it is written: no sign, no zeros in front. */
static bool take_number(struct sw_span *rest, uint32_t max, uint32_t *ret_number)
{
    uint32_t number = 0;
    size_t size = 0;

    while (size < rest->size && size < 5 && rest->data[size] >= '0' && rest->data[size] <= '9') {
        if (size > 0 && number == 0) {
            return false;
        }
        number = number * 10 + (uint32_t)(rest->data[size] - '0');
        size++;
    }
    *rest = sw_span_of(rest->data + size, rest->size - size);
    *ret_number = number;
    return size > 0 && number <= max;
}

bool sw_link_read(struct sw_span value, struct sw_link_pair *ret_link)
{
    struct sw_span rest = value;
    struct sw_link_pair link;
    uint32_t size;

    if (!take_text(&rest, first_words) || !take_number(&rest, SW_LINK_SCORE_MAX, &link.score) ||
        !take_text(&rest, " ") || !take_number(&rest, SW_KEY_SIZE_MAX, &size) ||
        !take_text(&rest, "\n") || size == 0 || rest.size <= size ||
        rest.size - size > SW_KEY_SIZE_MAX) {
        return false;
    }
    link.from = sw_span_of(rest.data, size);
    link.to = sw_span_of(rest.data + size, rest.size - size);
    *ret_link = link;
    return true;
}
