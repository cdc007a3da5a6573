/* The handshake against vectors that other implementations made, and what must be refused. */
#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/noise.h"

struct side {
    struct sw_noise *noise;
    struct sw_keypair *keys;
    struct sw_aead *send;
    struct sw_aead *receive;
    uint64_t sent, received;
};

static void unhex(const cJSON *object, const char *name, uint8_t *out, size_t *ret_size)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    const char *text;

    assert_true(cJSON_IsString(item));
    text = item->valuestring;
    *ret_size = strlen(text) / 2;
    assert_true(*ret_size <= 512);
    for (size_t i = 0; i < *ret_size; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], 0};
        char *end;

        out[i] = (uint8_t)strtoul(pair, &end, 16);
        assert_true(end == pair + 2);
    }
}

static void side_start(struct side *side,
                       const cJSON *vector,
                       const char *prefix,
                       struct sw_noise_config config)
{
    uint8_t bytes[512], ephemeral[512];
    struct sw_public_key remote;
    char name[64];
    size_t size;

    side->noise = sw_secret_new(sizeof(*side->noise));
    side->keys = sw_secret_new(sizeof(*side->keys));
    side->send = sw_secret_new(sizeof(*side->send));
    side->receive = sw_secret_new(sizeof(*side->receive));
    (void)snprintf(name, sizeof(name), "%s_static", prefix);
    unhex(vector, name, bytes, &size);
    assert_int_equal(size, SW_KEY_SIZE);
    memcpy(side->keys->secret, bytes, SW_KEY_SIZE);
    sw_keypair_complete(side->keys);
    (void)snprintf(name, sizeof(name), "%s_ephemeral", prefix);
    unhex(vector, name, ephemeral, &size);
    assert_int_equal(size, SW_KEY_SIZE);
    if (config.initiator && config.pattern == SW_NOISE_IK) {
        unhex(vector, "init_remote_static", bytes, &size);
        assert_int_equal(size, SW_KEY_SIZE);
        memcpy(remote.bytes, bytes, SW_KEY_SIZE);
        config.remote_static = &remote;
    }
    (void)snprintf(name, sizeof(name), "%s_prologue", prefix);
    unhex(vector, name, bytes, &size);
    config.prologue = sw_span_of(bytes, size);
    config.keys = side->keys;
    config.ephemeral = ephemeral;
    sw_noise_start(side->noise, &config);
}

static void side_release(struct side *side)
{
    sw_secret_free(side->noise);
    sw_secret_free(side->keys);
    sw_secret_free(side->send);
    sw_secret_free(side->receive);
}

static void
handshake_message(struct side *from, struct side *to, struct sw_span payload, struct sw_span sealed)
{
    struct sw_buf out = {0};
    uint8_t opened[SW_NOISE_PAYLOAD_SIZE_MAX];
    size_t size = 0;

    assert_true(sw_noise_my_turn(from->noise));
    assert_int_equal(sw_noise_write(from->noise, payload, &out), SW_ERR_OK);
    assert_true(sw_span_equal(sw_buf_span(&out), sealed));
    assert_int_equal(sw_noise_read(to->noise, sealed, opened, &size), SW_ERR_OK);
    assert_true(sw_span_equal(sw_span_of(opened, size), payload));
    sw_buf_release(&out);
}

static void
transport_message(struct side *from, struct side *to, struct sw_span payload, struct sw_span sealed)
{
    uint8_t bytes[512];
    const struct sw_span none = sw_span_of(NULL, 0);

    memcpy(bytes, payload.data, payload.size);
    sw_aead_seal(from->send, from->sent++, none, sw_span_of(bytes, payload.size), bytes);
    assert_true(sw_span_equal(sw_span_of(bytes, payload.size + SW_TAG_SIZE), sealed));
    assert_int_equal(sw_aead_open(to->receive, to->received++, none, bytes, sealed.size),
                     SW_ERR_OK);
    assert_true(sw_span_equal(sw_span_of(bytes, payload.size), payload));
}

static void run_messages(struct side *init, struct side *resp, const cJSON *vector)
{
    const cJSON *messages = cJSON_GetObjectItemCaseSensitive(vector, "messages");
    const cJSON *message;
    /* In XX the initiator speaks last in the handshake and the responder goes on; the vectors
     * simply alternate. */
    bool from_init = true;
    bool split = false;

    assert_true(cJSON_GetArraySize(messages) >= 5);
    cJSON_ArrayForEach(message, messages)
    {
        uint8_t payload[512], sealed[512];
        size_t payload_size, sealed_size;
        struct side *from = from_init ? init : resp;
        struct side *to = from_init ? resp : init;

        unhex(message, "payload", payload, &payload_size);
        unhex(message, "ciphertext", sealed, &sealed_size);
        if (!sw_noise_finished(init->noise)) {
            handshake_message(
                from, to, sw_span_of(payload, payload_size), sw_span_of(sealed, sealed_size));
        } else {
            if (!split) {
                sw_noise_split(init->noise, init->send, init->receive);
                sw_noise_split(resp->noise, resp->send, resp->receive);
                split = true;
            }
            transport_message(
                from, to, sw_span_of(payload, payload_size), sw_span_of(sealed, sealed_size));
        }
        from_init = !from_init;
    }
    assert_true(split);
}

/* Only our own vectors have these. */
static void run_rekeyed(struct side *init, struct side *resp, const cJSON *vector)
{
    const cJSON *message;
    bool from_init = true;

    sw_aead_rekey(init->send);
    sw_aead_rekey(init->receive);
    sw_aead_rekey(resp->send);
    sw_aead_rekey(resp->receive);
    cJSON_ArrayForEach(message, cJSON_GetObjectItemCaseSensitive(vector, "rekeyed"))
    {
        uint8_t payload[512], sealed[512];
        size_t payload_size, sealed_size;

        unhex(message, "payload", payload, &payload_size);
        unhex(message, "ciphertext", sealed, &sealed_size);
        transport_message(from_init ? init : resp,
                          from_init ? resp : init,
                          sw_span_of(payload, payload_size),
                          sw_span_of(sealed, sealed_size));
        from_init = !from_init;
    }
}

static void run_vector(const cJSON *vector, struct sw_noise_config config)
{
    struct side init = {0}, resp = {0};
    uint8_t hash[512];
    size_t size;

    config.initiator = true;
    side_start(&init, vector, "init", config);
    config.initiator = false;
    side_start(&resp, vector, "resp", config);
    run_messages(&init, &resp, vector);
    run_rekeyed(&init, &resp, vector);
    unhex(vector, "handshake_hash", hash, &size);
    assert_int_equal(size, SW_HASH_SIZE);
    assert_memory_equal(init.noise->hash, hash, SW_HASH_SIZE);
    assert_memory_equal(resp.noise->hash, hash, SW_HASH_SIZE);
    assert_true(sw_public_key_equal(&resp.noise->remote_static, &init.keys->public_key));
    assert_true(sw_public_key_equal(&init.noise->remote_static, &resp.keys->public_key));
    side_release(&init);
    side_release(&resp);
}

/* Fills pattern and suite from the protocol's name; false if it is none of ours. */
static bool parse_name(const char *name, struct sw_noise_config *config)
{
    static const char *const patterns[] = {"IK", "XX"};
    static const char *const ciphers[] = {"AESGCM", "ChaChaPoly"};

    for (int p = 0; p < 2; p++) {
        for (int c = 0; c < 2; c++) {
            char ours[64];

            (void)snprintf(
                ours, sizeof(ours), "Noise_%s_25519_%s_BLAKE2b", patterns[p], ciphers[c]);
            if (strcmp(ours, name) == 0) {
                config->pattern = p == 0 ? SW_NOISE_IK : SW_NOISE_XX;
                config->suite = c == 0 ? SW_SUITE_AESGCM : SW_SUITE_CHACHAPOLY;
                return true;
            }
        }
    }
    return false;
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    const size_t capacity = 4 << 20;
    char *text = malloc(capacity);
    size_t size;

    assert_non_null(text);
    if (file == NULL) {
        free(text);
        return NULL;
    }
    size = fread(text, 1, capacity - 1, file);
    (void)fclose(file);
    assert_true(size < capacity - 1);
    text[size] = 0;
    return text;
}

/* Runs every vector of the file that speaks one of our four protocols; how many of each. */
static void run_file(char *text, unsigned ret_counts[4])
{
    cJSON *root = cJSON_Parse(text);
    const cJSON *vector;

    assert_non_null(root);
    cJSON_ArrayForEach(vector, cJSON_GetObjectItemCaseSensitive(root, "vectors"))
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(vector, "protocol_name");
        struct sw_noise_config config = {0};

        assert_true(cJSON_IsString(name));
        if (!parse_name(name->valuestring, &config)) {
            continue;
        }
        if (!sw_suite_available(config.suite)) {
            print_message("%s: this CPU has no AES, not run\n", name->valuestring);
            continue;
        }
        run_vector(vector, config);
        ret_counts[((int)config.pattern - 1) * 2 + (int)config.suite - 1]++;
    }
    cJSON_Delete(root);
    free(text);
}

static void vectors_of_an_independent_implementation(void **state)
{
    unsigned counts[4] = {0};
    char *text = read_file(SW_NOISE_OWN_VECTORS);

    (void)state;
    assert_non_null(text);
    run_file(text, counts);
    for (int i = 0; i < 4; i++) {
        const bool chacha = i % 2 == 1;

        assert_true(counts[i] >= 3 || (!chacha && !sw_suite_available(SW_SUITE_AESGCM)));
    }
}

static void published_vectors(void **state)
{
    const char *path = getenv("SW_NOISE_VECTORS");
    unsigned counts[4] = {0};
    char *text;

    (void)state;
    if (path == NULL || path[0] == 0) {
        path = SW_NOISE_PUBLISHED_VECTORS;
    }
    if (path[0] == 0) {
        print_message("ABSENT: the published cacophony vectors were not given; name their file in "
                      "SW_NOISE_VECTORS (environment or CMake). The project's own were run.\n");
        return;
    }
    text = read_file(path);
    assert_non_null(text); /* a path was named, so it must be there */
    run_file(text, counts);
    print_message("cacophony: IK AESGCM %u, IK ChaChaPoly %u, XX AESGCM %u, XX ChaChaPoly %u\n",
                  counts[0],
                  counts[1],
                  counts[2],
                  counts[3]);
    assert_true(counts[1] >= 1);
    assert_true(counts[3] >= 1);
}

struct pair {
    struct sw_noise *init, *resp;
    struct sw_keypair *init_keys, *resp_keys;
};

static struct pair
pair_start(enum sw_noise_pattern pattern, const char *prologue_init, const char *prologue_resp)
{
    struct pair pair = {
        .init = sw_secret_new(sizeof(struct sw_noise)),
        .resp = sw_secret_new(sizeof(struct sw_noise)),
        .init_keys = sw_secret_new(sizeof(struct sw_keypair)),
        .resp_keys = sw_secret_new(sizeof(struct sw_keypair)),
    };
    struct sw_noise_config config = {.pattern = pattern, .suite = sw_suite_best()};

    sw_keypair_generate(pair.init_keys);
    sw_keypair_generate(pair.resp_keys);
    config.initiator = true;
    config.keys = pair.init_keys;
    config.prologue = sw_span_str(prologue_init);
    config.remote_static = pattern == SW_NOISE_IK ? &pair.resp_keys->public_key : NULL;
    sw_noise_start(pair.init, &config);
    config.initiator = false;
    config.keys = pair.resp_keys;
    config.prologue = sw_span_str(prologue_resp);
    config.remote_static = NULL;
    sw_noise_start(pair.resp, &config);
    return pair;
}

static void pair_release(struct pair *pair)
{
    sw_secret_free(pair->init);
    sw_secret_free(pair->resp);
    sw_secret_free(pair->init_keys);
    sw_secret_free(pair->resp_keys);
}

/* Plays the handshake, with bit `flip` of message `turn` changed; the first error, or OK. */
static enum sw_err play(struct pair *pair, uint32_t turn, size_t flip, size_t *ret_bits)
{
    uint8_t payload[SW_NOISE_PAYLOAD_SIZE_MAX];
    enum sw_err err = SW_ERR_OK;
    size_t size;

    *ret_bits = 0;
    while (err == SW_ERR_OK && !sw_noise_finished(pair->resp)) {
        const bool init_turn = sw_noise_my_turn(pair->init);
        struct sw_noise *from = init_turn ? pair->init : pair->resp;
        struct sw_noise *to = init_turn ? pair->resp : pair->init;
        struct sw_buf out = {0};

        assert_int_equal(sw_noise_write(from, sw_span_str("hi"), &out), SW_ERR_OK);
        if (to->turn == turn) {
            *ret_bits = out.size * 8;
            if (flip < *ret_bits) {
                out.data[flip / 8] ^= (uint8_t)(1 << flip % 8);
            }
        }
        err = sw_noise_read(to, sw_buf_span(&out), payload, &size);
        sw_buf_release(&out);
    }
    return err;
}

static void every_flipped_bit_fails_the_handshake(void **state)
{
    (void)state;
    for (int pattern = SW_NOISE_IK; pattern <= SW_NOISE_XX; pattern++) {
        for (uint32_t turn = 0; turn < (pattern == SW_NOISE_IK ? 2U : 3U); turn++) {
            size_t bits = 1;

            /* Every 5th bit meets each byte at least once; the top bit of an X25519 key (bit 255 of
             * the message) is masked by the curve, but the hash still sees it. */
            for (size_t flip = 0; flip < bits; flip += 5) {
                struct pair pair = pair_start((enum sw_noise_pattern)pattern, "p", "p");

                assert_int_not_equal(play(&pair, turn, flip, &bits), SW_ERR_OK);
                pair_release(&pair);
            }
        }
    }
}

static void another_prologue_fails_the_handshake(void **state)
{
    (void)state;
    for (int pattern = SW_NOISE_IK; pattern <= SW_NOISE_XX; pattern++) {
        struct pair pair = pair_start((enum sw_noise_pattern)pattern, "swarm a", "swarm b");
        size_t bits;

        assert_int_equal(play(&pair, 9, 0, &bits), SW_ERR_UNAUTHENTICATED);
        pair_release(&pair);
        pair = pair_start((enum sw_noise_pattern)pattern, "swarm a", "swarm a");
        assert_int_equal(play(&pair, 9, 0, &bits), SW_ERR_OK);
        pair_release(&pair);
    }
}

static void small_order_points_are_refused(void **state)
{
    struct pair pair = pair_start(SW_NOISE_XX, "p", "p");
    const uint8_t zero_point[SW_KEY_SIZE] = {0};
    uint8_t payload[SW_NOISE_PAYLOAD_SIZE_MAX];
    struct sw_buf out = {0};
    size_t size;

    (void)state;
    assert_int_equal(
        sw_noise_read(pair.resp, sw_span_of(zero_point, sizeof(zero_point)), payload, &size),
        SW_ERR_OK);
    assert_int_equal(sw_noise_write(pair.resp, sw_span_str("x"), &out), SW_ERR_UNAUTHENTICATED);
    assert_int_equal(sw_noise_write(pair.resp, sw_span_str("x"), &out), SW_ERR_UNAUTHENTICATED);
    sw_buf_release(&out);
    pair_release(&pair);
}

static void short_and_long_messages_are_malformed(void **state)
{
    uint8_t bytes[SW_NOISE_MESSAGE_SIZE_MAX + 1] = {0};
    uint8_t payload[SW_NOISE_PAYLOAD_SIZE_MAX];
    size_t size;

    (void)state;
    for (size_t length = 0; length < 96; length++) {
        struct pair pair = pair_start(SW_NOISE_IK, "p", "p");

        assert_int_not_equal(sw_noise_read(pair.resp, sw_span_of(bytes, length), payload, &size),
                             SW_ERR_OK);
        pair_release(&pair);
    }
    struct pair pair = pair_start(SW_NOISE_XX, "p", "p");

    assert_int_equal(sw_noise_read(pair.resp, sw_span_of(bytes, sizeof(bytes)), payload, &size),
                     SW_ERR_MALFORMED);
    pair_release(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_an_independent_implementation),
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(every_flipped_bit_fails_the_handshake),
        cmocka_unit_test(another_prologue_fails_the_handshake),
        cmocka_unit_test(small_order_points_are_refused),
        cmocka_unit_test(short_and_long_messages_are_malformed),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
