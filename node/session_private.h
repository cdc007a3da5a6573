/* What the table of sessions and its records share. */
#ifndef SW_NODE_SESSION_PRIVATE_H
#define SW_NODE_SESSION_PRIVATE_H

#include "node/session.h"

/* Takes `session` over; id and nonce are not in use, and there is room. Its answers, if it has any,
 * are not counted yet. */
void sw__sessions_add(struct sw_sessions *sessions, struct sw_session *session);
/* To be written at the next save. */
void sw__session_changed(struct sw_sessions *sessions, struct sw_session *session);
void sw__session_free(struct sw_session *session);
/* One more session of its owner, or one less. */
void sw__sessions_count(struct sw_sessions *sessions, const struct sw_session *session, bool more);
/* The records of the session's answers were `before` bytes and are `now`: counts them for its owner
 * and for all. */
void sw__sessions_held(struct sw_sessions *sessions,
                       const struct sw_session *session,
                       uint64_t before,
                       uint64_t now);
/* Puts the answer at place `at`, with a copy of its records, which are counted for the session but
 * not for all of them yet. */
void sw__session_put_reply(struct sw_session *session,
                           uint32_t at,
                           uint64_t seq,
                           const struct sw_command_result *result);
/* Room for one more answer at the end: moves the live ones to the front or grows. */
void sw__session_reserve(struct sw_session *session);

#endif
