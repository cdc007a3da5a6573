/* What a node said about itself in its STATUS, read from its JSON (status_cjson.c). */
#ifndef SW_TOOLS_STATUS_H
#define SW_TOOLS_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct sw_status {
    char role[16];
    char digest[24];
    char version[24];
    uint64_t leader, term, revision, applied_index, commit_index, digest_index, uptime_ms;
    bool ready;
    bool disk_full;
};

/* False if it is no JSON object. Members that are missing stay zero: older nodes say less. */
bool sw_status_parse(const char *json, struct sw_status *ret_status);

#endif
