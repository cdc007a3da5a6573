/* The Noise handshake (revision 34), patterns IK and XX over 25519 and BLAKE2b: bytes in, bytes
 * out.
 *
 *   IK: <- s            XX: -> e
 *       ...                 <- e, ee, s, es
 *       -> e, es, s, ss     -> s, se
 *       <- e, ee, se
 *
 * The protocol name, which holds pattern and suite, begins the handshake hash, and so both sides
 * agree on it or fail. Knows nothing of frames, sessions or who may connect. */
#ifndef SW_TRANSPORT_NOISE_H
#define SW_TRANSPORT_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rw.h"
#include "base/span.h"
#include "transport/crypto_sodium.h"

/* Numbers travel in handshake frames and are forever. */
enum sw_noise_pattern { SW_NOISE_IK = 1, SW_NOISE_XX = 2 };

enum {
    SW_NOISE_PAYLOAD_SIZE_MAX = 128,
    /* Two keys, two tags and the payload: the longest of all messages. */
    SW_NOISE_MESSAGE_SIZE_MAX = 2 * SW_KEY_SIZE + 2 * SW_TAG_SIZE + SW_NOISE_PAYLOAD_SIZE_MAX,
};

struct sw_noise_config {
    enum sw_noise_pattern pattern;
    enum sw_suite suite;
    bool initiator;
    struct sw_span prologue;                   /* both sides must give the same bytes */
    const struct sw_keypair *keys;             /* copied */
    const struct sw_public_key *remote_static; /* the initiator of IK; else NULL */
    const uint8_t *ephemeral;                  /* NULL except in tests with published vectors */
};

/* Holds secrets: only ever in memory from sw_secret_new. */
struct sw_noise {
    uint8_t chaining_key[SW_HASH_SIZE];
    uint8_t hash[SW_HASH_SIZE];
    struct sw_aead cipher;
    uint64_t nonce;
    struct sw_keypair local_static;
    struct sw_keypair local_ephemeral;
    struct sw_public_key remote_static;
    struct sw_public_key remote_ephemeral;
    enum sw_noise_pattern pattern;
    enum sw_suite suite;
    uint32_t turn; /* messages written and read so far */
    bool initiator;
    bool has_key;
    bool has_ephemeral;
    bool failed;
};

void sw_noise_start(struct sw_noise *noise, const struct sw_noise_config *config);
bool sw_noise_my_turn(const struct sw_noise *noise);
bool sw_noise_finished(const struct sw_noise *noise);
/* Appends this side's next message. It must be this side's turn. After an error the handshake is
 * dead: start another. */
enum sw_err sw_noise_write(struct sw_noise *noise, struct sw_span payload, struct sw_buf *out)
    SW_MUST_CHECK;
/* Reads the other side's next message; `ret_payload` has room for SW_NOISE_PAYLOAD_SIZE_MAX. */
enum sw_err sw_noise_read(struct sw_noise *noise,
                          struct sw_span message,
                          uint8_t *ret_payload,
                          size_t *ret_size) SW_MUST_CHECK;
/* The two keys of a finished handshake. `noise` is wiped but for the hash and the remote key. */
void sw_noise_split(struct sw_noise *noise, struct sw_aead *ret_send, struct sw_aead *ret_receive);

#endif
