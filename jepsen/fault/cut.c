/* A power cut: the changes are walked backwards, and each unit of each is undone or left in.
 *
 * A unit is a sector of a write, or a whole truncation, or a whole change of a name. Once a later
 * unit was left in, everything earlier on the same sector or name is left in too (it is "pinned"):
 * the disk holds one state of each, and that state is one that was once there. */
#include "jepsen/fault/cut.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- choices ---------------------------------------------------------------------------------- */

static const char *const policy_names[] = {"none", "prefix", "random", "torn", "all"};

const char *sw_cut_policy_name(enum sw_cut_policy policy)
{
    return policy_names[policy];
}

bool sw_cut_policy_of(const char *name, enum sw_cut_policy *ret_policy)
{
    for (int i = 0; i < SW_CUT_POLICY_COUNT; i++) {
        if (strcmp(name, policy_names[i]) == 0) {
            *ret_policy = (enum sw_cut_policy)i;
            return true;
        }
    }
    return false;
}

/* splitmix64: small, and the same on every machine. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* --- what is pinned --------------------------------------------------------------------------- */

struct pin {
    uint64_t inode;
    uint64_t sector;
};

/* Of one file: how far what was left in reaches. */
struct reach {
    uint64_t inode;
    uint64_t end;
    bool truncated; /* a truncation was left in: the size is settled */
};

/* The first pending change of a file. */
struct first {
    uint64_t inode;
    size_t at; /* number of the record */
};

struct cutter {
    enum sw_cut_policy policy;
    uint64_t random;
    uint64_t keep_percent; /* of units, for RANDOM */
    uint64_t last_seq;     /* PREFIX, TORN: the last change that counts */
    uint64_t torn_sectors; /* TORN: of that change */
    struct pin *pins;      /* owned; open addressing, inode 0 = free */
    size_t pin_room, pin_count;
    struct reach *reaches; /* owned */
    size_t reach_count;
    const char **names; /* owned; the paths are the journal's */
    size_t name_count;
    struct first *firsts; /* owned */
    size_t first_count;
};

static size_t pin_slot(const struct cutter *cutter, uint64_t inode, uint64_t sector)
{
    uint64_t state = inode * 31 + sector;
    size_t slot = (size_t)random_next(&state) & (cutter->pin_room - 1);

    while (cutter->pins[slot].inode != 0 &&
           (cutter->pins[slot].inode != inode || cutter->pins[slot].sector != sector)) {
        slot = (slot + 1) & (cutter->pin_room - 1);
    }
    return slot;
}

static bool pinned(const struct cutter *cutter, uint64_t inode, uint64_t sector)
{
    return cutter->pin_room > 0 && cutter->pins[pin_slot(cutter, inode, sector)].inode != 0;
}

static void pin_put(struct cutter *cutter, struct pin pin)
{
    const size_t slot = pin_slot(cutter, pin.inode, pin.sector);

    cutter->pin_count += cutter->pins[slot].inode == 0 ? 1 : 0;
    cutter->pins[slot] = pin;
}

static void pin_add(struct cutter *cutter, uint64_t inode, uint64_t sector)
{
    if (cutter->pin_count * 2 >= cutter->pin_room) {
        struct pin *old = cutter->pins;
        const size_t old_room = cutter->pin_room;

        cutter->pin_room = old_room == 0 ? 64 : old_room * 2;
        cutter->pin_count = 0;
        cutter->pins = calloc(cutter->pin_room, sizeof *cutter->pins);
        assert(cutter->pins != NULL);
        for (size_t i = 0; i < old_room; i++) {
            if (old[i].inode != 0) {
                pin_put(cutter, old[i]);
            }
        }
        free(old);
    }
    pin_put(cutter, (struct pin){.inode = inode, .sector = sector});
}

static struct reach *reach_of(struct cutter *cutter, uint64_t inode)
{
    for (size_t i = 0; i < cutter->reach_count; i++) {
        if (cutter->reaches[i].inode == inode) {
            return &cutter->reaches[i];
        }
    }
    cutter->reaches = realloc(cutter->reaches, (cutter->reach_count + 1) * sizeof *cutter->reaches);
    assert(cutter->reaches != NULL);
    cutter->reaches[cutter->reach_count] = (struct reach){.inode = inode};
    return &cutter->reaches[cutter->reach_count++];
}

static bool name_pinned(const struct cutter *cutter, const char *path)
{
    for (size_t i = 0; i < cutter->name_count; i++) {
        if (strcmp(cutter->names[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static void pin_name(struct cutter *cutter, const char *path)
{
    cutter->names = realloc(cutter->names, (cutter->name_count + 1) * sizeof *cutter->names);
    assert(cutter->names != NULL);
    cutter->names[cutter->name_count++] = path;
}

static void cutter_release(struct cutter *cutter)
{
    free(cutter->pins);
    free(cutter->reaches);
    free(cutter->names);
    free(cutter->firsts);
}

/* `unit`: which sector of the change, for a change that can be torn. */
static bool stays(struct cutter *cutter, const struct sw_journal_head *head, uint64_t unit)
{
    switch (cutter->policy) {
    case SW_CUT_PREFIX:
        return head->seq <= cutter->last_seq;
    case SW_CUT_TORN:
        return head->seq < cutter->last_seq ||
               (head->seq == cutter->last_seq && unit < cutter->torn_sectors);
    case SW_CUT_RANDOM:
        return random_next(&cutter->random) % 100 < cutter->keep_percent;
    case SW_CUT_ALL:
        return true;
    case SW_CUT_NONE:
    case SW_CUT_POLICY_COUNT:
    default:
        return false;
    }
}

/* --- undoing ---------------------------------------------------------------------------------- */

/* Bytes [from, to) of the file as they were before the write; behind the old end there were none.
 */
static void restore(struct sw_image_file *file,
                    const struct sw_journal_record *record,
                    uint64_t from,
                    uint64_t to)
{
    for (uint64_t at = from; at < to && at < file->size; at++) {
        const uint64_t in_data = at - record->head.offset;

        file->bytes[at] = in_data < record->head.data_size ? record->data[in_data] : 0;
    }
}

/* Returns how many sectors of the write were undone. */
static uint64_t undo_write(struct cutter *cutter,
                           const struct sw_journal_record *record,
                           bool pending,
                           struct sw_image *image)
{
    const struct sw_journal_head *head = &record->head;
    struct sw_image_file *file = sw_image_file(image, head->file);
    struct reach *reach = reach_of(cutter, head->file);
    const uint64_t end = head->offset + head->length;
    const uint64_t first = head->offset / SW_SECTOR_SIZE;
    uint64_t undone = 0;

    if (file == NULL || head->length == 0) {
        return 0; /* its creation was undone */
    }
    for (uint64_t sector = first; sector * SW_SECTOR_SIZE < end; sector++) {
        const uint64_t from =
            sector * SW_SECTOR_SIZE > head->offset ? sector * SW_SECTOR_SIZE : head->offset;
        const uint64_t to =
            (sector + 1) * SW_SECTOR_SIZE < end ? (sector + 1) * SW_SECTOR_SIZE : end;

        if (pinned(cutter, head->file, sector)) {
            continue;
        }
        if (!pending || stays(cutter, head, sector - first)) {
            pin_add(cutter, head->file, sector);
            reach->end = to > reach->end ? to : reach->end;
            continue;
        }
        restore(file, record, from, to);
        undone++;
    }
    if (end > head->size_before && !reach->truncated) {
        const uint64_t size = head->size_before > reach->end ? head->size_before : reach->end;

        file->size = file->size > size ? size : file->size;
    }
    return undone;
}

static bool undo_truncate(struct cutter *cutter,
                          const struct sw_journal_record *record,
                          bool pending,
                          struct sw_image *image)
{
    const struct sw_journal_head *head = &record->head;
    struct sw_image_file *file = sw_image_file(image, head->file);
    struct reach *reach = reach_of(cutter, head->file);

    if (file == NULL) {
        return false;
    }
    if (!pending || reach->end > 0 || reach->truncated || stays(cutter, head, 0)) {
        reach->truncated = true;
        return false;
    }
    sw_image_resize(file, head->size_before);
    if (head->data_size > 0) {
        memcpy(file->bytes + head->offset, record->data, head->data_size);
    }
    return true;
}

/* The change may be announced and not made: the process died between the two. */
static void undo_name(const struct sw_journal_record *record, struct sw_image *image)
{
    const struct sw_journal_head *head = &record->head;
    const struct sw_image_name *name;

    switch ((enum sw_journal_kind)head->kind) {
    case SW_JOURNAL_CREATE:
    case SW_JOURNAL_MKDIR:
        sw_image_unlink(image, record->path);
        break;
    case SW_JOURNAL_RENAME:
        name = sw_image_name(image, record->path2);
        if (name != NULL && name->inode == head->file) {
            sw_image_unlink(image, record->path2);
            sw_image_link(image, record->path, head->file);
            if (head->stash != 0) {
                sw_image_link(image, record->path2, head->stash_file);
            }
        }
        break;
    case SW_JOURNAL_UNLINK:
        sw_image_link(image, record->path, head->stash_file);
        break;
    case SW_JOURNAL_WRITE:
    case SW_JOURNAL_TRUNCATE:
    case SW_JOURNAL_SYNC:
    case SW_JOURNAL_SYNC_ONE:
    case SW_JOURNAL_SYNC_FAILED:
    case SW_JOURNAL_MARK:
    case SW_JOURNAL_VOLATILE:
    default:
        assert(false); /* no change of a name */
    }
}

static bool undo_name_if(struct cutter *cutter,
                         const struct sw_journal_record *record,
                         bool pending,
                         struct sw_image *image)
{
    if (!pending || name_pinned(cutter, record->path) || name_pinned(cutter, record->path2) ||
        stays(cutter, &record->head, 0)) {
        pin_name(cutter, record->path);
        if (record->path2[0] != '\0') {
            pin_name(cutter, record->path2);
        }
        return false;
    }
    undo_name(record, image);
    return true;
}

static void undo(struct cutter *cutter,
                 const struct sw_journal_record *record,
                 bool pending,
                 struct sw_image *image,
                 struct sw_cut_result *result)
{
    const enum sw_journal_kind kind = record->head.kind;
    bool whole = false;

    if (kind == SW_JOURNAL_WRITE) {
        const uint64_t begin = record->head.offset / SW_SECTOR_SIZE;
        const uint64_t end = record->head.offset + record->head.length;
        const uint64_t undone = undo_write(cutter, record, pending, image);

        whole = undone > 0 && undone == (end + SW_SECTOR_SIZE - 1) / SW_SECTOR_SIZE - begin;
        result->torn += undone > 0 && !whole ? 1 : 0;
    } else if (kind == SW_JOURNAL_TRUNCATE) {
        whole = undo_truncate(cutter, record, pending, image);
    } else {
        whole = undo_name_if(cutter, record, pending, image);
    }
    result->undone += whole ? 1 : 0;
}

void sw_cut_step_back(const struct sw_journal_record *record, struct sw_image *image)
{
    struct cutter cutter = {.policy = SW_CUT_NONE};
    struct sw_cut_result result = {0};

    if (sw_journal_is_change(record->head.kind)) {
        undo(&cutter, record, true, image, &result);
    }
    cutter_release(&cutter);
}

/* --- the cut ---------------------------------------------------------------------------------- */

/* Where PREFIX and TORN end: before or behind one of the pending changes; TORN at a write. */
static void choose_end(struct cutter *cutter,
                       const struct sw_journal *journal,
                       size_t count,
                       const bool *pending,
                       uint64_t pending_count)
{
    const uint64_t wanted = random_next(&cutter->random) % (pending_count + 1);
    uint64_t seen = 0;

    for (size_t i = 0; i < count && seen < wanted; i++) {
        if (pending[i]) {
            const struct sw_journal_head *head = &journal->records[i].head;

            seen++;
            cutter->last_seq = head->seq;
            cutter->torn_sectors =
                random_next(&cutter->random) % (head->length / SW_SECTOR_SIZE + 2);
        }
    }
}

/* Memory that was shared with a file is written back whenever the kernel likes, in any state. */
static void
scramble(struct cutter *cutter, const struct sw_journal_head *head, struct sw_image *image)
{
    struct sw_image_file *file = sw_image_file(image, head->file);

    if (file == NULL || file->size == 0 || cutter->policy == SW_CUT_ALL) {
        return;
    }
    switch (random_next(&cutter->random) % 3) {
    case 0:
        file->size = 0;
        break;
    case 1:
        memset(file->bytes, 0, file->size);
        break;
    default:
        for (uint64_t i = 0; i < file->size; i++) {
            file->bytes[i] = (uint8_t)random_next(&cutter->random);
        }
        break;
    }
}

/* A synced write matters only where an earlier one to the same file is not: after a failed sync. */
static bool matters(const struct cutter *cutter, size_t at, uint64_t file)
{
    for (size_t i = 0; i < cutter->first_count; i++) {
        if (cutter->firsts[i].inode == file) {
            return cutter->firsts[i].at < at;
        }
    }
    return false;
}

static void note_first(struct cutter *cutter, size_t at, uint64_t file)
{
    for (size_t i = 0; i < cutter->first_count; i++) {
        if (cutter->firsts[i].inode == file) {
            return;
        }
    }
    cutter->firsts = realloc(cutter->firsts, (cutter->first_count + 1) * sizeof *cutter->firsts);
    assert(cutter->firsts != NULL);
    cutter->firsts[cutter->first_count++] = (struct first){.inode = file, .at = at};
}

struct sw_cut_result sw_cut_apply(const struct sw_journal *journal,
                                  size_t count,
                                  enum sw_cut_policy policy,
                                  uint64_t seed,
                                  struct sw_image *image)
{
    struct cutter cutter = {.policy = policy, .random = seed};
    struct sw_cut_result result = {0};
    bool *pending = calloc(count + 1, sizeof *pending);

    assert(pending != NULL);
    assert(count <= journal->count);
    sw_journal_pending(journal, count, pending);
    for (size_t i = 0; i < count; i++) {
        if (pending[i]) {
            result.pending++;
            note_first(&cutter, i, journal->records[i].head.file);
        }
    }
    cutter.keep_percent = 10 + random_next(&cutter.random) % 81;
    choose_end(&cutter, journal, count, pending, result.pending);
    for (size_t i = count; i-- > 0;) {
        const struct sw_journal_record *record = &journal->records[i];

        if (sw_journal_is_change(record->head.kind) &&
            (pending[i] || record->head.kind > SW_JOURNAL_TRUNCATE ||
             matters(&cutter, i, record->head.file))) {
            undo(&cutter, record, pending[i], image, &result);
        } else if (record->head.kind == SW_JOURNAL_VOLATILE) {
            scramble(&cutter, &record->head, image);
        }
    }
    free(pending);
    cutter_release(&cutter);
    return result;
}
