/* Who may do what, by the settings of the swarm.
 *
 * One function decides, and is asked three times: by the leader before it takes a request, with the
 * copy of the settings that the applier gave it last; by apply for each write, with the settings as
 * they stand there in the log, so that what is behind a revocation is refused by every replica
 * alike; and for each read at its read point. Pure.
 *
 * An identity has rights of read (r), write (w) and administration (a) over the namespaces of a
 * tenant that begin with a prefix. What shows data needs r, what changes data needs w, a
 * transaction needs both, as does a write that asks for the record as it was. Retention of what
 * a right covers needs a. Everything else that is no data needs a over all tenants ("*"). Tenant
 * `~swarm` is read by administrators and written by nobody. */
#ifndef SW_NODE_RIGHTS_H
#define SW_NODE_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "node/entry.h"
#include "node/settings.h"
#include "transport/proto.h"

/* OK, or UNAUTHORIZED with the reason in `ret_why`. The request is valid. */
enum sw_err sw_rights_check(const struct sw_settings *settings,
                            const struct sw_author *author,
                            const struct sw_request *request,
                            char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;
/* The key's settings or an identity say that its holder may do everything. */
bool sw_rights_administers(const struct sw_settings *settings, const struct sw_author *author);
/* May the session that `owner` opened be used by `author`? All zero: opened before sessions had
 * owners, by a client that its node's own settings named. */
bool sw_rights_own_session(const uint8_t owner[SW_IDENTITY_ID_SIZE],
                           const struct sw_author *author);

#endif
