/* Published answers for each primitive, and the text form of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "transport/crypto_sodium.h"

static void x25519_of_rfc_7748(void **state)
{
    /* RFC 7748, section 6.1. */
    static const uint8_t alice_secret[SW_KEY_SIZE] = {
        0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
        0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
        0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
    };
    static const struct sw_public_key bob = {{
        0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
        0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
        0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f,
    }};
    static const uint8_t expected[SW_KEY_SIZE] = {
        0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
        0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
        0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42,
    };
    const struct sw_public_key zero = {{0}};
    uint8_t shared[SW_KEY_SIZE];

    (void)state;
    assert_int_equal(sw_crypto_dh(alice_secret, &bob, shared), SW_ERR_OK);
    assert_memory_equal(shared, expected, sizeof(shared));
    assert_int_equal(sw_crypto_dh(alice_secret, &zero, shared), SW_ERR_UNAUTHENTICATED);
}

static void blake2b_of_rfc_7693(void **state)
{
    static const uint8_t expected_start[8] = {0xba, 0x80, 0xa5, 0x3f, 0x98, 0x1c, 0x4d, 0x0d};
    uint8_t hash[SW_HASH_SIZE];

    (void)state;
    sw_crypto_hash(sw_span_str("a"), sw_span_str("bc"), hash);
    assert_memory_equal(hash, expected_start, sizeof(expected_start));
}

static void each_suite_opens_only_what_it_sealed(void **state)
{
    const uint8_t key[SW_KEY_SIZE] = {1, 2, 3};
    struct sw_aead *aead = sw_secret_new(sizeof(*aead));

    (void)state;
    for (int suite = SW_SUITE_AESGCM; suite <= SW_SUITE_CHACHAPOLY; suite++) {
        uint8_t sealed[5 + SW_TAG_SIZE], copy[5 + SW_TAG_SIZE];
        const struct sw_span ad = sw_span_str("header");

        if (!sw_suite_available((enum sw_suite)suite)) {
            print_message("this CPU has no AES: suite %d not run\n", suite);
            continue;
        }
        sw_aead_set_key(aead, (enum sw_suite)suite, key);
        sw_aead_seal(aead, 9, ad, sw_span_str("plain"), sealed);
        assert_memory_not_equal(sealed, "plain", 5);
        for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
            memcpy(copy, sealed, sizeof(sealed));
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(sw_aead_open(aead, 9, ad, copy, sizeof(copy)), SW_ERR_UNAUTHENTICATED);
        }
        for (size_t size = 0; size < sizeof(sealed); size++) {
            memcpy(copy, sealed, sizeof(sealed));
            assert_int_equal(sw_aead_open(aead, 9, ad, copy, size), SW_ERR_UNAUTHENTICATED);
        }
        memcpy(copy, sealed, sizeof(sealed));
        assert_int_equal(sw_aead_open(aead, 8, ad, copy, sizeof(copy)), SW_ERR_UNAUTHENTICATED);
        memcpy(copy, sealed, sizeof(sealed));
        assert_int_equal(sw_aead_open(aead, 9, sw_span_str("Header"), copy, sizeof(copy)),
                         SW_ERR_UNAUTHENTICATED);
        memcpy(copy, sealed, sizeof(sealed));
        assert_int_equal(sw_aead_open(aead, 9, ad, copy, sizeof(copy)), SW_ERR_OK);
        assert_memory_equal(copy, "plain", 5);
        sw_aead_rekey(aead);
        memcpy(copy, sealed, sizeof(sealed));
        assert_int_equal(sw_aead_open(aead, 9, ad, copy, sizeof(copy)), SW_ERR_UNAUTHENTICATED);
    }
    sw_secret_free(aead);
}

static void key_text_is_strict(void **state)
{
    uint8_t key[SW_KEY_SIZE], back[SW_KEY_SIZE];
    char text[SW_KEY_TEXT_SIZE];

    (void)state;
    sw_crypto_random(key, sizeof(key));
    sw_key_format(key, text);
    assert_int_equal(strlen(text), SW_KEY_TEXT_SIZE - 1);
    assert_int_equal(sw_key_parse(sw_span_str(text), back), SW_ERR_OK);
    assert_memory_equal(key, back, sizeof(key));
    assert_int_equal(sw_key_parse(sw_span_of(text, 43), back), SW_ERR_INVALID);
    assert_int_equal(sw_key_parse(sw_span_of(text, 45), back), SW_ERR_INVALID);
    text[3] = '*';
    assert_int_equal(sw_key_parse(sw_span_str(text), back), SW_ERR_INVALID);
    text[3] = ' ';
    assert_int_equal(sw_key_parse(sw_span_str(text), back), SW_ERR_INVALID);
    assert_memory_equal(key, back, sizeof(key)); /* untouched by failures */
}

static void secrets_are_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300; size += 37) {
        uint8_t *secret = sw_secret_new(size);

        assert_int_equal((uintptr_t)secret % 64, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(secret[i], 0);
        }
        sw_secret_free(secret);
    }
    sw_secret_free(NULL);
}

static void keypairs_differ_and_agree(void **state)
{
    struct sw_keypair *a = sw_secret_new(sizeof(*a));
    struct sw_keypair *b = sw_secret_new(sizeof(*b));
    uint8_t ab[SW_KEY_SIZE], ba[SW_KEY_SIZE];

    (void)state;
    sw_keypair_generate(a);
    sw_keypair_generate(b);
    assert_false(sw_public_key_equal(&a->public_key, &b->public_key));
    assert_int_equal(sw_crypto_dh(a->secret, &b->public_key, ab), SW_ERR_OK);
    assert_int_equal(sw_crypto_dh(b->secret, &a->public_key, ba), SW_ERR_OK);
    assert_memory_equal(ab, ba, sizeof(ab));
    sw_secret_free(a);
    sw_secret_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x25519_of_rfc_7748),
        cmocka_unit_test(blake2b_of_rfc_7693),
        cmocka_unit_test(each_suite_opens_only_what_it_sealed),
        cmocka_unit_test(key_text_is_strict),
        cmocka_unit_test(secrets_are_aligned_and_zero),
        cmocka_unit_test(keypairs_differ_and_agree),
    };

    if (sw_crypto_init() != SW_ERR_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
