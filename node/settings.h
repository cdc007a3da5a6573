/* The settings of the swarm, parsed: what the records of `~swarm` / `settings` say.
 *
 * The applier owns one table, as part of the state; after each change it gives a copy to the loop,
 * which decides by it early. The table is derived from the records alone (it is loaded at a start
 * and after an install), so it is the same on every replica at the same index. Sorted by kind and
 * name; the rows of one kind stand together. */
#ifndef SW_NODE_SETTINGS_H
#define SW_NODE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "storage/keys.h"
#include "storage/store.h"
#include "transport/setting.h"

struct sw_settings {
    struct sw_setting *rows; /* owned */
    uint32_t count, capacity;
    uint32_t *by_id; /* owned; places of the identities, in the order of their ids */
    uint32_t by_id_count;
    bool changed; /* since whoever publishes them looked last */
};

void sw_settings_release(struct sw_settings *settings); /* accepts a zeroed one; leaves it zeroed */
/* NULL if there is none. Borrowed until the next change. */
const struct sw_setting *sw_settings_find(const struct sw_settings *settings,
                                          enum sw_setting_kind kind,
                                          struct sw_span name);
/* The `kind` of a namespace: the setting of "TENANT NAMESPACE", or else of "TENANT", or NULL. */
const struct sw_setting *sw_settings_of_place(const struct sw_settings *settings,
                                              enum sw_setting_kind kind,
                                              struct sw_span tenant,
                                              struct sw_span name_space);
/* That of "TENANT NAMESPACE" alone. */
const struct sw_setting *sw_settings_of_namespace(const struct sw_settings *settings,
                                                  enum sw_setting_kind kind,
                                                  struct sw_span tenant,
                                                  struct sw_span name_space);
/* The rows of one kind; sets `*ret_count`. */
const struct sw_setting *sw_settings_of_kind(const struct sw_settings *settings,
                                             enum sw_setting_kind kind,
                                             uint32_t *ret_count);
/* The identity with that id, NULL if there is none. */
const struct sw_setting *sw_settings_identity(const struct sw_settings *settings,
                                              const uint8_t id[SW_IDENTITY_ID_SIZE]);
/* The token that is that key; a walk over all of them. */
const struct sw_setting *sw_settings_token(const struct sw_settings *settings,
                                           const uint8_t id[SW_IDENTITY_ID_SIZE]);
uint32_t sw_settings_count(const struct sw_settings *settings, enum sw_setting_kind kind);

/* After all changes of the moment: identities are found by id again. */
void sw_settings_index(struct sw_settings *settings);
/* Adds it or takes the place of the one of that kind and name. */
void sw_settings_set(struct sw_settings *settings, const struct sw_setting *setting);
/* No-op if there is none. */
void sw_settings_unset(struct sw_settings *settings,
                       enum sw_setting_kind kind,
                       struct sw_span name);
/* `*copy` is released first. */
void sw_settings_copy(const struct sw_settings *settings, struct sw_settings *copy);

/* Where the records of a kind are. The spans are constants. */
struct sw_place sw_settings_place(enum sw_setting_kind kind);
/* Fills an empty table from the store: CORRUPT if a record is no setting. */
enum sw_err sw_settings_load(struct sw_settings *settings, struct sw_store *store) SW_MUST_CHECK;

#endif
