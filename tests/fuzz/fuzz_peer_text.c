/* Any text as what a configuration says of a member: refused, or what is printed reads back as the
 * same member and prints the same again. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "node/peer_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_reads_back(const struct sw_peer_text *peer, const char *text)
{
    struct sw_peer_text again;
    char first[SW_ADDRESS_SIZE_MAX];
    char second[SW_ADDRESS_SIZE_MAX];
    bool good = sw_peer_text_print(peer, first);

    SW_ASSERT(good); /* the printed form is never the longer one */
    SW_ASSERT(strlen(first) <= strlen(text));
    SW_ASSERT(peer->has_key || strcmp(first, text) == 0);
    good = sw_peer_text_parse(first, &again);
    SW_ASSERT(good);
    SW_ASSERT(strcmp(peer->peer, again.peer) == 0);
    SW_ASSERT(strcmp(peer->client, again.client) == 0);
    SW_ASSERT(peer->has_key == again.has_key);
    SW_ASSERT(memcmp(peer->key, again.key, sizeof again.key) == 0);
    SW_ASSERT(peer->floor == again.floor);
    good = sw_peer_text_print(&again, second);
    SW_ASSERT(good);
    SW_ASSERT(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_peer_text peer;
    char *text = malloc(size + 1);

    SW_ASSERT(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (sw_peer_text_parse(text, &peer)) {
        print_reads_back(&peer, text);
    }
    free(text);
    return 0;
}
