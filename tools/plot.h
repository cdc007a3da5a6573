/* Pictures of an index as SVG, written by hand: bars and one line, no library. Pure. */
#ifndef SW_TOOLS_PLOT_H
#define SW_TOOLS_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/rw.h"

struct sw_plot_bar {
    char label[24];
    double value;
};

struct sw_plot_point {
    double x, y; /* y from 0 to 1 */
    char label[24];
};

/* A picture of 760 by 640 points: a title, the curve of what searches find over what they look at,
 * and the bars below. Any count may be 0. */
void sw_plot_svg(const char *title,
                 const char *subtitle,
                 const struct sw_plot_point *points,
                 size_t point_count,
                 const struct sw_plot_bar *bars,
                 size_t bar_count,
                 struct sw_buf *out);

#endif
