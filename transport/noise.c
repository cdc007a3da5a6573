/* The Noise handshake: a table of tokens and the symmetric state of the specification. */
#include "transport/noise.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

enum token { END, E, S, EE, ES, SE, SS };
enum { TURN_COUNT_MAX = 3, TOKEN_COUNT_MAX = 5 };

static const uint8_t tokens_ik[TURN_COUNT_MAX][TOKEN_COUNT_MAX] = {{E, ES, S, SS}, {E, EE, SE}};
static const uint8_t tokens_xx[TURN_COUNT_MAX][TOKEN_COUNT_MAX] = {{E}, {E, EE, S, ES}, {S, SE}};

static const uint8_t *tokens_of(const struct sw_noise *noise)
{
    SW_ASSERT(noise->turn < TURN_COUNT_MAX);
    return noise->pattern == SW_NOISE_IK ? tokens_ik[noise->turn] : tokens_xx[noise->turn];
}

static void mix_hash(struct sw_noise *noise, struct sw_span bytes)
{
    sw_crypto_hash(sw_span_of(noise->hash, SW_HASH_SIZE), bytes, noise->hash);
}

static void mix_key(struct sw_noise *noise, const uint8_t shared[SW_KEY_SIZE])
{
    uint8_t key[SW_HASH_SIZE];

    sw_crypto_hkdf(noise->chaining_key, sw_span_of(shared, SW_KEY_SIZE), noise->chaining_key, key);
    sw_aead_set_key(&noise->cipher, noise->suite, key);
    noise->nonce = 0;
    noise->has_key = true;
    sw_secret_wipe(key, sizeof(key));
}

static enum sw_err mix_dh(struct sw_noise *noise, enum token token)
{
    /* The first letter is the initiator's key, the second the responder's. */
    const bool local_is_ephemeral =
        token == EE || (token == ES && noise->initiator) || (token == SE && !noise->initiator);
    const bool remote_is_ephemeral =
        token == EE || (token == ES && !noise->initiator) || (token == SE && noise->initiator);
    uint8_t shared[SW_KEY_SIZE] = {0};
    enum sw_err err;

    err = sw_crypto_dh(local_is_ephemeral ? noise->local_ephemeral.secret
                                          : noise->local_static.secret,
                       remote_is_ephemeral ? &noise->remote_ephemeral : &noise->remote_static,
                       shared);
    if (err == SW_ERR_OK) {
        mix_key(noise, shared);
    }
    sw_secret_wipe(shared, sizeof(shared));
    return err;
}

/* EncryptAndHash. */
static void write_sealed(struct sw_noise *noise, struct sw_span plain, struct sw_buf *out)
{
    const size_t size = plain.size + (noise->has_key ? SW_TAG_SIZE : 0);
    uint8_t *at = sw_buf_extend(out, size);

    if (noise->has_key) {
        sw_aead_seal(
            &noise->cipher, noise->nonce++, sw_span_of(noise->hash, SW_HASH_SIZE), plain, at);
    } else if (size > 0) {
        memcpy(at, plain.data, size);
    }
    mix_hash(noise, sw_span_of(at, size));
}

/* DecryptAndHash of `plain_size` bytes and, once there is a key, their tag. */
static enum sw_err
read_sealed(struct sw_noise *noise, struct sw_reader *in, size_t plain_size, uint8_t *ret_plain)
{
    const size_t size = plain_size + (noise->has_key ? SW_TAG_SIZE : 0);
    const struct sw_span sealed = sw_read_bytes(in, size);
    uint8_t bytes[SW_NOISE_MESSAGE_SIZE_MAX];
    uint8_t next_hash[SW_HASH_SIZE];
    enum sw_err err = SW_ERR_OK;

    if (in->failed || size > sizeof(bytes)) {
        return SW_ERR_MALFORMED;
    }
    sw_crypto_hash(sw_span_of(noise->hash, SW_HASH_SIZE), sealed, next_hash);
    if (size > 0) {
        memcpy(bytes, sealed.data, size);
    }
    if (noise->has_key) {
        err = sw_aead_open(
            &noise->cipher, noise->nonce++, sw_span_of(noise->hash, SW_HASH_SIZE), bytes, size);
    }
    if (err == SW_ERR_OK) {
        if (plain_size > 0) {
            memcpy(ret_plain, bytes, plain_size);
        }
        memcpy(noise->hash, next_hash, SW_HASH_SIZE);
    }
    sw_secret_wipe(bytes, sizeof(bytes));
    return err;
}

void sw_noise_start(struct sw_noise *noise, const struct sw_noise_config *config)
{
    const char *pattern = config->pattern == SW_NOISE_IK ? "IK" : "XX";
    const char *cipher = config->suite == SW_SUITE_AESGCM ? "AESGCM" : "ChaChaPoly";
    const struct sw_public_key *responder_static = NULL;
    char name[SW_HASH_SIZE] = {0}; /* shorter than the hash, so padded with zeros, not hashed */

    SW_ASSERT(config->pattern == SW_NOISE_IK || config->pattern == SW_NOISE_XX);
    SW_ASSERT(sw_suite_available(config->suite));
    memset(noise, 0, sizeof(*noise));
    noise->pattern = config->pattern;
    noise->suite = config->suite;
    noise->initiator = config->initiator;
    noise->local_static = *config->keys;
    if (config->ephemeral != NULL) {
        memcpy(noise->local_ephemeral.secret, config->ephemeral, SW_KEY_SIZE);
        sw_keypair_complete(&noise->local_ephemeral);
        noise->has_ephemeral = true;
    }
    (void)snprintf(name, sizeof(name), "Noise_%s_25519_%s_BLAKE2b", pattern, cipher);
    memcpy(noise->hash, name, SW_HASH_SIZE);
    memcpy(noise->chaining_key, name, SW_HASH_SIZE);
    mix_hash(noise, config->prologue);
    if (config->pattern == SW_NOISE_IK) {
        if (config->initiator) {
            SW_ASSERT(config->remote_static != NULL);
            noise->remote_static = *config->remote_static;
            responder_static = &noise->remote_static;
        } else {
            responder_static = &noise->local_static.public_key;
        }
        mix_hash(noise, sw_span_of(responder_static->bytes, SW_KEY_SIZE));
    }
}

bool sw_noise_finished(const struct sw_noise *noise)
{
    return noise->turn == (noise->pattern == SW_NOISE_IK ? 2U : 3U);
}

bool sw_noise_my_turn(const struct sw_noise *noise)
{
    return !sw_noise_finished(noise) && (noise->turn % 2 == 0) == noise->initiator;
}

static enum sw_err write_token(struct sw_noise *noise, enum token token, struct sw_buf *out)
{
    switch (token) {
    case E:
        /* Not earlier: a responder shall not pay for a key before it knows whom it talks to. */
        if (!noise->has_ephemeral) {
            sw_keypair_generate(&noise->local_ephemeral);
            noise->has_ephemeral = true;
        }
        sw_write_bytes(out, sw_span_of(noise->local_ephemeral.public_key.bytes, SW_KEY_SIZE));
        mix_hash(noise, sw_span_of(noise->local_ephemeral.public_key.bytes, SW_KEY_SIZE));
        return SW_ERR_OK;
    case S:
        write_sealed(noise, sw_span_of(noise->local_static.public_key.bytes, SW_KEY_SIZE), out);
        return SW_ERR_OK;
    case EE:
    case ES:
    case SE:
    case SS:
        return mix_dh(noise, token);
    case END:
    default:
        SW_ASSERT(false);
    }
}

static enum sw_err read_token(struct sw_noise *noise, enum token token, struct sw_reader *in)
{
    switch (token) {
    case E:
        sw_read_copy(in, noise->remote_ephemeral.bytes, SW_KEY_SIZE);
        mix_hash(noise, sw_span_of(noise->remote_ephemeral.bytes, SW_KEY_SIZE));
        return in->failed ? SW_ERR_MALFORMED : SW_ERR_OK;
    case S:
        return read_sealed(noise, in, SW_KEY_SIZE, noise->remote_static.bytes);
    case EE:
    case ES:
    case SE:
    case SS:
        return mix_dh(noise, token);
    case END:
    default:
        SW_ASSERT(false);
    }
}

enum sw_err sw_noise_write(struct sw_noise *noise, struct sw_span payload, struct sw_buf *out)
{
    const uint8_t *tokens;
    enum sw_err err = SW_ERR_OK;

    SW_ASSERT(sw_noise_my_turn(noise));
    SW_ASSERT(payload.size <= SW_NOISE_PAYLOAD_SIZE_MAX);
    if (noise->failed) {
        return SW_ERR_UNAUTHENTICATED;
    }
    tokens = tokens_of(noise);
    for (size_t i = 0; tokens[i] != END && err == SW_ERR_OK; i++) {
        err = write_token(noise, (enum token)tokens[i], out);
    }
    if (err == SW_ERR_OK) {
        write_sealed(noise, payload, out);
        noise->turn++;
    }
    noise->failed = err != SW_ERR_OK;
    return err;
}

enum sw_err sw_noise_read(struct sw_noise *noise,
                          struct sw_span message,
                          uint8_t *ret_payload,
                          size_t *ret_size)
{
    struct sw_reader in = sw_reader_of(message);
    const uint8_t *tokens;
    enum sw_err err = SW_ERR_OK;
    size_t size = 0;

    SW_ASSERT(!sw_noise_finished(noise) && !sw_noise_my_turn(noise));
    if (noise->failed || message.size > SW_NOISE_MESSAGE_SIZE_MAX) {
        noise->failed = true;
        return SW_ERR_MALFORMED;
    }
    tokens = tokens_of(noise);
    for (size_t i = 0; tokens[i] != END && err == SW_ERR_OK; i++) {
        err = read_token(noise, (enum token)tokens[i], &in);
    }
    if (err == SW_ERR_OK) {
        const size_t tag = noise->has_key ? SW_TAG_SIZE : 0;
        const size_t left = sw_reader_left(&in);

        if (left < tag || left - tag > SW_NOISE_PAYLOAD_SIZE_MAX) {
            err = SW_ERR_MALFORMED;
        } else {
            size = left - tag;
            err = read_sealed(noise, &in, size, ret_payload);
        }
    }
    noise->failed = err != SW_ERR_OK;
    if (err == SW_ERR_OK) {
        noise->turn++;
        *ret_size = size;
    }
    return err;
}

void sw_noise_split(struct sw_noise *noise, struct sw_aead *ret_send, struct sw_aead *ret_receive)
{
    uint8_t first[SW_HASH_SIZE], second[SW_HASH_SIZE];

    SW_ASSERT(sw_noise_finished(noise));
    SW_ASSERT(!noise->failed);
    sw_crypto_hkdf(noise->chaining_key, sw_span_of(NULL, 0), first, second);
    sw_aead_set_key(noise->initiator ? ret_send : ret_receive, noise->suite, first);
    sw_aead_set_key(noise->initiator ? ret_receive : ret_send, noise->suite, second);
    sw_secret_wipe(first, sizeof(first));
    sw_secret_wipe(second, sizeof(second));
    sw_secret_wipe(noise->chaining_key, sizeof(noise->chaining_key));
    sw_secret_wipe(&noise->cipher, sizeof(noise->cipher));
    sw_secret_wipe(&noise->local_static.secret, SW_KEY_SIZE);
    sw_secret_wipe(&noise->local_ephemeral.secret, SW_KEY_SIZE);
}
