/* The only door to libsodium for the channel: keys, X25519, BLAKE2b, and AEAD in two suites.
 *
 * Every secret lives in memory from sw_secret_new (guard pages, locked if the system lets us, wiped
 * when freed). Nonces are counters given by the caller; nothing here picks one at random. */
#ifndef SW_TRANSPORT_CRYPTO_SODIUM_H
#define SW_TRANSPORT_CRYPTO_SODIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    SW_KEY_SIZE = 32,  /* X25519 keys and AEAD keys */
    SW_HASH_SIZE = 64, /* BLAKE2b */
    SW_TAG_SIZE = 16,
    SW_KEY_TEXT_SIZE = 45, /* base64 of 32 bytes with padding, and the zero */
    SW_AEAD_STATE_SIZE = 512,
};

/* Numbers travel in handshake frames and are forever. */
enum sw_suite {
    SW_SUITE_AESGCM = 1,     /* 25519_AESGCM_BLAKE2b, needs AES instructions */
    SW_SUITE_CHACHAPOLY = 2, /* 25519_ChaChaPoly_BLAKE2b */
};

/* A public key: may be copied, printed and compared in variable time. */
struct sw_public_key {
    uint8_t bytes[SW_KEY_SIZE];
};

/* Only ever in memory from sw_secret_new. */
struct sw_keypair {
    uint8_t secret[SW_KEY_SIZE];
    struct sw_public_key public_key;
};

/* One AEAD key with its schedule computed once. Only ever in memory from sw_secret_new. */
struct sw_aead {
    _Alignas(16) uint8_t state[SW_AEAD_STATE_SIZE]; /* AES-GCM: schedule and powers of H */
    uint8_t key[SW_KEY_SIZE];
    enum sw_suite suite;
};

/* Call once before anything else, on any thread. */
enum sw_err sw_crypto_init(void) SW_MUST_CHECK;

/* Zeroed guarded memory, aligned to 64 bytes. Aborts when there is none: secrets are few, and
 * their number is bounded by the session limits. */
void *sw_secret_new(size_t size);
void sw_secret_free(void *secret); /* wipes; accepts NULL */
void sw_secret_wipe(void *secret, size_t size);

void sw_crypto_random(void *out, size_t size);
uint32_t sw_crypto_random_u32(void);

bool sw_suite_available(enum sw_suite suite);
enum sw_suite sw_suite_best(void); /* AES-GCM where the CPU has AES, ChaCha20-Poly1305 elsewhere */

void sw_keypair_generate(struct sw_keypair *ret_keys);
/* Fills in the public key that belongs to `keys->secret`. */
void sw_keypair_complete(struct sw_keypair *keys);
/* UNAUTHENTICATED if the shared secret would be all zero (a small-order point). */
enum sw_err sw_crypto_dh(const uint8_t secret[SW_KEY_SIZE],
                         const struct sw_public_key *public_key,
                         uint8_t ret_shared[SW_KEY_SIZE]) SW_MUST_CHECK;

/* BLAKE2b-512 of `a` followed by `b`. */
void sw_crypto_hash(struct sw_span a, struct sw_span b, uint8_t ret_hash[SW_HASH_SIZE]);
/* BLAKE2b of `a` followed by `b`, 16 to 64 bytes of it: each size is a hash of its own. The same on
 * every machine, so replicated state may hold it. */
void sw_crypto_digest(struct sw_span a, struct sw_span b, uint8_t *out, size_t size);
/* The HKDF of the Noise specification (section 4.3) with two outputs, over HMAC-BLAKE2b. */
void sw_crypto_hkdf(const uint8_t chaining_key[SW_HASH_SIZE],
                    struct sw_span material,
                    uint8_t ret_first[SW_HASH_SIZE],
                    uint8_t ret_second[SW_HASH_SIZE]);

void sw_aead_set_key(struct sw_aead *aead, enum sw_suite suite, const uint8_t key[SW_KEY_SIZE]);
/* Writes plain.size + SW_TAG_SIZE bytes to `out`, which may be where `plain` is. */
void sw_aead_seal(const struct sw_aead *aead,
                  uint64_t nonce,
                  struct sw_span associated,
                  struct sw_span plain,
                  uint8_t *out);
/* Opens `size` bytes (with the tag) in place; the plain text is the first size - SW_TAG_SIZE.
 * UNAUTHENTICATED otherwise, and then the bytes are garbage. */
enum sw_err sw_aead_open(const struct sw_aead *aead,
                         uint64_t nonce,
                         struct sw_span associated,
                         uint8_t *bytes,
                         size_t size) SW_MUST_CHECK;
/* REKEY of the Noise specification (section 4.2): a new key made from the old one, one way. */
void sw_aead_rekey(struct sw_aead *aead);

bool sw_public_key_equal(const struct sw_public_key *a, const struct sw_public_key *b);
void sw_key_format(const uint8_t key[SW_KEY_SIZE], char ret_text[SW_KEY_TEXT_SIZE]);
/* INVALID unless `text` is exactly the base64 of 32 bytes. Constant time in the value. */
enum sw_err sw_key_parse(struct sw_span text, uint8_t ret_key[SW_KEY_SIZE]) SW_MUST_CHECK;

#endif
