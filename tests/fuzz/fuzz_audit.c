/* Any bytes as a record or a note of the audit log: refused, or the same bytes again. The
 * first byte says whether the hash is made right before, so that what lies behind it is met, too.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "transport/audit.h"
#include "transport/crypto_sodium.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(struct sw_span bytes)
{
    struct sw_audit_record record;
    struct sw_buf again = {0};

    if (sw_audit_record_decode(bytes, &record) == SW_ERR_OK) {
        sw_audit_record_encode(&record, &again);
        SW_ASSERT(sw_span_equal(sw_buf_span(&again), bytes));
        SW_ASSERT(!sw_audit_follows(&record, &record));
    }
    sw_buf_release(&again);
}

static void try_note(struct sw_span bytes)
{
    struct sw_audit_note note;
    struct sw_buf again = {0};

    if (sw_audit_note_decode(bytes, &note) == SW_ERR_OK) {
        SW_ASSERT(bytes.size <= SW_AUDIT_NOTE_SIZE_MAX);
        sw_audit_note_encode(&note, &again);
        SW_ASSERT(sw_span_equal(sw_buf_span(&again), bytes));
    }
    sw_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    if (size == 0) {
        return 0;
    }
    try_note(sw_span_of(data + 1, size - 1));
    copy = malloc(size);
    SW_ASSERT(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 2 == 1 && size - 1 > SW_AUDIT_HASH_SIZE) {
        sw_crypto_digest(sw_span_of(copy, size - 1 - SW_AUDIT_HASH_SIZE),
                         sw_span_of(NULL, 0),
                         copy + size - 1 - SW_AUDIT_HASH_SIZE,
                         SW_AUDIT_HASH_SIZE);
    }
    try_record(sw_span_of(copy, size - 1));
    free(copy);
    return 0;
}
