/* Counters of points in shared memory, and the list of those that must be met. */
#include "tests/sim/marks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/point.h"

enum { SITE_MAX = 1024, LINE_SIZE_MAX = 200 };

/* Sites by their number, which is the same in all processes of one program. */
static struct shared {
    uint64_t met[SITE_MAX][2];
} * shared;

static struct sim_mark listed[SITE_MAX];

void sim_marks_share(void)
{
    SW_ASSERT(shared == NULL);
    SW_ASSERT(sw_point_at(SITE_MAX) == NULL);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
}

void sim_marks_gather(enum sim_mode_kind mode)
{
    const struct sw_point *point;

    if (shared == NULL) {
        return; /* a unit test */
    }
    for (uint32_t i = 0; (point = sw_point_at(i)) != NULL; i++) {
        const uint64_t met = point->kind == SW_POINT_MARK ? point->asked : point->fired;

        if (met > 0) {
            (void)__atomic_fetch_add(&shared->met[i][mode], met, __ATOMIC_RELAXED);
        }
    }
    sw_points_begin(0);
}

static int by_name(const void *a, const void *b)
{
    const struct sim_mark *left = a;
    const struct sim_mark *right = b;

    return strcmp(left->name, right->name);
}

uint32_t sim_marks_list(const struct sim_mark **ret_marks)
{
    const struct sw_point *point;
    uint32_t count = 0;

    for (uint32_t i = 0; (point = sw_point_at(i)) != NULL; i++) {
        uint32_t place = 0;

        while (place < count && strcmp(listed[place].name, point->name) != 0) {
            place++;
        }
        if (place == count) {
            listed[count++] =
                (struct sim_mark){.name = point->name, .buggify = point->kind == SW_POINT_BUGGIFY};
        }
        for (int mode = 0; mode < 2; mode++) {
            listed[place].met[mode] += __atomic_load_n(&shared->met[i][mode], __ATOMIC_RELAXED);
        }
    }
    qsort(listed, count, sizeof(listed[0]), by_name);
    *ret_marks = listed;
    return count;
}

void sim_marks_add(const char *name, const uint64_t met[2])
{
    const struct sw_point *point;

    for (uint32_t i = 0; (point = sw_point_at(i)) != NULL; i++) {
        if (strcmp(point->name, name) == 0) {
            shared->met[i][0] += met[0];
            shared->met[i][1] += met[1];
            return;
        }
    }
}

static void print_never(const struct sim_mark *marks, uint32_t count, FILE *out)
{
    uint32_t never = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (marks[i].met[0] + marks[i].met[1] == 0) {
            (void)fprintf(out,
                          "%s%s%s",
                          never == 0 ? "never met: " : ", ",
                          marks[i].buggify ? "buggify " : "",
                          marks[i].name);
            never++;
        }
    }
    (void)fputs(never == 0 ? "" : "\n", out);
}

void sim_marks_print(bool all, FILE *out)
{
    const struct sim_mark *marks;
    const uint32_t count = sim_marks_list(&marks);
    uint32_t known[2] = {0};
    uint32_t met[2] = {0};

    for (uint32_t i = 0; i < count; i++) {
        known[marks[i].buggify]++;
        met[marks[i].buggify] += marks[i].met[0] + marks[i].met[1] > 0 ? 1 : 0;
        if (all) {
            (void)fprintf(out,
                          "%-8s %-34s raft %10" PRIu64 "  node %10" PRIu64 "\n",
                          marks[i].buggify ? "buggify" : "mark",
                          marks[i].name,
                          marks[i].met[SIM_MODE_RAFT],
                          marks[i].met[SIM_MODE_NODE]);
        }
    }
    if (count == 0) {
        (void)fprintf(out, "points: none in this build (SW_FAULT_POINTS is off)\n");
        return;
    }
    (void)fprintf(out,
                  "points: %u of %u marks met, %u of %u BUGGIFY sites fired\n",
                  met[0],
                  known[0],
                  met[1],
                  known[1]);
    print_never(marks, count, out);
}

/* --- what must be met ------------------------------------------------------------------------- */

static const struct sim_mark *find(const struct sim_mark *marks, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(marks[i].name, name) == 0) {
            return &marks[i];
        }
    }
    return NULL;
}

static bool is_word(const char *words, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(words, word, size) == 0;
}

static bool word_is_met(const struct sim_mark *mark,
                        const char *word,
                        size_t size,
                        const struct sim_marks_ran *ran)
{
    if (ran->as != NULL) {
        return !is_word(word, size, ran->as) ||
               mark->met[SIM_MODE_RAFT] + mark->met[SIM_MODE_NODE] > 0;
    }
    if (ran->mode[SIM_MODE_RAFT] && is_word(word, size, "raft")) {
        return mark->met[SIM_MODE_RAFT] > 0;
    }
    if (ran->mode[SIM_MODE_NODE] && is_word(word, size, "node")) {
        return mark->met[SIM_MODE_NODE] > 0;
    }
    return true;
}

static bool was_met(const struct sim_mark *mark, const char *where, const struct sim_marks_ran *ran)
{
    for (;;) {
        const size_t size = strcspn(where, ",");

        if (!word_is_met(mark, where, size, ran)) {
            return false;
        }
        if (where[size] == '\0') {
            return true;
        }
        where += size + 1;
    }
}

/* Splits "NAME WHERE # comment" in place; false if there is nothing on the line. */
static bool split(char *line, const char **ret_name, const char **ret_where)
{
    char *rest = NULL;

    line[strcspn(line, "#\n")] = '\0';
    *ret_name = strtok_r(line, " \t", &rest);
    *ret_where = *ret_name == NULL ? NULL : strtok_r(NULL, " \t", &rest);
    return *ret_name != NULL;
}

bool sim_marks_expect(const char *path, const struct sim_marks_ran *ran, FILE *out)
{
    const struct sim_mark *unused;
    const uint32_t count = sim_marks_list(&unused);
    bool named[SITE_MAX] = {false};
    char line[LINE_SIZE_MAX];
    bool good = true;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        (void)fprintf(out, "%s: %s\n", path, strerror(errno));
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *name, *where;
        const struct sim_mark *mark;

        if (!split(line, &name, &where)) {
            continue;
        }
        mark = find(listed, count, name);
        if (mark == NULL || where == NULL) {
            (void)fprintf(out, "%s: no such point, or no place: %s\n", path, name);
            good = false;
            continue;
        }
        named[mark - listed] = true;
        if (!was_met(mark, where, ran)) {
            (void)fprintf(out, "%s: %s was not met (%s)\n", path, name, where);
            good = false;
        }
    }
    (void)fclose(file);
    for (uint32_t i = 0; i < count; i++) {
        if (!named[i]) {
            (void)fprintf(out, "note: %s does not say where %s is met\n", path, listed[i].name);
        }
    }
    return good;
}
