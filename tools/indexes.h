/* What a node answers to a list of indexes, for people. */
#ifndef SW_TOOLS_INDEXES_H
#define SW_TOOLS_INDEXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/output.h"

/* Prints a row for each index; false if `json` is no such answer. */
bool sw_indexes_print(const char *json, enum sw_format format, FILE *file);

/* Of one index, from a node's answer; numbers that it does not tell are 0. */
enum { SW_INDEX_STATUS_BINS = 16 };
struct sw_index_status {
    char name[72];
    uint32_t dim, target_permille, probe_percent, rerank_tenths, samples, recall_permille;
    uint32_t buckets, largest;
    uint64_t entries, scanned;
    size_t bin_count;
    struct {
        uint32_t from, buckets;
    } bins[SW_INDEX_STATUS_BINS];
};
/* False if `json` is no such answer. */
bool sw_index_status_read(const char *json, struct sw_index_status *ret_status);
/* How far a node's check of an index has come. */
struct sw_index_check_status {
    uint64_t entries, places, keys, records;
    bool still;
    char digest[40];
    char fault[192]; /* "": none so far */
};
bool sw_index_check_read(const char *json, struct sw_index_check_status *ret_status);
/* Prints the fields of a status. */
bool sw_index_status_print(const char *json, enum sw_format format, FILE *file);

#endif
