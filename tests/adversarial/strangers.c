/* What somebody without a right key can do: knock, talk nonsense, knock very often. */
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "tests/adversarial/cases.h"
#include "transport/frame.h"

enum { HANDSHAKE_MS = 3000, GARBAGE_SIZE_MAX = 4096 };

/* One handshake as the command line describes it: wrong swarm, key, role, claim ... */
void case_handshake(const struct visit *visit)
{
    static const char *const names[] = {"session", "refused", "silence"};
    struct visitor visitor;
    uint8_t refusal = 0;
    enum welcome welcome;

    visitor_open(&visitor, visit);
    welcome = visitor_shake_hands(&visitor, HANDSHAKE_MS, &refusal);
    printf("{\"welcome\":\"%s\",\"refusal\":%u}\n", names[welcome], refusal);
    visitor_close(&visitor);
}

/* Random frames; every other one gets past the first checks of the header. */
static void garbage(struct sw_prng *prng, struct sw_buf *out, const struct visit *visit)
{
    const size_t size = sw_prng_range(prng, 0, GARBAGE_SIZE_MAX);

    sw_buf_clear(out);
    for (size_t i = 0; i < size; i++) {
        sw_write_u8(out, (uint8_t)sw_prng_next(prng));
    }
    if (size >= SW_FRAME_HEADER_SIZE && sw_prng_chance(prng, 1, 2)) {
        out->data[0] = SW_FRAME_VERSION;
        out->data[1] = (uint8_t)sw_prng_range(prng, 0, 7);
        out->data[2] = (uint8_t)(out->data[1] == SW_FRAME_SEALED ? 1 : 17);
        out->data[3] = 0;
        sw_store_u64(out->data + 8, visit->claim);
        sw_store_u64(out->data + 16, visit->node);
        sw_store_u32(out->data + 28, (uint32_t)(size - SW_FRAME_HEADER_SIZE));
    }
}

void case_garbage(const struct visit *visit)
{
    struct sw_prng prng = sw_prng_of(visit->seed);
    struct visitor visitor;
    struct sw_buf frame = {0};
    uint32_t answers = 0;

    visitor_open(&visitor, visit);
    for (uint32_t i = 0; i < visit->count; i++) {
        garbage(&prng, &frame, visit);
        visitor_send(&visitor, sw_buf_span(&frame));
        answers += visitor_take(&visitor, 0) ? 1 : 0;
    }
    printf("{\"sent\":%u,\"answers\":%u}\n", visit->count, answers);
    sw_buf_release(&frame);
    visitor_close(&visitor);
}

/* As many HELLOs as the wire takes, each with a key of its own: the node pays for each with its
 * processor, if it lets us. */
void case_hello_flood(const struct visit *visit)
{
    struct sw_keypair *keys = sw_secret_new(sizeof *keys);
    struct visit mine = *visit;
    struct visitor visitor;
    struct sw_buf hello = {0};
    uint32_t refused = 0;

    mine.own = keys;
    visitor_open(&visitor, &mine);
    for (uint32_t i = 0; i < visit->count; i++) {
        sw_keypair_generate(keys);
        sw_buf_clear(&hello);
        visitor_hello(&visitor, &hello);
        visitor_send(&visitor, sw_buf_span(&hello));
        refused += visitor_take(&visitor, 0) ? 1 : 0;
    }
    printf("{\"sent\":%u,\"answers\":%u}\n", visit->count, refused);
    sw_buf_release(&hello);
    visitor_close(&visitor);
    sw_secret_free(keys);
}
