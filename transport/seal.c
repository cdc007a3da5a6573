/* Seal: sealing and opening the frames of one direction. */
#include "transport/seal.h"

#include <string.h>

#include "base/assert.h"

static_assert((int)SW_FRAME_TAG_SIZE == (int)SW_TAG_SIZE, "one tag size");

static void rekey_if_due(struct sw_sealer *sealer, uint64_t now_ms, size_t size)
{
    const bool first = sealer->epoch_frames == 0;
    const bool due = sealer->epoch_frames >= SW_SEAL_EPOCH_FRAMES_MAX ||
                     sealer->epoch_bytes + size > SW_SEAL_EPOCH_BYTES_MAX ||
                     now_ms - sealer->epoch_start_ms >= SW_SEAL_EPOCH_AGE_MS_MAX;

    if (!first && due) {
        sw_aead_rekey(&sealer->aead);
        sealer->epoch++;
        sealer->epoch_frames = 0;
        sealer->epoch_bytes = 0;
    }
    if (sealer->epoch_frames == 0) {
        sealer->epoch_start_ms = now_ms;
    }
    sealer->epoch_frames++;
    sealer->epoch_bytes += size;
}

void sw_seal_frame(struct sw_sealer *sealer,
                   uint64_t now_ms,
                   const struct sw_swarm_id *swarm,
                   struct sw_frame_header *header,
                   struct sw_span body,
                   uint8_t *out)
{
    uint8_t associated[SW_FRAME_ASSOCIATED_SIZE];

    SW_ASSERT(body.size <= SW_FRAME_SIZE_MAX);
    SW_ASSERT(sealer->sequence < UINT64_MAX - 1); /* a nonce is used once or never */
    rekey_if_due(sealer, now_ms, body.size);
    header->kind = SW_FRAME_SEALED;
    header->epoch = sealer->epoch;
    header->size = (uint32_t)body.size;
    header->sequence = sealer->sequence++;
    sw_frame_encode(header, out);
    sw_frame_associated(out, swarm, associated);
    sw_aead_seal(&sealer->aead,
                 header->sequence,
                 sw_span_of(associated, sizeof(associated)),
                 body,
                 out + SW_FRAME_HEADER_SIZE);
}

static enum sw_err open_next_epoch(struct sw_opener *opener,
                                   const struct sw_frame_header *header,
                                   struct sw_span associated,
                                   uint8_t *sealed)
{
    struct sw_aead *next = sw_secret_new(sizeof(*next));
    enum sw_err err;

    memcpy(next, &opener->aead, sizeof(*next));
    sw_aead_rekey(next);
    err = sw_aead_open(
        next, header->sequence, associated, sealed, (size_t)header->size + SW_TAG_SIZE);
    if (err == SW_ERR_OK) {
        memcpy(&opener->aead, next, sizeof(*next));
        opener->epoch++;
    }
    sw_secret_free(next);
    return err;
}

enum sw_err sw_open_frame(struct sw_opener *opener,
                          const struct sw_swarm_id *swarm,
                          const struct sw_frame_header *header,
                          uint8_t *frame)
{
    uint8_t associated[SW_FRAME_ASSOCIATED_SIZE];
    const struct sw_span ad = sw_span_of(associated, sizeof(associated));
    uint8_t *sealed = frame + SW_FRAME_HEADER_SIZE;
    enum sw_err err;

    SW_ASSERT(header->kind == SW_FRAME_SEALED);
    if (header->epoch < opener->epoch || !sw_replay_fresh(&opener->replay, header->sequence)) {
        return SW_ERR_REPLAYED;
    }
    sw_frame_associated(frame, swarm, associated);
    if (header->epoch == opener->epoch) {
        err = sw_aead_open(
            &opener->aead, header->sequence, ad, sealed, (size_t)header->size + SW_TAG_SIZE);
    } else if (header->epoch == opener->epoch + 1) {
        err = open_next_epoch(opener, header, ad, sealed);
    } else {
        err = SW_ERR_UNAUTHENTICATED;
    }
    if (err == SW_ERR_OK) {
        sw_replay_mark(&opener->replay, header->sequence);
    }
    return err;
}
