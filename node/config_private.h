/* Shared by the config_*.c files only. */
#ifndef SW_NODE_CONFIG_PRIVATE_H
#define SW_NODE_CONFIG_PRIVATE_H

#include "node/config.h"

/* Sets the key of row `row` of the table. */
enum sw_err sw__config_set_key(struct sw_config *config,
                               uint32_t row,
                               const char *value,
                               enum sw_config_origin origin,
                               char *ret_why);
/* `name` is the id of the member, `value` "peer, client, public key". */
enum sw_err sw__config_set_member(struct sw_config *config,
                                  const char *name,
                                  const char *value,
                                  enum sw_config_origin origin,
                                  char *ret_why);

#endif
