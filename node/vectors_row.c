/* What contexts ask of an index beside searches: an entry's row, and to put it out of sight.
 *
 * An entry is hidden by giving it the place 0 in time, below every watermark: it costs as much as a
 * put, needs no record of its own, and whoever asks for stale entries still finds it, marked. */
#include "base/assert.h"
#include "index/alike.h"
#include "node/apply_private.h"
#include "node/vectors_private.h"

enum sw_err sw__vector_row(const struct sw__apply *apply,
                           const struct sw_vectors_index *index,
                           struct sw_span name,
                           struct sw_span *ret_row)
{
    uint64_t id;
    enum sw_err err = sw_vectors_id_of(index, apply->store, name, &id);

    *ret_row = sw_span_of(NULL, 0);
    if (err != SW_ERR_OK || id == 0) {
        return err;
    }
    err = sw_index_row(index->index, id, ret_row);
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err; /* its records say that it is there */
}

enum sw_err sw__vector_alike(const struct sw__apply *apply,
                             const struct sw_vectors_index *index,
                             struct sw_span name,
                             struct sw_alike *ret_alike,
                             uint64_t *ret_id)
{
    struct sw_index_entry entry;
    struct sw_span row;
    enum sw_err err = sw_vectors_id_of(index, apply->store, name, ret_id);

    if (err != SW_ERR_OK || *ret_id == 0) {
        return err;
    }
    err = sw_index_get(index->index, *ret_id, &entry);
    if (err == SW_ERR_OK && entry.seq == 0) {
        *ret_id = 0;
        return SW_ERR_OK;
    }
    if (err == SW_ERR_OK) {
        err = sw_index_row(index->index, *ret_id, &row);
    }
    if (err == SW_ERR_OK) {
        err = sw_alike_of(sw_index_space(index->index), row, ret_alike);
    }
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
}

enum sw_err sw__vector_hide(struct sw__apply *apply, struct sw_vectors_index *index, uint64_t id)
{
    struct sw_index_entry entry;
    enum sw_err err = sw_index_get(index->index, id, &entry);

    index->apply = apply;
    if (err == SW_ERR_OK) {
        entry.seq = 0;
        err = sw_index_set_watermark(index->index, entry.context, 1);
    }
    if (err == SW_ERR_OK) {
        err = sw_index_row(index->index, id, &entry.vector);
    }
    if (err == SW_ERR_OK) {
        err = sw_index_put_row(index->index, &entry);
    }
    sw__vectors_note(apply->state, index);
    SW_ASSERT(err != SW_ERR_INVALID); /* it is the row of that entry */
    return err == SW_ERR_NOT_FOUND ? SW_ERR_CORRUPT : err;
}

void sw__vectors_note_gone(struct sw__apply *apply, struct sw_vectors_index *index)
{
    sw_index_note_gone(index->index);
    sw__vectors_note(apply->state, index);
}
