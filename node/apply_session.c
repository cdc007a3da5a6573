/* Sessions as the log sees them: opened, swept, closed, and asked what has become of a write.
 *
 * The question for an outcome goes through the log like the write that it asks about. So one of the
 * two comes first on every replica: if the write, its stored answer is told; if the question, the
 * number is sealed with the answer NOT_COMMITTED, and the write, should it still come out of the
 * network or of some leader's queue, finds that answer and runs no more. */
#include <string.h>

#include "base/assert.h"
#include "base/point.h"
#include "node/apply_private.h"

enum effect {
    EFFECT_SESSION_WRITE = 4,
    EFFECT_SESSION_OPENED = 5,
    EFFECT_SESSION_REMOVED = 6,
};

static void note_session(struct sw_state *state, enum effect effect, struct sw_session_id session)
{
    sw_write_u8(&state->effects, (uint8_t)effect);
    sw_write_u64(&state->effects, session.value);
}

static void session_remove(struct sw_state *state, struct sw_session *session)
{
    note_session(state, EFFECT_SESSION_REMOVED, session->id);
    sw_sessions_remove(&state->sessions, session);
}

static bool session_overdue(const struct sw_state *state, const struct sw_session *session)
{
    return sw_session_expiry_ms(session) <= state->time_ms;
}

void sw__sessions_sweep(struct sw_state *state)
{
    for (int i = 0; i < SW_APPLY_EXPIRE_COUNT_MAX; i++) {
        struct sw_session *session = sw_sessions_first(&state->sessions, SW_SESSION_BY_EXPIRY);

        if (session == NULL || !session_overdue(state, session)) {
            return;
        }
        session_remove(state, session);
        SW_MARK("session.expired");
        state->sessions_expired++;
    }
}

/* `session` if it is in time; an overdue one is removed first. Accepts NULL. */
static struct sw_session *session_live(struct sw_state *state, struct sw_session *session)
{
    if (session == NULL || !session_overdue(state, session)) {
        return session;
    }
    session_remove(state, session);
    state->sessions_expired++;
    return NULL;
}

static void note_write(struct sw_state *state, const struct sw_request *request)
{
    note_session(state, EFFECT_SESSION_WRITE, request->session);
    sw_write_u64(&state->effects, request->seq);
    sw_write_u64(&state->effects, request->acked);
}

struct sw_session *sw__session_enter(struct sw__apply *apply,
                                     const struct sw_request *request,
                                     enum sw_err *ret_answer)
{
    struct sw_state *state = apply->state;
    struct sw_session *session;

    note_write(state, request);
    session = session_live(state, sw_sessions_find(&state->sessions, request->session));
    if (session == NULL) {
        *ret_answer = SW_ERR_SESSION_EXPIRED;
        return NULL;
    }
    return session;
}

static struct sw_session *session_new(struct sw__apply *apply, const struct sw_request *request)
{
    const uint32_t ttl_ms = request->limit == 0 ? SW_SESSION_TTL_MS_DEFAULT : request->limit;
    struct sw_state *state = apply->state;
    struct sw_session *session;

    if (state->sessions.count == state->sessions.count_max) {
        session_remove(state, sw_sessions_first(&state->sessions, SW_SESSION_BY_ACTIVITY));
        SW_MARK("session.evicted");
        state->sessions_evicted++;
    }
    state->revision++;
    session = sw_sessions_open(&state->sessions,
                               (struct sw_session_id){state->revision},
                               request->value.data,
                               ttl_ms,
                               state->time_ms);
    sw_sessions_own(&state->sessions, session, apply->author.id);
    note_session(state, EFFECT_SESSION_OPENED, session->id);
    return session;
}

static void open_session(struct sw__apply *apply,
                         const struct sw_request *request,
                         struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw_session *session;

    SW_ASSERT(request->value.size == SW_SESSION_NONCE_SIZE);
    session = session_live(state, sw_sessions_find_nonce(&state->sessions, request->value.data));
    if (session != NULL) {
        sw_session_touch(&state->sessions, session, state->time_ms);
    } else if (sw_sessions_has_room(&state->sessions, apply->author.id)) {
        session = session_new(apply, request);
    } else { /* or it would end those of others */
        result->err = SW_ERR_BUSY;
        return;
    }
    *result = (struct sw_command_result){
        .err = SW_ERR_OK, .revision = session->id.value, .value = session->id.value};
}

/* Closing what is gone already is no error: a retry of a close finds it done. */
static void close_session(struct sw__apply *apply,
                          const struct sw_request *request,
                          struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw_session *session =
        session_live(state, sw_sessions_find(&state->sessions, request->session));

    if (session != NULL) {
        state->revision++;
        session_remove(state, session);
    }
    *result = (struct sw_command_result){
        .err = SW_ERR_OK, .revision = state->revision, .value = session != NULL ? 1 : 0};
}

/* The answer to a question about a write that was answered so. */
static struct sw_command_result told(const struct sw_command_result *stored)
{
    if (stored->err == SW_ERR_NOT_COMMITTED) {
        return (struct sw_command_result){.err = SW_ERR_NOT_COMMITTED};
    }
    return (struct sw_command_result){
        .err = SW_ERR_OK, .revision = stored->revision, .value = (uint64_t)stored->err};
}

/* A question prolongs no session: whoever asks need not be who writes in it. */
static void tell_outcome(struct sw__apply *apply,
                         const struct sw_request *request,
                         struct sw_command_result *result)
{
    struct sw_state *state = apply->state;
    struct sw_command_result stored = {.err = SW_ERR_NOT_COMMITTED};
    struct sw_session *session;

    note_write(state, request);
    session = session_live(state, sw_sessions_find(&state->sessions, request->session));
    if (session == NULL) {
        result->err = SW_ERR_SESSION_EXPIRED;
        return;
    }
    switch (
        sw_session_admit(&state->sessions, session, request->seq, request->acked, false, &stored)) {
    case SW_SESSION_RUN:
        SW_MARK("session.sealed");
        if (!SW_PLANTED(OUTCOME_NOT_SEALED)) {
            sw_session_answer(&state->sessions, session, request->seq, &stored);
        }
        *result = told(&stored);
        break;
    case SW_SESSION_REPLAY:
        *result = told(&stored);
        break;
    case SW_SESSION_STALE:
        result->err = SW_ERR_SESSION_STALE;
        break;
    case SW_SESSION_BUSY:
        result->err = SW_ERR_BUSY;
        break;
    }
}

bool sw__session_command(struct sw__apply *apply,
                         const struct sw_request *request,
                         struct sw_command_result *result)
{
    if (request->op == SW_OP_SESSION_OPEN) {
        open_session(apply, request, result);
    } else if (request->op == SW_OP_SESSION_CLOSE) {
        close_session(apply, request, result);
    } else if (request->op == SW_OP_OUTCOME) {
        tell_outcome(apply, request, result);
    } else {
        return false;
    }
    return true;
}
