/* Goal: descriptors survive a round trip, and no bytes make libraft decode what it can not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/prng.h"
#include "raft/descriptor.h"

static void configuration_of(struct raft_configuration *configuration)
{
    raft_configuration_init(configuration);
    assert_int_equal(raft_configuration_add(configuration, 1, "127.0.0.1:6701", RAFT_VOTER), 0);
    assert_int_equal(raft_configuration_add(configuration, 9, "b", RAFT_STANDBY), 0);
}

static void encode(struct sw_buf *out)
{
    struct raft_configuration configuration;
    uint8_t state[SW_DESCRIPTOR_STATE_SIZE];

    configuration_of(&configuration);
    sw_descriptor_state_encode(77, 88, state);
    sw_descriptor_encode(&configuration, 5, sw_span_of(state, sizeof state), out);
    raft_configuration_close(&configuration);
}

static void round_trip(void **state)
{
    struct raft_configuration configuration;
    struct raft_buffer data;
    struct sw_buf bytes = {0};
    raft_index index = 0;
    uint64_t applied = 0;
    uint64_t digest = 0;

    (void)state;
    encode(&bytes);
    assert_int_equal(sw_descriptor_decode(sw_buf_span(&bytes), &configuration, &index, &data),
                     SW_ERR_OK);
    assert_int_equal(index, 5);
    assert_int_equal(configuration.n, 2);
    assert_int_equal(configuration.servers[1].id, 9);
    assert_string_equal(configuration.servers[0].address, "127.0.0.1:6701");
    sw_descriptor_state_decode(data.base, &applied, &digest);
    assert_int_equal(applied, 77);
    assert_int_equal(digest, 88);
    raft_free(data.base);
    raft_configuration_close(&configuration);
    sw_buf_release(&bytes);
}

static void refuses_every_truncation(void **state)
{
    struct raft_configuration configuration;
    struct raft_buffer data;
    struct sw_buf bytes = {0};
    raft_index index;

    (void)state;
    encode(&bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(
            sw_descriptor_decode(sw_span_of(bytes.data, size), &configuration, &index, &data),
            SW_ERR_MALFORMED);
    }
    sw_buf_release(&bytes);
}

static void refuses_configurations_that_libraft_would_trust(void **state)
{
    struct raft_configuration configuration;
    struct raft_buffer encoded;
    uint8_t *bytes;

    (void)state;
    configuration_of(&configuration);
    assert_int_equal(raft_configuration_encode(&configuration, &encoded), 0);
    bytes = encoded.base;
    assert_true(sw_descriptor_configuration_valid(sw_span_of(bytes, encoded.len)));
    bytes[0] = 2; /* another version */
    assert_false(sw_descriptor_configuration_valid(sw_span_of(bytes, encoded.len)));
    bytes[0] = 1;
    bytes[1] = 200; /* more servers than bytes */
    assert_false(sw_descriptor_configuration_valid(sw_span_of(bytes, encoded.len)));
    bytes[1] = 2;
    bytes[9] = 9; /* the same id twice */
    assert_false(sw_descriptor_configuration_valid(sw_span_of(bytes, encoded.len)));
    bytes[9] = 1;
    bytes[32] = 7; /* an unknown role */
    assert_false(sw_descriptor_configuration_valid(sw_span_of(bytes, encoded.len)));
    raft_free(encoded.base);
    raft_configuration_close(&configuration);
}

/* Whatever the bytes: an answer, no access outside them (the sanitizers watch). */
/* Found by the fuzzer: corpus/raft_message/configuration_long_address. */
static void refuses_an_address_that_fits_nowhere_else(void **state)
{
    char address[SW_ADDRESS_SIZE_MAX + 1];

    (void)state;
    memset(address, 'a', sizeof address);
    for (size_t size = SW_ADDRESS_SIZE_MAX - 1; size <= SW_ADDRESS_SIZE_MAX; size++) {
        struct raft_configuration configuration;
        struct raft_buffer encoded;

        address[size] = '\0';
        raft_configuration_init(&configuration);
        assert_int_equal(raft_configuration_add(&configuration, 1, address, RAFT_VOTER), 0);
        assert_int_equal(raft_configuration_encode(&configuration, &encoded), 0);
        assert_int_equal(sw_descriptor_configuration_valid(sw_span_of(encoded.base, encoded.len)),
                         size < SW_ADDRESS_SIZE_MAX);
        raft_free(encoded.base);
        raft_configuration_close(&configuration);
        address[size] = 'a';
    }
}

static void survives_noise(void **state)
{
    struct sw_prng prng = sw_prng_of(7);
    uint8_t noise[96];

    (void)state;
    for (uint32_t round = 0; round < 20000; round++) {
        const size_t size = (size_t)sw_prng_below(&prng, sizeof noise);

        for (size_t i = 0; i < size; i++) {
            noise[i] = (uint8_t)sw_prng_below(&prng, 4);
        }
        (void)sw_descriptor_configuration_valid(sw_span_of(noise, size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_configurations_that_libraft_would_trust),
        cmocka_unit_test(refuses_an_address_that_fits_nowhere_else),
        cmocka_unit_test(survives_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
