/* Goal: each kernel gives the bytes of the plain one; the table is what its comment says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "index/minhash_private.h"

static void permutations_are_drawn_from_the_seed(void **state)
{
    struct sw_prng prng = sw_prng_of(0x53574d48);

    (void)state;
    for (size_t i = 0; i < SW_MINHASH_LANE_COUNT; i++) {
        const uint64_t drawn = sw_prng_next(&prng);

        assert_int_equal(sw__minhash_factor[i], (uint32_t)(drawn >> 32) | 1);
        assert_int_equal(sw__minhash_term[i], (uint32_t)drawn);
    }
}

static void all_kernels_fold_alike(void **state)
{
    struct sw_prng prng = sw_prng_of(3);
    uint32_t hashes[257];

    (void)state;
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        hashes[i] = (uint32_t)sw_prng_next(&prng);
    }
    for (size_t count = 0; count <= sizeof hashes / sizeof hashes[0]; count++) {
        uint32_t plain[SW_MINHASH_LANE_COUNT], lanes[SW_MINHASH_LANE_COUNT];

        memset(plain, 0xff, sizeof plain);
        sw__minhash_fold(SW__MINHASH_SCALAR, plain, hashes, count);
        for (uint32_t kernel = 1; kernel < SW__MINHASH_KERNEL_COUNT; kernel++) {
            if (!sw__minhash_kernel_runs(kernel)) {
                continue;
            }
            memset(lanes, 0xff, sizeof lanes);
            sw__minhash_fold(kernel, lanes, hashes, count);
            assert_memory_equal(lanes, plain, sizeof lanes);
        }
    }
}

static bool oracle_in_token(uint8_t byte)
{
    return byte >= 0x80 || (byte != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                                                "wxyz0123456789_",
                                                byte) != NULL);
}

/* Every byte at every place of a block. */
static void all_kernels_know_all_bytes(void **state)
{
    uint8_t block[SW__MINHASH_BLOCK];

    (void)state;
    for (uint32_t first = 0; first < 256; first++) {
        uint64_t expected = 0;

        for (size_t i = 0; i < sizeof block; i++) {
            block[i] = (uint8_t)(first + i * 37);
            expected |= (uint64_t)oracle_in_token(block[i]) << i;
        }
        for (uint32_t kernel = 0; kernel < SW__MINHASH_KERNEL_COUNT; kernel++) {
            if (sw__minhash_kernel_runs(kernel)) {
                assert_true(sw__minhash_token_mask(kernel, block) == expected);
            }
        }
    }
}

static void the_best_kernel_runs(void **state)
{
    (void)state;
    assert_true(sw__minhash_kernel_runs(SW__MINHASH_SCALAR));
    assert_true(sw__minhash_kernel_runs(sw__minhash_kernel_best()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutations_are_drawn_from_the_seed),
        cmocka_unit_test(all_kernels_fold_alike),
        cmocka_unit_test(all_kernels_know_all_bytes),
        cmocka_unit_test(the_best_kernel_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
