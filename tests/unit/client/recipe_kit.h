/* What the tests of the recipes share: a store of its own in a directory, in this process. */
#ifndef SW_TESTS_UNIT_CLIENT_RECIPE_KIT_H
#define SW_TESTS_UNIT_CLIENT_RECIPE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/include/swarm.h"
#include "tests/unit/storage/temp_dir.h"

enum { TTL_MS = 10000, WAIT_MS = 20000 };

static const struct swarm_scope scope = {.partition = "p"};

struct kit {
    char root[TEMP_DIR_SIZE];
    struct swarm_client *client;
};

static inline struct kit kit_open(void)
{
    struct swarm_options options = SWARM_INIT(struct swarm_options);
    struct kit kit = {.client = NULL};
    char url[TEMP_DIR_SIZE + 32];
    char why[160] = "";

    temp_dir_make(kit.root);
    (void)snprintf(url, sizeof url, "file:%s/data", kit.root);
    options.url = url;
    options.timeout_ms = WAIT_MS;
    if (swarm_open(&options, &kit.client, why, sizeof why) != SWARM_OK) {
        fail_msg("%s", why);
    }
    return kit;
}

static inline void kit_close(struct kit *kit)
{
    swarm_close(kit->client);
    temp_dir_remove(kit->root);
}

static inline void kit_assert_slice(struct swarm_slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

#endif
