/* swarm-hostile: one hostile case against one live node; see cases.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tests/adversarial/cases.h"
#include "transport/keyfile_posix.h"

static const struct {
    const char *name;
    void (*run)(const struct visit *visit);
} cases[] = {
    {"handshake", case_handshake},
    {"garbage", case_garbage},
    {"hello-flood", case_hello_flood},
    {"hello-replay", case_hello_replay},
    {"frame-replay", case_frame_replay},
    {"frame-flip", case_frame_flip},
    {"frame-cut", case_frame_cut},
    {"frame-reflect", case_frame_reflect},
    {"frame-spoof", case_frame_spoof},
    {"requests-random", case_requests_random},
    {"requests-mutated", case_requests_mutated},
    {"lengths", case_lengths},
    {"limits", case_limits},
    {"deaf", case_deaf},
    {"many-sessions", case_many_sessions},
    {"other-tenants", case_other_tenants},
    {"member-random", case_member_random},
    {"member-mutated", case_member_mutated},
    {"member-overclaim", case_member_overclaim},
    {"member-old-leader", case_member_old_leader},
    {"member-votes", case_member_votes},
    {"member-deposes", case_member_deposes},
    {"member-state", case_member_state},
};

static void hex(const char *text, uint8_t *out, size_t size)
{
    if (!sw_text_hex(text, out, size)) {
        visitor_fail("a key or id of the wrong length");
    }
}

static void load_keys(const char *path, struct visit *visit)
{
    char why[SW_WHY_SIZE];
    struct sw_keypair *keys;

    if (sw_keyfile_load_secret(path, &keys, why) != SW_ERR_OK) {
        visitor_fail(why);
    }
    visit->own = keys;
}

static void set(struct visit *visit, const char *name, const char *value)
{
    const uint64_t number = strtoull(value, NULL, 10);

    if (strcmp(name, "address") == 0) {
        visit->address = value;
    } else if (strcmp(name, "swarm") == 0) {
        hex(value, visit->swarm.bytes, sizeof visit->swarm.bytes);
    } else if (strcmp(name, "node") == 0) {
        visit->node = number;
    } else if (strcmp(name, "node-key") == 0) {
        hex(value, visit->key.bytes, sizeof visit->key.bytes);
    } else if (strcmp(name, "key-file") == 0) {
        load_keys(value, visit);
    } else if (strcmp(name, "claim") == 0) {
        visit->claim = number;
    } else if (strcmp(name, "role") == 0) {
        visit->role = strcmp(value, "peer") == 0 ? SW_CHANNEL_PEER : SW_CHANNEL_CLIENT;
    } else if (strcmp(name, "pattern") == 0) {
        visit->pattern = strcmp(value, "xx") == 0 ? SW_NOISE_XX : SW_NOISE_IK;
    } else if (strcmp(name, "count") == 0) {
        visit->count = (uint32_t)number;
    } else if (strcmp(name, "seed") == 0) {
        visit->seed = number;
    } else if (strcmp(name, "argument") == 0) {
        visit->argument = number;
    } else {
        visitor_fail("unknown argument");
    }
}

int main(int argc, char **argv)
{
    struct visit visit = {
        .role = SW_CHANNEL_CLIENT, .pattern = SW_NOISE_IK, .count = 100, .seed = 1};

    if (argc < 2 || argc % 2 != 0 || sw_crypto_init() != SW_ERR_OK) {
        (void)fprintf(stderr, "usage: swarm-hostile CASE [NAME VALUE]...\n");
        return 2;
    }
    for (int i = 2; i + 1 < argc; i += 2) {
        set(&visit, argv[i], argv[i + 1]);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name, argv[1]) == 0) {
            cases[i].run(&visit);
            sw_secret_free((void *)(uintptr_t)visit.own);
            return 0;
        }
    }
    visitor_fail("no such case");
}
