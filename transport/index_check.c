/* The bytes of a check of an index; see transport/index_check.h. */
#include "transport/index_check.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/limits.h"

enum { AT_SIZE_RECORD = 8 };

/* The first two stages stand in keys of the library, the others in ours. */
static bool may_stand(enum sw_index_check_stage stage, size_t size)
{
    switch (stage) {
    case SW_INDEX_CHECK_CODES:
    case SW_INDEX_CHECK_PLACES:
        return size <= SW_INDEX_CHECK_AT_MAX;
    case SW_INDEX_CHECK_KEYS:
        return size <= SW_KEY_SIZE_MAX;
    case SW_INDEX_CHECK_RECORDS:
        return size == 0 || size == AT_SIZE_RECORD;
    case SW_INDEX_CHECK_STAGE_COUNT:
        break;
    }
    return false;
}

void sw_index_check_encode(const struct sw_index_check *check, struct sw_buf *out)
{
    SW_ASSERT(may_stand(check->stage, check->at.size));
    sw_write_u8(out, SW_INDEX_CHECK_FORMAT);
    sw_write_u8(out, (uint8_t)check->stage);
    sw_write_u8(out, check->still ? 1 : 0);
    sw_write_u64(out, check->stamp);
    sw_write_u32(out, check->lanes);
    sw_write_u64(out, check->entries);
    sw_write_u64(out, check->places);
    sw_write_u64(out, check->keys);
    sw_write_u64(out, check->records);
    sw_write_u64(out, check->digest_low);
    sw_write_u64(out, check->digest_high);
    sw_write_short(out, check->at);
}

enum sw_err sw_index_check_decode(struct sw_span bytes, struct sw_index_check *ret_check)
{
    struct sw_reader in = sw_reader_of(bytes);
    struct sw_index_check check;
    uint8_t format;
    enum sw_err err = sw_read_format(&in, SW_INDEX_CHECK_FORMAT, &format);

    if (err != SW_ERR_OK) {
        return err;
    }
    check.stage = (enum sw_index_check_stage)sw_read_u8_max(&in, SW_INDEX_CHECK_STAGE_COUNT - 1);
    check.still = sw_read_u8_max(&in, 1) != 0;
    check.stamp = sw_read_u64(&in);
    check.lanes = sw_read_u32(&in);
    check.entries = sw_read_u64(&in);
    check.places = sw_read_u64(&in);
    check.keys = sw_read_u64(&in);
    check.records = sw_read_u64(&in);
    check.digest_low = sw_read_u64(&in);
    check.digest_high = sw_read_u64(&in);
    check.at = sw_read_short(&in);
    err = sw_reader_finish(&in);
    if (err == SW_ERR_OK && !may_stand(check.stage, check.at.size)) {
        err = SW_ERR_MALFORMED;
    }
    if (err == SW_ERR_OK) {
        *ret_check = check;
    }
    return err;
}

enum sw_err sw_index_check_validate(struct sw_span bytes, char ret_why[SW_WHY_SIZE])
{
    struct sw_index_check check;

    if (bytes.size == 0 || sw_index_check_decode(bytes, &check) == SW_ERR_OK) {
        return SW_ERR_OK;
    }
    (void)snprintf(ret_why, SW_WHY_SIZE, "the value is not where a check of an index stood");
    return SW_ERR_INVALID;
}
