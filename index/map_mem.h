/* An ordered map in memory, for tests and benchmarks of the index: the port of index/map.h.
 *
 * Values keep their address until they are put again or deleted, as pages of LMDB do. */
#ifndef SW_INDEX_MAP_MEM_H
#define SW_INDEX_MAP_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/map.h"

struct sw_index_map *sw_index_map_mem_new(void);
/* The same content with a place of its own to walk from: one for each thread that searches while
 * nobody writes. Freed before the map it came from. */
struct sw_index_map *sw_index_map_mem_view(struct sw_index_map *map);
void sw_index_map_mem_free(struct sw_index_map *map); /* accepts NULL */
uint64_t sw_index_map_mem_count(const struct sw_index_map *map);
uint64_t sw_index_map_mem_size(const struct sw_index_map *map); /* bytes of all keys and values */
/* The keys ascend and the counts hold; for tests. */
bool sw_index_map_mem_validate(const struct sw_index_map *map);

#endif
