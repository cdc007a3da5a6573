/* swarm-relay: a bad link between two network interfaces, for kernels that have no netem.
 *
 * It takes frames off each interface and puts them on the other, by AF_PACKET sockets, as bad as
 * its control page says. Frames must be real ones: the ends have to compute their checksums and cut
 * their segments themselves (transmit checksum, TSO and GSO off), or the kernel refuses them here.
 * Needs CAP_NET_RAW in the namespace of the interfaces. Ends with SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "jepsen/fault/relay_link.h"

enum {
    FRAME_SIZE_MAX = 1 << 16,
    SOCKET_BUFFER_SIZE = 8 << 20,
    BURST = 64, /* frames taken from one side before the other has its turn */
    EXIT_USAGE = 2,
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int fail(const char *what, const char *name)
{
    (void)fprintf(stderr, "swarm-relay: %s %s: %s\n", what, name, strerror(errno));
    return -1;
}

static int open_interface(const char *name)
{
    const unsigned index = if_nametoindex(name);
    const int size = SOCKET_BUFFER_SIZE;
    const int one = 1;
    const struct packet_mreq all = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
    union {
        struct sockaddr_ll *packet;
        struct sockaddr *any;
    } to = {.packet = &address};
    int fd;

    if (index == 0) {
        return fail("no interface", name);
    }
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail("no packet socket (needs CAP_NET_RAW) for", name);
    }
    /* Without these three a busy relay loses frames, hears itself, or misses what is not for it. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
        bind(fd, to.any, sizeof address) != 0) {
        (void)close(fd);
        return fail("cannot listen on", name);
    }
    return fd;
}

static struct sw_relay_page *open_page(const char *path)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    struct sw_relay_page *page;
    void *mapped;

    if (fd < 0) {
        (void)fail("no control file", path);
        return NULL;
    }
    mapped = mmap(NULL, SW_RELAY_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (mapped == MAP_FAILED) {
        (void)fail("cannot map", path);
        return NULL;
    }
    page = mapped;
    if (page->magic != SW_RELAY_MAGIC || page->version != SW_RELAY_VERSION ||
        page->size != SW_RELAY_PAGE_SIZE) {
        (void)fprintf(stderr, "swarm-relay: %s is no control page of this version\n", path);
        return NULL;
    }
    return page;
}

/* --- relaying --------------------------------------------------------------------------------- */

struct relay {
    int fds[2];
    struct sw_relay_link links[2]; /* links[i] takes from fds[i] */
};

static void take_frames(struct relay *relay, int side)
{
    static uint8_t frame[FRAME_SIZE_MAX];

    for (int i = 0; i < BURST; i++) {
        const ssize_t size = recv(relay->fds[side], frame, sizeof frame, 0);

        if (size <= 0) {
            return; /* nothing there, or the interface is down: poll says when that changes */
        }
        sw_relay_link_put(&relay->links[side], frame, (size_t)size, now_ns());
    }
}

static void send_due(struct relay *relay, int side)
{
    struct sw_relay_link *link = &relay->links[side];
    struct sw_relay_frame frame;

    while (sw_relay_link_due(link) <= now_ns() && sw_relay_link_take(link, &frame)) {
        if (send(relay->fds[1 - side], frame.bytes, frame.size, 0) == (ssize_t)frame.size) {
            link->way->sent++;
        } else {
            link->way->refused++;
        }
        free(frame.bytes);
    }
}

static void wait_for_work(struct relay *relay)
{
    struct pollfd polled[2] = {{.fd = relay->fds[0], .events = POLLIN},
                               {.fd = relay->fds[1], .events = POLLIN}};
    const uint64_t due[2] = {sw_relay_link_due(&relay->links[0]),
                             sw_relay_link_due(&relay->links[1])};
    const uint64_t first = due[0] < due[1] ? due[0] : due[1];
    const uint64_t now = now_ns();
    struct timespec wait = {.tv_sec = 1}; /* a signal may come between the check and the wait */

    if (first < now + UINT64_C(1000000000)) {
        wait = (struct timespec){.tv_nsec = first > now ? (long)(first - now) : 0};
    }
    (void)ppoll(polled, 2, &wait, NULL);
}

static void relay_frames(struct relay *relay)
{
    while (stopping == 0) {
        wait_for_work(relay);
        for (int side = 0; side < 2; side++) {
            take_frames(relay, side);
            send_due(relay, side);
        }
    }
}

static void print_layout(void)
{
#define FIELD(name)                                 \
    {                                               \
#        name, offsetof(struct sw_relay_page, name) \
    }
#define WAY_FIELD(name)                                   \
    {                                                     \
        "way." #name, offsetof(struct sw_relay_way, name) \
    }
    static const struct {
        const char *name;
        size_t at;
    } fields[] = {
        FIELD(magic),          FIELD(version),        FIELD(size),           FIELD(seed),
        FIELD(attached),       FIELD(ways),           WAY_FIELD(delay_us),   WAY_FIELD(jitter_us),
        WAY_FIELD(rate),       WAY_FIELD(queue_size), WAY_FIELD(loss),       WAY_FIELD(duplicate),
        WAY_FIELD(reorder),    WAY_FIELD(corrupt),    WAY_FIELD(reorder_us), WAY_FIELD(drop),
        WAY_FIELD(frames),     WAY_FIELD(bytes),      WAY_FIELD(sent),       WAY_FIELD(lost),
        WAY_FIELD(overflowed), WAY_FIELD(duplicated), WAY_FIELD(reordered),  WAY_FIELD(corrupted),
        WAY_FIELD(refused),    WAY_FIELD(mended)};

    (void)printf("{\"page_size\": %d, \"way_size\": %zu, \"magic_value\": %" PRIu64,
                 SW_RELAY_PAGE_SIZE,
                 sizeof(struct sw_relay_way),
                 SW_RELAY_MAGIC);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        (void)printf(", \"%s\": %zu", fields[i].name, fields[i].at);
    }
    (void)printf("}\n");
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct sw_relay_page *page;
    struct relay relay;

    if (argc == 2 && strcmp(argv[1], "--layout") == 0) {
        print_layout();
        return 0;
    }
    if (argc != 5 || strcmp(argv[3], "--control") != 0) {
        (void)fputs("usage: swarm-relay IF_A IF_B --control FILE\n"
                    "       swarm-relay --layout\n",
                    stderr);
        return EXIT_USAGE;
    }
    page = open_page(argv[4]);
    relay.fds[0] = page == NULL ? -1 : open_interface(argv[1]);
    relay.fds[1] = relay.fds[0] < 0 ? -1 : open_interface(argv[2]);
    if (relay.fds[1] < 0) {
        return 1;
    }
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    for (int side = 0; side < 2; side++) {
        sw_relay_link_init(&relay.links[side], &page->ways[side], page->seed * 2 + (uint64_t)side);
    }
    page->attached++;
    relay_frames(&relay);
    for (int side = 0; side < 2; side++) {
        sw_relay_link_release(&relay.links[side]);
        (void)close(relay.fds[side]);
    }
    return 0;
}
