/* What the table of sessions and its records share. */
#ifndef SW_NODE_SESSION_PRIVATE_H
#define SW_NODE_SESSION_PRIVATE_H

#include "node/session.h"

/* Takes `session` over; id and nonce are not in use, and there is room. Its answers, if it has any,
 * are not counted yet. */
void sw__sessions_add(struct sw_sessions *sessions, struct sw_session *session);
void sw__session_free(struct sw_session *session);
/* Room for one more answer at the end: moves the live ones to the front or grows. */
void sw__session_reserve(struct sw_session *session);

#endif
