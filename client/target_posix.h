/* What a client shall talk to: a URL, a settings file and the environment brought together.
 *
 * The first of these that is said decides: the option `url`; `endpoints`, if it is a URL;
 * $SWARM_URL, if neither endpoints nor a settings file was named; else a settings file. */
#ifndef SW_CLIENT_TARGET_POSIX_H
#define SW_CLIENT_TARGET_POSIX_H

#include "base/err.h"
#include "base/limits.h"
#include "client/config.h"
#include "client/url.h"

/* Each may be NULL; borrowed during the call. */
struct sw_target_wanted {
    const char *url;
    const char *endpoints;
    const char *config_path;
};

struct sw_target {
    struct sw_url url;              /* zeros if there was none */
    struct sw_client_config config; /* not for `url.embedded` */
};

/* INVALID, CONFIG: `ret_why` says what is wrong. */
enum sw_err sw_target_find(struct sw_target_wanted wanted,
                           struct sw_target *ret_target,
                           char ret_why[SW_WHY_SIZE]) SW_MUST_CHECK;

#endif
