/* Which entries of one group are live and which segments hold them. Memory only. */
#include <stdlib.h>

#include "base/assert.h"
#include "storage/wal_engine_private.h"

void sw__wal_log_init(struct sw__wal_log *log, uint64_t next, bool placed)
{
    SW_ASSERT(next > 0);
    *log = (struct sw__wal_log){.start = next, .next = next, .placed = placed};
    SW_ASSERT(sw__wal_log_validate(log));
}

void sw__wal_log_release(struct sw__wal_log *log)
{
    SW_ASSERT(log != NULL);
    free(log->runs);
    free(log->places);
    *log = (struct sw__wal_log){0};
}

bool sw__wal_log_validate(const struct sw__wal_log *log)
{
    if (log->start == 0 || log->next < log->start) {
        return false;
    }
    if (log->next == log->start) {
        return log->run_count == 0;
    }
    return log->run_count > 0 && log->runs[0].index == log->start &&
           log->runs[log->run_count - 1].index < log->next;
}

void sw__wal_log_truncate(struct sw__wal_log *log, uint64_t from_index)
{
    SW_ASSERT(sw__wal_log_validate(log));
    SW_ASSERT(from_index > 0);
    if (from_index >= log->next) {
        return;
    }
    if (from_index <= log->start) {
        sw__wal_log_reset(log, from_index);
        return;
    }
    log->next = from_index;
    while (log->runs[log->run_count - 1].index >= from_index) {
        log->run_count--;
    }
    SW_ASSERT(sw__wal_log_validate(log));
}

void sw__wal_log_reset(struct sw__wal_log *log, uint64_t next)
{
    SW_ASSERT(next > 0);
    log->start = next;
    log->next = next;
    log->run_count = 0;
    SW_ASSERT(sw__wal_log_validate(log));
}

static void run_push(struct sw__wal_log *log, uint64_t index, uint64_t segment)
{
    if (log->run_count > 0 && log->runs[log->run_count - 1].segment == segment) {
        return;
    }
    SW_ASSERT(log->run_count == 0 || log->runs[log->run_count - 1].segment < segment);
    if (log->run_count == log->run_capacity) {
        log->run_capacity = log->run_capacity == 0 ? 4 : log->run_capacity * 2;
        log->runs = realloc(log->runs, log->run_capacity * sizeof(*log->runs));
        SW_ASSERT(log->runs != NULL);
    }
    log->runs[log->run_count] = (struct sw__wal_run){.index = index, .segment = segment};
    log->run_count++;
}

static void place_put(struct sw__wal_log *log, const struct sw__wal_place *place)
{
    const size_t at = (size_t)(log->next - log->start);

    SW_ASSERT(log->placed);
    if (at >= log->place_capacity) {
        log->place_capacity = log->place_capacity == 0 ? 64 : log->place_capacity * 2;
        log->places = realloc(log->places, log->place_capacity * sizeof(*log->places));
        SW_ASSERT(log->places != NULL);
    }
    SW_ASSERT(at < log->place_capacity);
    log->places[at] = *place;
}

void sw__wal_log_put(struct sw__wal_log *log, uint64_t index, const struct sw__wal_place *place)
{
    SW_ASSERT(index > 0);
    SW_ASSERT(place->segment > 0);
    if (index < log->start || index > log->next) {
        sw__wal_log_reset(log, index);
    } else {
        sw__wal_log_truncate(log, index);
    }
    run_push(log, index, place->segment);
    if (log->placed) {
        place_put(log, place);
    }
    log->next = index + 1;
    SW_ASSERT(sw__wal_log_validate(log));
}

void sw__wal_log_drop_below(struct sw__wal_log *log, uint64_t first_index)
{
    size_t gone = 0;

    SW_ASSERT(sw__wal_log_validate(log));
    if (first_index <= log->start) {
        return;
    }
    sw__wal_log_forget_places(log);
    if (first_index >= log->next) {
        sw__wal_log_reset(log, first_index);
        return;
    }
    while (gone + 1 < log->run_count && log->runs[gone + 1].index <= first_index) {
        gone++;
    }
    log->run_count -= gone;
    for (size_t i = 0; i < log->run_count; i++) {
        log->runs[i] = log->runs[i + gone];
    }
    log->runs[0].index = first_index;
    log->start = first_index;
    SW_ASSERT(sw__wal_log_validate(log));
}

void sw__wal_log_forget_places(struct sw__wal_log *log)
{
    SW_ASSERT(log != NULL);
    free(log->places);
    log->places = NULL;
    log->place_capacity = 0;
    log->placed = false;
}

void sw__wal_log_replay(struct sw__wal_log *log,
                        const struct sw_wal_state_group *row,
                        const struct sw_wal_segment_header *segment,
                        uint64_t offset,
                        const struct sw_wal_record *record)
{
    const struct sw__wal_place place = {.segment = segment->sequence,
                                        .offset = offset + SW_WAL_RECORD_HEADER_SIZE,
                                        .term = record->term,
                                        .body_sum = record->body_sum,
                                        .size = record->body_size,
                                        .type = record->type};
    const uint64_t first = row->first_index;

    SW_ASSERT(record->group.value == row->group.value);
    SW_ASSERT(record->kind != SW_WAL_KIND_MARK);
    if (record->lsn < row->reset_lsn) {
        return;
    }
    if (record->kind == SW_WAL_KIND_ENTRY && record->index >= first) {
        sw__wal_log_put(log, record->index, &place);
    } else {
        /* Also an entry that is dropped itself replaced all that lay behind it. */
        sw__wal_log_truncate(log, record->index > first ? record->index : first);
    }
}

uint64_t sw__wal_log_first_segment(const struct sw__wal_log *log)
{
    SW_ASSERT(sw__wal_log_validate(log));
    return log->run_count == 0 ? UINT64_MAX : log->runs[0].segment;
}
