/* The hostile cases: each does its worst through one visitor and prints what came of it as one JSON
 * object; test_adversarial.py judges. */
#ifndef SW_TESTS_ADVERSARIAL_CASES_H
#define SW_TESTS_ADVERSARIAL_CASES_H

#include "tests/adversarial/visitor.h"

/* strangers.c: whoever can reach the port. */
void case_handshake(const struct visit *visit);
void case_garbage(const struct visit *visit);
void case_hello_flood(const struct visit *visit);

/* sessions.c: frames of genuine sessions, abused. */
void case_hello_replay(const struct visit *visit);
void case_frame_replay(const struct visit *visit);
void case_frame_flip(const struct visit *visit);
void case_frame_cut(const struct visit *visit);
void case_frame_reflect(const struct visit *visit);
void case_frame_spoof(const struct visit *visit);

/* clients.c: a client with a right key and bad manners. */
void case_requests_random(const struct visit *visit);
void case_requests_mutated(const struct visit *visit);
void case_lengths(const struct visit *visit);
void case_limits(const struct visit *visit);
void case_deaf(const struct visit *visit);
void case_many_sessions(const struct visit *visit);

/* tenants.c: an identity of one tenant that wants into another. */
void case_other_tenants(const struct visit *visit);

/* members.c: the key of a member in wrong hands. */
void case_member_random(const struct visit *visit);
void case_member_mutated(const struct visit *visit);
void case_member_overclaim(const struct visit *visit);
void case_member_old_leader(const struct visit *visit);
void case_member_votes(const struct visit *visit);
void case_member_deposes(const struct visit *visit);
void case_member_state(const struct visit *visit);

#endif
