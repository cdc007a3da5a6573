/* Goal: a read is answered only after a quorum confirmed the term, after it was asked, and after
 * the state caught up; otherwise it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "raft/readindex.h"

struct answer {
    uint32_t count;
    enum sw_err err;
};

static void ready(void *arg, enum sw_err err)
{
    struct answer *answer = arg;

    answer->count++;
    answer->err = err;
}

static struct sw_node_id node(uint64_t id)
{
    return (struct sw_node_id){id};
}

static void waits_for_quorum_and_for_the_state(void **state)
{
    struct sw_readindex reads = {0};
    struct answer answer = {0};
    uint64_t seq;

    (void)state;
    sw_readindex_add(&reads, ready, &answer);
    assert_true(sw_readindex_wants_probe(&reads));
    seq = sw_readindex_begin(&reads, 3, 10);
    sw_readindex_settle(&reads, 3, true);
    sw_readindex_serve(&reads, 10);
    assert_int_equal(answer.count, 0); /* nobody but itself confirmed */
    sw_readindex_acked(&reads, 3, seq, node(2));
    sw_readindex_settle(&reads, 3, true);
    sw_readindex_serve(&reads, 9);
    assert_int_equal(answer.count, 0); /* the state lags */
    sw_readindex_serve(&reads, 10);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.err, SW_ERR_OK);
    assert_int_equal(sw_readindex_count(&reads), 0);
    sw_readindex_release(&reads);
}

static void counts_each_voter_once_and_only_for_its_probe(void **state)
{
    struct sw_readindex reads = {0};
    struct answer answer = {0};
    uint64_t seq;

    (void)state;
    sw_readindex_add(&reads, ready, &answer);
    seq = sw_readindex_begin(&reads, 3, 10);
    sw_readindex_acked(&reads, 3, seq, node(2));
    sw_readindex_acked(&reads, 3, seq, node(2));
    sw_readindex_acked(&reads, 2, seq, node(3));
    sw_readindex_acked(&reads, 3, seq + 1, node(4));
    sw_readindex_settle(&reads, 5, true);
    sw_readindex_serve(&reads, 10);
    assert_int_equal(answer.count, 0); /* two of five */
    sw_readindex_acked(&reads, 3, seq, node(3));
    sw_readindex_settle(&reads, 5, true);
    sw_readindex_serve(&reads, 10);
    assert_int_equal(answer.count, 1);
    sw_readindex_release(&reads);
}

/* A probe proves nothing for a read that came after it was sent. */
static void a_later_read_waits_for_the_next_probe(void **state)
{
    struct sw_readindex reads = {0};
    struct answer first = {0};
    struct answer second = {0};
    uint64_t seq;

    (void)state;
    sw_readindex_add(&reads, ready, &first);
    seq = sw_readindex_begin(&reads, 3, 10);
    sw_readindex_add(&reads, ready, &second);
    assert_false(sw_readindex_wants_probe(&reads));
    sw_readindex_acked(&reads, 3, seq, node(2));
    sw_readindex_settle(&reads, 3, true);
    sw_readindex_serve(&reads, 99);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.count, 0);
    assert_true(sw_readindex_wants_probe(&reads));
    (void)sw_readindex_begin(&reads, 3, 11);
    sw_readindex_acked(&reads, 3, seq, node(3)); /* late answer to the first probe */
    sw_readindex_settle(&reads, 3, true);
    sw_readindex_serve(&reads, 99);
    assert_int_equal(second.count, 0);
    sw_readindex_fail(&reads, SW_ERR_LEADERSHIP_LOST);
    assert_int_equal(second.count, 1);
    assert_int_equal(second.err, SW_ERR_LEADERSHIP_LOST);
    sw_readindex_release(&reads);
}

static void a_single_voter_needs_nobody(void **state)
{
    struct sw_readindex reads = {0};
    struct answer answer = {0};

    (void)state;
    sw_readindex_add(&reads, ready, &answer);
    (void)sw_readindex_begin(&reads, 1, 2);
    sw_readindex_settle(&reads, 1, true);
    sw_readindex_serve(&reads, 2);
    assert_int_equal(answer.count, 1);
    sw_readindex_release(&reads);
}

static bool is_node_2(const void *arg, struct sw_node_id voter)
{
    (void)arg;
    return voter.value == 2;
}

static void who_votes_no_more_does_not_count(void **state)
{
    struct sw_readindex reads = {0};
    struct answer answer = {0};
    uint64_t seq;

    (void)state;
    sw_readindex_add(&reads, ready, &answer);
    seq = sw_readindex_begin(&reads, 3, 10);
    sw_readindex_acked(&reads, 3, seq, node(2));
    sw_readindex_acked(&reads, 3, seq, node(3));
    sw_readindex_revise(&reads, is_node_2, NULL);
    sw_readindex_settle(&reads, 4, true); /* two of four, with node 3 it would be three */
    sw_readindex_serve(&reads, 10);
    assert_int_equal(answer.count, 0);
    sw_readindex_acked(&reads, 3, seq, node(4));
    sw_readindex_settle(&reads, 4, true);
    sw_readindex_serve(&reads, 10);
    assert_int_equal(answer.count, 1);
    sw_readindex_release(&reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_quorum_and_for_the_state),
        cmocka_unit_test(counts_each_voter_once_and_only_for_its_probe),
        cmocka_unit_test(a_later_read_waits_for_the_next_probe),
        cmocka_unit_test(a_single_voter_needs_nobody),
        cmocka_unit_test(who_votes_no_more_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
