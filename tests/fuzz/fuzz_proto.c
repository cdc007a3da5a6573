/* Any bytes: a request, reply, record or command that decodes encodes to the same bytes, and
 * validation never reads outside it. */
#include <stdlib.h>

#include "transport/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sw_buf *again, const uint8_t *data, size_t size)
{
    if (again->size != size || memcmp(again->data, data, size) != 0) {
        abort();
    }
}

static void fuzz_requests(const uint8_t *data, size_t size, struct sw_buf *again)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    struct sw_request request;
    char why[SW_WHY_SIZE];

    while (sw_reader_left(&in) > 0) {
        const size_t from = in.offset;

        if (sw_request_decode(&in, &request) != SW_ERR_OK) {
            break;
        }
        (void)sw_request_validate(&request, why);
        sw_buf_clear(again);
        sw_request_encode(&request, again);
        check(again, data + from, in.offset - from);
    }
    if (sw_command_decode(sw_span_of(data, size), &request) == SW_ERR_OK) {
        sw_buf_clear(again);
        sw_command_encode(&request, again);
        check(again, data, size);
    }
}

static void fuzz_replies(const uint8_t *data, size_t size, struct sw_buf *again)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    struct sw_reply reply;
    struct sw_record record;

    while (sw_reader_left(&in) > 0) {
        const size_t from = in.offset;

        if (sw_reply_decode(&in, &reply) != SW_ERR_OK) {
            break;
        }
        sw_buf_clear(again);
        sw_reply_encode(&reply, again);
        check(again, data + from, in.offset - from);
    }
    in = sw_reader_of(sw_span_of(data, size));
    if (sw_record_decode(&in, &record) == SW_ERR_OK) {
        sw_buf_clear(again);
        sw_record_encode(&record, again);
        check(again, data, in.offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_buf again = {0};

    fuzz_requests(data, size, &again);
    fuzz_replies(data, size, &again);
    sw_buf_release(&again);
    return 0;
}
