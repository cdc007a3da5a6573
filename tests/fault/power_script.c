/* The runs that are recorded. Each is small enough to be cut at every operation, and together they
 * do everything that a node does to its disk. */
#include "tests/fault/power_script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/first_start.h"
#include "jepsen/fault/mark.h"
#include "tests/fault/power_mark.h"
#include "tests/fault/power_world.h"

/* A run that does not come to its end has recorded nothing worth cutting. */
static void must(bool good, const struct power_world *world, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "the script stopped: %s: %s\n", what, world->why);
        _exit(POWER_STOPPED);
    }
}

static void must_put(struct power_world *world, uint64_t from, uint64_t to, size_t size)
{
    for (uint64_t value = from; value < to; value++) {
        must(power_put(world, value % POWER_KEY_COUNT, value, size) == SW_ERR_OK, world, "put");
    }
}

static void begin(struct power_world *world, const char *root, uint64_t round, uint32_t count)
{
    const uint32_t cut_node = count == 1 ? 1 : 3;

    power_world_init(world, count, round);
    for (uint32_t i = 1; i <= count; i++) {
        struct power_node *node = &world->nodes[i - 1];

        if (i == cut_node) {
            (void)snprintf(node->data_dir, sizeof node->data_dir, "%s/" POWER_DATA_DIR, root);
        } else { /* beside the root: nobody cuts these */
            (void)snprintf(node->data_dir, sizeof node->data_dir, "%s-node-%u", root, i);
        }
    }
}

static void end(struct power_world *world)
{
    must(world->why[0] == '\0', world, "end");
    power_release(world);
}

static void start(struct power_world *world, uint32_t number, bool first)
{
    must(power_start(world, number, first) == SW_ERR_OK, world, "start");
}

/* --- one node --------------------------------------------------------------------------------- */

static void first_start_by_flag(const char *root, uint64_t round)
{
    struct power_world world;

    begin(&world, root, round, 1);
    start(&world, 1, true);
    must_put(&world, 1, 3, 100);
    end(&world);
}

static void made(bool good)
{
    if (!good) {
        _exit(POWER_STOPPED);
    }
}

static void put_marker(const char *root)
{
    static const struct sw_swarm_id swarm = {{7}};
    char text[SW_FIRST_START_SIZE_MAX];
    char path[POWER_PATH_SIZE];
    const size_t size = sw_first_start_print(swarm, (struct sw_node_id){1}, text);
    int fd;

    (void)snprintf(path, sizeof path, "%s/" POWER_DATA_DIR, root);
    made(mkdir(path, 0700) == 0);
    (void)snprintf(path, sizeof path, "%s/" POWER_DATA_DIR "/" SW_FIRST_START_NAME, root);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    made(fd >= 0);
    made(write(fd, text, size) == (ssize_t)size);
    made(fsync(fd) == 0);
    (void)close(fd);
    for (int i = 0; i < 2; i++) { /* as whoever makes it must: the name, and its directory's */
        (void)snprintf(path, sizeof path, i == 0 ? "%s/" POWER_DATA_DIR : "%s", root);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        made(fd >= 0);
        made(fsync(fd) == 0);
        (void)close(fd);
    }
}

static void first_start_by_marker(const char *root, uint64_t round)
{
    const struct power_mark allowed = {.kind = POWER_ALLOWED};
    struct power_world world;

    put_marker(root);
    power_mark(&allowed, sw_span_of(NULL, 0));
    begin(&world, root, round, 1);
    start(&world, 1, false);
    must_put(&world, 1, 3, 100);
    end(&world);
}

/* Writes, deletes, commits of the store, an orderly stop, two deaths of the process. */
static void writes(const char *root, uint64_t round)
{
    struct power_world world;

    begin(&world, root, round, 1);
    start(&world, 1, true);
    must_put(&world, 1, 15, 300);
    power_run(&world, 200); /* a commit because of its age */
    must(power_delete(&world, 3) == SW_ERR_OK, &world, "delete");
    must_put(&world, 20, 25, 3000);
    power_crash(&world, 1);
    start(&world, 1, false);
    must_put(&world, 30, 38, 50);
    power_stop(&world, 1);
    must(world.why[0] == '\0', &world, "stop");
    start(&world, 1, false);
    must_put(&world, 40, 45, 700);
    power_crash(&world, 1);
    start(&world, 1, false);
    must_put(&world, 50, 52, 10);
    end(&world);
}

/* A log that is compacted all the time: segments begin, end, are recycled and removed. */
static void compaction(const char *root, uint64_t round)
{
    struct power_world world;

    begin(&world, root, round, 1);
    world.snapshot_bytes = 16 << 10;
    start(&world, 1, true);
    must_put(&world, 1, 20, 1500);
    power_run(&world, 500);
    must(power_snapshot(&world, 1) == SW_ERR_OK, &world, "snapshot");
    power_run(&world, 500);
    must_put(&world, 20, 32, 4000);
    power_crash(&world, 1);
    start(&world, 1, false);
    must_put(&world, 40, 50, 2000);
    must(power_snapshot(&world, 1) == SW_ERR_OK, &world, "snapshot");
    power_run(&world, 500);
    must_put(&world, 50, 53, 100);
    end(&world);
}

/* --- three nodes, of which the third lags ------------------------------------------------------
 */

static void wait_until_equal(struct power_world *world)
{
    struct sw_node_status status[2];

    for (int i = 0; i < 2000; i++) {
        sw_node_status(world->nodes[0].node, &status[0]);
        sw_node_status(world->nodes[2].node, &status[1]);
        if (status[0].applied_index == status[1].applied_index && !status[1].installing) {
            return;
        }
        power_run(world, 50);
    }
    must(false, world, "node 3 does not catch up");
}

static bool has_installed(const struct power_world *world)
{
    struct sw_node_status status;

    sw_node_status(world->nodes[2].node, &status);
    return status.group.installs_received > 0;
}

/* It fetches the state of another node and begins its log anew; and once more, over what it has. */
static void install(const char *root, uint64_t round)
{
    struct power_world world;
    uint32_t leader;

    begin(&world, root, round, 3);
    world.snapshot_bytes = 8 << 10;
    for (uint32_t i = 1; i <= 3; i++) {
        start(&world, i, true);
    }
    must(power_has_leader(&world, &leader), &world, "leader");
    must_put(&world, 1, 5, 200);
    wait_until_equal(&world);
    for (uint64_t turn = 1; turn <= 2; turn++) {
        power_crash(&world, 3);
        must_put(&world, turn * 100, turn * 100 + 25, 2000);
        must(power_delete(&world, turn) == SW_ERR_OK, &world, "delete");
        for (uint32_t i = 1; i <= 2; i++) {
            must(power_snapshot(&world, i) == SW_ERR_OK, &world, "snapshot");
        }
        power_run(&world, 500);
        must_put(&world, turn * 100 + 25, turn * 100 + 32, 100);
        start(&world, 3, false);
        wait_until_equal(&world);
        must(has_installed(&world), &world, "node 3 caught up without an install");
        must_put(&world, turn * 100 + 40, turn * 100 + 45, 100);
        wait_until_equal(&world);
    }
    power_run(&world, 500);
    end(&world);
}

/* --- after a cut -------------------------------------------------------------------------------
 */

/* The promises of the first life are promises of the second. */
static void mark_past(const char *root)
{
    char path[POWER_PATH_SIZE];
    uint64_t size;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s" POWER_PAST_SUFFIX, root);
    file = fopen(path, "rb");
    SW_ASSERT(file != NULL);
    while (fread(&size, sizeof size, 1, file) == 1) {
        uint8_t *bytes = malloc(size);

        SW_ASSERT(bytes != NULL);
        SW_ASSERT(fread(bytes, 1, size, file) == size);
        swarm_fault_mark(bytes, size);
        free(bytes);
    }
    (void)fclose(file);
}

static void again(const char *root, uint64_t round)
{
    struct power_world world;

    mark_past(root);
    begin(&world, root, round, 1);
    start(&world, 1, false);
    must_put(&world, 1000, 1004, 500);
    power_run(&world, 200);
    power_crash(&world, 1);
    start(&world, 1, false);
    must_put(&world, 1010, 1012, 500);
    end(&world);
}

static const struct power_script after_cut = {.name = "again",
                                              .claim = "a second cut, in the recovery from the "
                                                       "first, changes nothing",
                                              .node = 1,
                                              .alone = true,
                                              .again = true,
                                              .run = again};

const struct power_script *power_script_again(void)
{
    return &after_cut;
}

static const struct power_script scripts[] = {
    {.name = "first-start-by-flag",
     .claim = "a first start goes on, or its node may vote",
     .node = 1,
     .alone = true,
     .run = first_start_by_flag},
    {.name = "first-start-by-marker",
     .claim = "the same, allowed by the marker",
     .node = 1,
     .alone = true,
     .by_marker = true,
     .run = first_start_by_marker},
    {.name = "writes",
     .claim = "what was acknowledged is there",
     .node = 1,
     .alone = true,
     .run = writes},
    {.name = "compaction",
     .claim = "so it is while the log is compacted and its files are recycled",
     .node = 1,
     .alone = true,
     .run = compaction},
    {.name = "install",
     .claim = "a node that took another's state has it, or what it had before",
     .node = 3,
     .run = install},
};

const struct power_script *power_script_at(uint32_t index)
{
    return index < sizeof scripts / sizeof scripts[0] ? &scripts[index] : NULL;
}

const struct power_script *power_script_named(const char *name)
{
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].name, name) == 0) {
            return &scripts[i];
        }
    }
    return strcmp(after_cut.name, name) == 0 ? &after_cut : NULL;
}
