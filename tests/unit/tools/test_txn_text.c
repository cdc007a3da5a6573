/* Transactions as text: what is understood, and that what is not is refused with its line. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
/* clang-format on */

#include "tools/txn_text.h"

static struct sw_txn_text *parse(const char *text)
{
    struct sw_txn_text *txn = calloc(1, sizeof *txn);
    char why[SW_WHY_SIZE] = "";

    assert_non_null(txn);
    if (sw_txn_text_parse(text, strlen(text), txn, why) != SW_ERR_OK) {
        fail_msg("%s", why);
    }
    return txn;
}

static void done(struct sw_txn_text *txn)
{
    sw_txn_text_release(txn);
    free(txn);
}

static void assert_slice(struct swarm_slice slice, const char *text, size_t size)
{
    assert_int_equal(slice.size, size);
    assert_memory_equal(slice.data, text, size);
}

static void three_parts_become_a_transaction(void **state)
{
    struct sw_txn_text *txn = parse("# who holds it?\n"
                                    "version(\"a lock\") = 0\n"
                                    "lease(k)>=7\n"
                                    "value(k) != \"\"\n"
                                    "\n"
                                    "put k \"a \\\"b\\\"\\x00\\n\" --lease 12 --previous\n"
                                    "  del other\r\n"
                                    "merge n add -5\n"
                                    "\n"
                                    "get k");

    (void)state;
    assert_int_equal(txn->txn.compare_count, 3);
    assert_int_equal(txn->txn.compares[0].target, SWARM_COMPARE_VERSION);
    assert_int_equal(txn->txn.compares[0].relation, SWARM_EQUAL);
    assert_slice(txn->txn.compares[0].key, "a lock", 6);
    assert_int_equal(txn->txn.compares[1].relation, SWARM_GREATER_EQUAL);
    assert_int_equal(txn->txn.compares[1].target, SWARM_COMPARE_LEASE);
    assert_int_equal(txn->txn.compares[1].number, 7);
    assert_int_equal(txn->txn.compares[2].target, SWARM_COMPARE_VALUE);
    assert_int_equal(txn->txn.compares[2].relation, SWARM_NOT_EQUAL);
    assert_int_equal(txn->txn.compares[2].value.size, 0);
    assert_int_equal(txn->txn.then_count, 3);
    assert_slice(txn->txn.then_ops[0].value, "a \"b\"\0\n", 7);
    assert_int_equal(txn->txn.then_ops[0].flags, SWARM_TXN_PREVIOUS);
    assert_int_equal(txn->txn.then_ops[0].lease, 12);
    assert_int_equal(txn->txn.then_ops[1].kind, SWARM_TXN_DELETE);
    assert_slice(txn->txn.then_ops[1].key, "other", 5);
    assert_int_equal(txn->txn.then_ops[2].merge, SWARM_MERGE_ADD);
    assert_slice(txn->txn.then_ops[2].value, "-5", 2);
    assert_int_equal(txn->txn.else_count, 1);
    assert_int_equal(txn->txn.else_ops[0].kind, SWARM_TXN_GET);
    done(txn);
}

static void every_relation_is_read(void **state)
{
    struct sw_txn_text *txn =
        parse("ver(k) = 1\nver(k) != 1\nver(k) < 1\nver(k) <= 1\nver(k) > 1\nver(k) >= 1\n");

    (void)state;
    assert_int_equal(txn->txn.compare_count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(txn->txn.compares[i].relation, SWARM_EQUAL + i);
    }
    done(txn);
}

static void parts_may_be_missing(void **state)
{
    struct sw_txn_text *txn = parse("\nput a 1\n");

    (void)state;
    assert_int_equal(txn->txn.compare_count, 0);
    assert_int_equal(txn->txn.then_count, 1);
    assert_int_equal(txn->txn.else_count, 0);
    done(txn);
    txn = parse("version(a) = 1\n\n\nget a\n\n\n\n");
    assert_int_equal(txn->txn.then_count, 0);
    assert_int_equal(txn->txn.else_count, 1);
    done(txn);
    done(parse(""));
}

static void expect_refused(const char *text, const char *why_part)
{
    struct sw_txn_text *txn = calloc(1, sizeof *txn);
    char why[SW_WHY_SIZE] = "";

    assert_non_null(txn);
    assert_int_equal(sw_txn_text_parse(text, strlen(text), txn, why), SW_ERR_INVALID);
    if (strstr(why, why_part) == NULL) {
        fail_msg("'%s' does not say '%s'", why, why_part);
    }
    done(txn);
}

static void what_is_not_understood_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_refused("verson(a) = 1", "line 1: a compare begins with");
    expect_refused("ver a = 1", "line 1: a key in parentheses");
    expect_refused("ver(a) 1", "one of =");
    expect_refused("ver(a) ! 1", "one of =");
    expect_refused("ver(a) = x", "a number is expected");
    expect_refused("ver(a) = 99999999999999999999999999", "a number is expected");
    expect_refused("ver(a) = 1 2", "more than expected");
    expect_refused("value(a) =", "something to compare with");
    expect_refused("\nput a", "line 2: put needs a value");
    expect_refused("\n# x\nput a b c", "line 3: there is more than expected");
    expect_refused("\nput a b --lease", "--lease needs a number");
    expect_refused("\nget a --lease 1", "there is more than expected");
    expect_refused("\nfetch a", "an operation is");
    expect_refused("\nget", "a key is expected");
    expect_refused("\nmerge a xor 1", "a merge is");
    expect_refused("\nput a \"b", "does not end");
    expect_refused("\nput a \"\\q\"", "a backslash");
    expect_refused("\nput a \"\\x1\"", "a backslash");
    expect_refused("\n\n\nget a", "three parts at most");
}

static void too_many_are_refused(void **state)
{
    enum { SIZE = (SW_TXN_OP_COUNT_MAX + 1) * 6 + 2 };
    struct sw_txn_text *txn = calloc(1, sizeof *txn);
    char *text = calloc(1, SIZE);
    char why[SW_WHY_SIZE] = "";

    (void)state;
    assert_non_null(txn);
    text[0] = '\n';
    for (int i = 0; i <= SW_TXN_OP_COUNT_MAX; i++) {
        memcpy(text + 1 + i * 6, "get k\n", 6);
    }
    assert_int_equal(sw_txn_text_parse(text, strlen(text), txn, why), SW_ERR_TOO_LARGE);
    assert_non_null(strstr(why, "line 130: too many operations"));
    done(txn);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_parts_become_a_transaction),
        cmocka_unit_test(every_relation_is_read),
        cmocka_unit_test(parts_may_be_missing),
        cmocka_unit_test(what_is_not_understood_is_refused_with_its_line),
        cmocka_unit_test(too_many_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
