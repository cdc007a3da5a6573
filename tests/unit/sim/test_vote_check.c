/* The judge of votes, fed by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raft/wire.h"
#include "tests/sim/vote_check.h"

static const struct sim_vote *
see(struct sim_votes *votes, uint32_t from, uint32_t to, struct raft_message *message)
{
    struct sw_buf bytes = {0};
    const struct sim_vote *earlier;

    sw_wire_encode((struct sw_group_id){1}, message, &bytes);
    earlier = sim_votes_see(votes, from, to, sw_buf_span(&bytes));
    sw_buf_release(&bytes);
    return earlier;
}

static const struct sim_vote *
answers(struct sim_votes *votes, uint32_t from, uint32_t to, uint64_t term, bool pre_vote)
{
    struct raft_message message = {
        .type = RAFT_IO_REQUEST_VOTE_RESULT,
        .request_vote_result = {.term = term,
                                .vote_granted = true,
                                .pre_vote = pre_vote ? raft_tribool_true : raft_tribool_false}};

    return see(votes, from, to, &message);
}

static const struct sim_vote *
stands(struct sim_votes *votes, uint32_t from, uint32_t to, uint64_t term)
{
    struct raft_message message = {.type = RAFT_IO_REQUEST_VOTE,
                                   .request_vote = {.term = term, .candidate_id = from}};

    return see(votes, from, to, &message);
}

static void a_vote_may_be_repeated_and_not_changed(void **state)
{
    struct sim_votes *votes = sim_votes_new();

    (void)state;
    assert_null(answers(votes, 1, 2, 5, false));
    assert_null(answers(votes, 1, 2, 5, false));
    assert_null(answers(votes, 3, 4, 5, false)); /* another voter */
    assert_null(answers(votes, 1, 3, 6, false)); /* another term */
    assert_null(answers(votes, 1, 3, 5, true));  /* a pre-vote binds nobody */
    assert_non_null(answers(votes, 1, 3, 5, false));
    sim_votes_free(votes);
}

static void a_candidate_has_voted_for_itself(void **state)
{
    struct sim_votes *votes = sim_votes_new();
    const struct sim_vote *earlier;

    (void)state;
    assert_null(stands(votes, 1, 2, 7));
    assert_null(stands(votes, 1, 3, 7));
    earlier = answers(votes, 1, 2, 7, false);
    assert_non_null(earlier);
    assert_int_equal(earlier->to, 1);
    sim_votes_free(votes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vote_may_be_repeated_and_not_changed),
        cmocka_unit_test(a_candidate_has_voted_for_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
