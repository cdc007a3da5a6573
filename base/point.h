/* Points: places in product code that only chaos builds know. Compiled to nothing unless
 * SW_FAULT_POINTS is defined (presets dev and chaos; never release), inert until a run asks.
 *
 *   SW_MARK("wal.tail_torn");                        a rare branch was reached: counted, so that a
 *                                                    campaign can say which branches it never met
 *   if (SW_BUGGIFY("wal.small_batch", 100)) { ... }  something legal but unkind, 100 in 1000 times
 *                                                    (as FoundationDB's BUGGIFY: in each run a
 *                                                    quarter of the sites is active)
 *   if (SW_PLANTED(ACK_BEFORE_SYNC)) { ... }         a known bug of base/planted.h, in runs that
 *                                                    plant it: the tests must find each of them
 *
 * What a point does depends on the seed of the run, its name and how often it was asked: a
 * simulated world stays a function of its seed. Any thread may pass a point. */
#ifndef SW_BASE_POINT_H
#define SW_BASE_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/planted.h"

#ifdef SW_FAULT_POINTS
enum { SW_FAULT_POINTS_BUILT = true };
#else
enum { SW_FAULT_POINTS_BUILT = false };
#endif

enum sw_point_kind { SW_POINT_MARK, SW_POINT_BUGGIFY };

/* One site; made by the macros. A name may stand at several sites. */
struct sw_point {
    const char *name;
    enum sw_point_kind kind;
    uint64_t asked;  /* times the site was passed */
    uint64_t fired;  /* BUGGIFY: times it said yes */
    bool active;     /* BUGGIFY: it may say yes in this run ... */
    uint64_t stream; /* ... by these numbers */
};

/* Forgets all counts; then BUGGIFY sites follow `seed`. 0 = none is active. */
void sw_points_begin(uint64_t seed);
/* The site with this number, 0.. in an order that the linker chose; NULL behind the last. */
struct sw_point *sw_point_at(uint32_t index);

/* Set once, before any thread that could pass a point. */
void sw_planted_set(const struct sw_planted_bugs *bugs);

/* For the macros below. */
void sw_point_mark(struct sw_point *point);
bool sw_point_buggify(struct sw_point *point, uint32_t permille);
bool sw_planted_is(enum sw_planted bug);

#ifdef SW_FAULT_POINTS

/* The linker gathers the pointers of all sites in one section. */
#    define SW_POINT_SITE_(point_name, point_kind)                                                 \
        static struct sw_point sw_point_here = {.name = (point_name), .kind = (point_kind)};       \
        static struct sw_point *const sw_point_entry __attribute__((used, section("sw_points"))) = \
            &sw_point_here

#    define SW_MARK(name)                        \
        do {                                     \
            SW_POINT_SITE_(name, SW_POINT_MARK); \
            sw_point_mark(&sw_point_here);       \
        } while (0)
#    define SW_BUGGIFY(name, permille)                  \
        __extension__({                                 \
            SW_POINT_SITE_(name, SW_POINT_BUGGIFY);     \
            sw_point_buggify(&sw_point_here, permille); \
        })
#    define SW_PLANTED(bug) sw_planted_is(SW_PLANTED_##bug)

#else

#    define SW_MARK(name)              ((void)0)
#    define SW_BUGGIFY(name, permille) false
#    define SW_PLANTED(bug)            false

#endif

#endif
