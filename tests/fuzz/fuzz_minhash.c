/* Any bytes as text, as token numbers and as a stored code: nothing is read beyond the end, the
 * text with itself is equal, blanks around it do not matter, and a code comes back as it was. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "index/minhash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of its very size, so that the sanitizer sees one byte too many. */
static void text(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size), *wider = malloc(size + 2);
    struct sw_minhash sketch, other;

    SW_ASSERT(size == 0 || copy != NULL);
    SW_ASSERT(wider != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
        memcpy(wider + 1, data, size);
    }
    wider[0] = ' ';
    wider[size + 1] = '\n';
    sw_minhash_of_text(sw_span_of(copy, size), &sketch);
    sw_minhash_of_text(sw_span_of(wider, size + 2), &other);
    SW_ASSERT(memcmp(&sketch, &other, sizeof sketch) == 0);
    SW_ASSERT(sw_minhash_jaccard_ppm(&sketch, &other) == 1000000);
    free(copy);
    free(wider);
}

static void tokens(const uint8_t *data, size_t size)
{
    const size_t count = size / sizeof(uint32_t);
    uint32_t *copy = malloc(count * sizeof *copy + 1);
    struct sw_minhash sketch;
    struct sw_minhash_code code;

    SW_ASSERT(copy != NULL);
    if (count > 0) {
        memcpy(copy, data, count * sizeof *copy);
    }
    sw_minhash_of_tokens(copy, count, &sketch);
    code = sw_minhash_code_of(&sketch);
    SW_ASSERT(sw_minhash_code_jaccard_ppm(&code, &code) == 1000000);
    free(copy);
}

static void stored(const uint8_t *data, size_t size)
{
    struct sw_reader in = sw_reader_of(sw_span_of(data, size));
    struct sw_minhash_code code;
    struct sw_buf buf = {0};

    if (sw_minhash_code_read(&in, &code) == SW_ERR_OK) {
        sw_minhash_code_write(&buf, &code);
        SW_ASSERT(memcmp(buf.data, data, buf.size) == 0);
        SW_ASSERT(in.offset == buf.size);
    }
    sw_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text(data, size);
    tokens(data, size);
    stored(data, size);
    return 0;
}
