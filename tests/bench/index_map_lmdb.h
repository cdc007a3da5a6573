/* The port of index/map.h over one table of an LMDB environment, as a node serves it: the records
 * of another map are copied in one transaction, then searched in a read transaction. */
#ifndef SW_TESTS_BENCH_INDEX_MAP_LMDB_H
#define SW_TESTS_BENCH_INDEX_MAP_LMDB_H

#include <stdint.h>

#include "index/map.h"

/* `folder` exists and is empty. Ends the program when LMDB fails. The map cannot be written. */
struct sw_index_map *index_map_lmdb_copy(struct sw_index_map *from, const char *folder);
void index_map_lmdb_free(struct sw_index_map *map);
/* Bytes of all pages in use: what the index takes of the file. */
uint64_t index_map_lmdb_size(const struct sw_index_map *map);
/* Bytes of keys and values that were copied, and how long that took with its sync. */
uint64_t index_map_lmdb_copied(const struct sw_index_map *map, uint64_t *ret_ns);

#endif
