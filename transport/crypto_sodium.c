/* Keys, X25519, BLAKE2b and AEAD over libsodium. */
#include "transport/crypto_sodium.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include <sodium.h>

#include "base/assert.h"

enum { HASH_BLOCK_SIZE = 128, NONCE_SIZE = 12, SECRET_ALIGN = 64 };

static_assert(sizeof(crypto_aead_aes256gcm_state) == SW_AEAD_STATE_SIZE, "the state fits");
static_assert(alignof(crypto_aead_aes256gcm_state) <= 16, "and is aligned");
static_assert(crypto_aead_aes256gcm_ABYTES == SW_TAG_SIZE, "one tag size for both suites");
static_assert(crypto_aead_chacha20poly1305_IETF_ABYTES == SW_TAG_SIZE, "one tag size");
static_assert(crypto_scalarmult_curve25519_BYTES == SW_KEY_SIZE, "keys are 32 bytes");

enum sw_err sw_crypto_init(void)
{
    return sodium_init() < 0 ? SW_ERR_IO : SW_ERR_OK;
}

void *sw_secret_new(size_t size)
{
    /* sodium_malloc puts the end of the block at a page end, so only a rounded size is aligned. */
    const size_t rounded = (size + SECRET_ALIGN - 1) / SECRET_ALIGN * SECRET_ALIGN;
    void *secret;

    SW_ASSERT(size > 0);
    secret = sodium_malloc(rounded);
    SW_ASSERT(secret != NULL);
    memset(secret, 0, rounded);
    return secret;
}

void sw_secret_free(void *secret)
{
    sodium_free(secret);
}

void sw_secret_wipe(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}

void sw_crypto_random(void *out, size_t size)
{
    randombytes_buf(out, size);
}

uint32_t sw_crypto_random_u32(void)
{
    return randombytes_random();
}

bool sw_suite_available(enum sw_suite suite)
{
    switch (suite) {
    case SW_SUITE_AESGCM:
        return crypto_aead_aes256gcm_is_available() == 1;
    case SW_SUITE_CHACHAPOLY:
        return true;
    default:
        return false;
    }
}

enum sw_suite sw_suite_best(void)
{
    return sw_suite_available(SW_SUITE_AESGCM) ? SW_SUITE_AESGCM : SW_SUITE_CHACHAPOLY;
}

void sw_keypair_generate(struct sw_keypair *ret_keys)
{
    randombytes_buf(ret_keys->secret, SW_KEY_SIZE);
    sw_keypair_complete(ret_keys);
}

void sw_keypair_complete(struct sw_keypair *keys)
{
    const int failed = crypto_scalarmult_curve25519_base(keys->public_key.bytes, keys->secret);

    SW_ASSERT(failed == 0);
}

enum sw_err sw_crypto_dh(const uint8_t secret[SW_KEY_SIZE],
                         const struct sw_public_key *public_key,
                         uint8_t ret_shared[SW_KEY_SIZE])
{
    if (crypto_scalarmult_curve25519(ret_shared, secret, public_key->bytes) != 0) {
        return SW_ERR_UNAUTHENTICATED;
    }
    return SW_ERR_OK;
}

static void hash_update(crypto_generichash_blake2b_state *state, struct sw_span bytes)
{
    static const uint8_t none[1];
    const int failed =
        crypto_generichash_blake2b_update(state, bytes.size == 0 ? none : bytes.data, bytes.size);

    SW_ASSERT(failed == 0);
}

static void hash_two(struct sw_span a, struct sw_span b, uint8_t *ret_hash, size_t size)
{
    crypto_generichash_blake2b_state state;
    int failed = crypto_generichash_blake2b_init(&state, NULL, 0, size);

    SW_ASSERT(failed == 0);
    hash_update(&state, a);
    hash_update(&state, b);
    failed = crypto_generichash_blake2b_final(&state, ret_hash, size);
    SW_ASSERT(failed == 0);
    sodium_memzero(&state, sizeof(state));
}

void sw_crypto_hash(struct sw_span a, struct sw_span b, uint8_t ret_hash[SW_HASH_SIZE])
{
    uint8_t hash[SW_HASH_SIZE]; /* the output may overlap an input */

    hash_two(a, b, hash, sizeof(hash));
    memcpy(ret_hash, hash, sizeof(hash));
    sodium_memzero(hash, sizeof(hash));
}

void sw_crypto_digest(struct sw_span a, struct sw_span b, uint8_t *out, size_t size)
{
    SW_ASSERT(size >= crypto_generichash_blake2b_BYTES_MIN);
    SW_ASSERT(size <= SW_HASH_SIZE);
    hash_two(a, b, out, size);
}

/* HMAC (RFC 2104) of `a` followed by the single byte `last` unless it is 0. */
static void hmac(const uint8_t *key, struct sw_span a, uint8_t last, uint8_t *ret_mac)
{
    uint8_t inner[HASH_BLOCK_SIZE], outer[HASH_BLOCK_SIZE], digest[SW_HASH_SIZE];
    uint8_t text[SW_HASH_SIZE + 1];
    size_t size = a.size;

    SW_ASSERT(a.size <= SW_HASH_SIZE);
    if (a.size > 0) {
        memcpy(text, a.data, a.size);
    }
    if (last != 0) {
        text[size++] = last;
    }
    for (size_t i = 0; i < HASH_BLOCK_SIZE; i++) {
        const uint8_t byte = i < SW_HASH_SIZE ? key[i] : 0;

        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    hash_two(sw_span_of(inner, sizeof(inner)), sw_span_of(text, size), digest, SW_HASH_SIZE);
    hash_two(sw_span_of(outer, sizeof(outer)),
             sw_span_of(digest, sizeof(digest)),
             ret_mac,
             SW_HASH_SIZE);
    sodium_memzero(inner, sizeof(inner));
    sodium_memzero(outer, sizeof(outer));
    sodium_memzero(digest, sizeof(digest));
    sodium_memzero(text, sizeof(text));
}

void sw_crypto_hkdf(const uint8_t chaining_key[SW_HASH_SIZE],
                    struct sw_span material,
                    uint8_t ret_first[SW_HASH_SIZE],
                    uint8_t ret_second[SW_HASH_SIZE])
{
    uint8_t temporary[SW_HASH_SIZE], first[SW_HASH_SIZE];

    hmac(chaining_key, material, 0, temporary);
    hmac(temporary, sw_span_of(NULL, 0), 1, first);
    hmac(temporary, sw_span_of(first, sizeof(first)), 2, ret_second);
    memcpy(ret_first, first, sizeof(first));
    sodium_memzero(temporary, sizeof(temporary));
    sodium_memzero(first, sizeof(first));
}

void sw_aead_set_key(struct sw_aead *aead, enum sw_suite suite, const uint8_t key[SW_KEY_SIZE])
{
    SW_ASSERT(sw_suite_available(suite));
    memmove(aead->key, key, SW_KEY_SIZE);
    aead->suite = suite;
    if (suite == SW_SUITE_AESGCM) {
        const int failed = crypto_aead_aes256gcm_beforenm(
            (crypto_aead_aes256gcm_state *)(void *)aead->state, aead->key);

        SW_ASSERT(failed == 0);
    }
}

/* Noise writes the counter big-endian for AESGCM and little-endian for ChaChaPoly. */
static void nonce_write(enum sw_suite suite, uint64_t nonce, uint8_t out[NONCE_SIZE])
{
    memset(out, 0, NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++) {
        const unsigned at = suite == SW_SUITE_AESGCM ? NONCE_SIZE - 1 - i : 4 + i;

        out[at] = (uint8_t)(nonce >> (8 * i));
    }
}

void sw_aead_seal(const struct sw_aead *aead,
                  uint64_t nonce,
                  struct sw_span associated,
                  struct sw_span plain,
                  uint8_t *out)
{
    uint8_t wire[NONCE_SIZE];
    int failed;

    nonce_write(aead->suite, nonce, wire);
    if (aead->suite == SW_SUITE_AESGCM) {
        failed = crypto_aead_aes256gcm_encrypt_afternm(
            out,
            NULL,
            plain.data,
            plain.size,
            associated.data,
            associated.size,
            NULL,
            wire,
            (const crypto_aead_aes256gcm_state *)(const void *)aead->state);
    } else {
        failed = crypto_aead_chacha20poly1305_ietf_encrypt(out,
                                                           NULL,
                                                           plain.data,
                                                           plain.size,
                                                           associated.data,
                                                           associated.size,
                                                           NULL,
                                                           wire,
                                                           aead->key);
    }
    SW_ASSERT(failed == 0);
}

enum sw_err sw_aead_open(const struct sw_aead *aead,
                         uint64_t nonce,
                         struct sw_span associated,
                         uint8_t *bytes,
                         size_t size)
{
    uint8_t wire[NONCE_SIZE];
    int failed;

    if (size < SW_TAG_SIZE) {
        return SW_ERR_UNAUTHENTICATED;
    }
    nonce_write(aead->suite, nonce, wire);
    if (aead->suite == SW_SUITE_AESGCM) {
        failed = crypto_aead_aes256gcm_decrypt_afternm(
            bytes,
            NULL,
            NULL,
            bytes,
            size,
            associated.data,
            associated.size,
            wire,
            (const crypto_aead_aes256gcm_state *)(const void *)aead->state);
    } else {
        failed = crypto_aead_chacha20poly1305_ietf_decrypt(
            bytes, NULL, NULL, bytes, size, associated.data, associated.size, wire, aead->key);
    }
    return failed == 0 ? SW_ERR_OK : SW_ERR_UNAUTHENTICATED;
}

void sw_aead_rekey(struct sw_aead *aead)
{
    static const uint8_t zeros[SW_KEY_SIZE];
    uint8_t sealed[SW_KEY_SIZE + SW_TAG_SIZE];

    sw_aead_seal(aead, UINT64_MAX, sw_span_of(NULL, 0), sw_span_of(zeros, sizeof(zeros)), sealed);
    sw_aead_set_key(aead, aead->suite, sealed);
    sodium_memzero(sealed, sizeof(sealed));
}

bool sw_public_key_equal(const struct sw_public_key *a, const struct sw_public_key *b)
{
    return memcmp(a->bytes, b->bytes, SW_KEY_SIZE) == 0;
}

void sw_key_format(const uint8_t key[SW_KEY_SIZE], char ret_text[SW_KEY_TEXT_SIZE])
{
    static_assert(sodium_base64_ENCODED_LEN(SW_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL) ==
                      SW_KEY_TEXT_SIZE,
                  "the text fits exactly");
    const char *text = sodium_bin2base64(
        ret_text, SW_KEY_TEXT_SIZE, key, SW_KEY_SIZE, sodium_base64_VARIANT_ORIGINAL);

    SW_ASSERT(text != NULL);
}

enum sw_err sw_key_parse(struct sw_span text, uint8_t ret_key[SW_KEY_SIZE])
{
    uint8_t key[SW_KEY_SIZE];
    enum sw_err err = SW_ERR_INVALID;
    size_t size = 0;

    if (text.size != SW_KEY_TEXT_SIZE - 1) {
        return SW_ERR_INVALID;
    }
    if (sodium_base642bin(key,
                          sizeof(key),
                          (const char *)text.data,
                          text.size,
                          NULL,
                          &size,
                          NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0 &&
        size == SW_KEY_SIZE) {
        memcpy(ret_key, key, sizeof(key));
        err = SW_ERR_OK;
    }
    sodium_memzero(key, sizeof(key));
    return err;
}
