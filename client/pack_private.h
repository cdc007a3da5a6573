/* The parts of sw_pack that stand in files of their own. */
#ifndef SW_CLIENT_PACK_PRIVATE_H
#define SW_CLIENT_PACK_PRIVATE_H

#include "client/pack.h"

enum sw_err sw__pack_space(const struct swarm_space *space, struct sw_buf *out, char *ret_why);
enum sw_err sw__pack_item(const struct swarm_item *item, struct sw_buf *out, char *ret_why);
/* What a watcher asks of each put. */
enum sw_err
sw__pack_watch(const struct swarm_question *question, struct sw_buf *out, char *ret_why);
enum sw_err
sw__pack_question(const struct swarm_question *question, struct sw_buf *out, char *ret_why);

#endif
