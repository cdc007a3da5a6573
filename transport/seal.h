/* Seal: one direction's key, counter nonces, replay window and rekey.
 *
 * The nonce is the frame's sequence, which only ever grows, through all epochs. When a key has done
 * enough (frames, bytes or time, whichever is first) the sender makes the next key by Noise REKEY
 * and raises the epoch in the header; the receiver follows once a frame of the next epoch proves
 * genuine, and never goes back. */
#ifndef SW_TRANSPORT_SEAL_H
#define SW_TRANSPORT_SEAL_H

#include <stdint.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/span.h"
#include "transport/crypto_sodium.h"
#include "transport/frame.h"
#include "transport/replay.h"

/* Well under the 2^32 blocks or so that AES-GCM bears with one key and counter nonces. */
#define SW_SEAL_EPOCH_FRAMES_MAX (UINT64_C(1) << 24)
#define SW_SEAL_EPOCH_BYTES_MAX  (UINT64_C(16) << 30)
#define SW_SEAL_EPOCH_AGE_MS_MAX (UINT64_C(10) * 60 * 1000)

/* Both hold keys: only ever in memory from sw_secret_new. Set `aead`, leave the rest zero. */
struct sw_sealer {
    struct sw_aead aead;
    uint64_t sequence; /* of the next frame */
    uint64_t epoch_frames;
    uint64_t epoch_bytes;
    uint64_t epoch_start_ms; /* of the first frame; 0 = none yet */
    uint32_t epoch;
};

struct sw_opener {
    struct sw_aead aead;
    struct sw_replay replay;
    uint32_t epoch;
};

/* Completes `header` (kind, epoch, size, sequence) and writes header, sealed body and tag to `out`:
 * SW_FRAME_OVERHEAD + body.size bytes. `body` may be at out + SW_FRAME_HEADER_SIZE. */
void sw_seal_frame(struct sw_sealer *sealer,
                   uint64_t now_ms,
                   const struct sw_swarm_id *swarm,
                   struct sw_frame_header *header,
                   struct sw_span body,
                   uint8_t *out);

/* Opens a frame in place, whose decoded header is `header`: the body begins at
 * frame + SW_FRAME_HEADER_SIZE. REPLAYED, or UNAUTHENTICATED (and the body is then garbage). */
enum sw_err sw_open_frame(struct sw_opener *opener,
                          const struct sw_swarm_id *swarm,
                          const struct sw_frame_header *header,
                          uint8_t *frame) SW_MUST_CHECK;

#endif
