/* Two charts, one below the other, in plain SVG. */
#include "tools/plot.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum {
    WIDTH = 760,
    HEIGHT = 640,
    LEFT = 70,
    RIGHT = 730,
    CURVE_TOP = 100,
    CURVE_BOTTOM = 320,
    BARS_TOP = 410,
    BARS_BOTTOM = 580,
};

static const char ink[] = "#1f2937", faint[] = "#d1d5db", pale[] = "#6b7280";
static const char blue[] = "#2563eb", green[] = "#059669";

static void write_escaped(const char *text, struct sw_buf *out)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            sw_write_bytes(out, sw_span_str("&lt;"));
            break;
        case '>':
            sw_write_bytes(out, sw_span_str("&gt;"));
            break;
        case '&':
            sw_write_bytes(out, sw_span_str("&amp;"));
            break;
        default:
            sw_write_u8(out, (uint8_t)*text);
        }
    }
}

static void write_text(double x,
                       double y,
                       const char *anchor,
                       int size,
                       const char *colour,
                       const char *text,
                       struct sw_buf *out)
{
    sw_buf_printf(out,
                  "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-size=\"%d\" fill=\"%s\">",
                  x,
                  y,
                  anchor,
                  size,
                  colour);
    write_escaped(text, out);
    sw_buf_printf(out, "</text>\n");
}

static void write_line(double y, const char *colour, struct sw_buf *out)
{
    sw_buf_printf(out,
                  "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                  LEFT,
                  y,
                  RIGHT,
                  y,
                  colour);
}

/* The least of 1, 2, 5 times a power of ten that is not below the value. */
static double round_up(double value)
{
    static const double steps[] = {1, 2, 5};

    for (double power = 1;; power *= 10) {
        for (size_t i = 0; i < 3; i++) {
            if (steps[i] * power >= value) {
                return steps[i] * power;
            }
        }
    }
}

/* --- the curve -------------------------------------------------------------------------------- */

static double low_of(const struct sw_plot_point *points, size_t count)
{
    double low = 1;

    for (size_t i = 0; i < count; i++) {
        low = points[i].y < low ? points[i].y : low;
    }
    return low >= 0.9 ? 0.9 : low >= 0.75 ? 0.7 : low >= 0.5 ? 0.5 : 0;
}

static double curve_x(double x, double most)
{
    return LEFT + (RIGHT - LEFT) * x / most;
}

static double curve_y(double y, double low)
{
    return CURVE_BOTTOM - (CURVE_BOTTOM - CURVE_TOP) * (y - low) / (1 - low);
}

static void write_axes(double low, double most, struct sw_buf *out)
{
    char text[32];

    for (int i = 0; i <= 5; i++) {
        const double y = low + (1 - low) * i / 5;

        write_line(curve_y(y, low), i == 0 ? pale : faint, out);
        (void)snprintf(text, sizeof text, "%.2f", y);
        write_text(LEFT - 8, curve_y(y, low) + 4, "end", 12, pale, text, out);
    }
    for (int i = 0; i <= 4; i++) {
        (void)snprintf(text, sizeof text, "%.0f", most * i / 4);
        write_text(curve_x(most * i / 4, most), CURVE_BOTTOM + 18, "middle", 12, pale, text, out);
    }
    write_text((LEFT + RIGHT) / 2.0,
               CURVE_BOTTOM + 36,
               "middle",
               12,
               ink,
               "entries looked at by one search",
               out);
    write_text(LEFT, CURVE_TOP - 14, "start", 13, ink, "part of the true ten nearest", out);
}

static void write_curve(const struct sw_plot_point *points, size_t count, struct sw_buf *out)
{
    const double low = low_of(points, count);
    double most = 1;

    for (size_t i = 0; i < count; i++) {
        most = points[i].x > most ? points[i].x : most;
    }
    most = round_up(most);
    write_axes(low, most, out);
    sw_buf_printf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", blue);
    for (size_t i = 0; i < count; i++) {
        sw_buf_printf(out, "%.1f,%.1f ", curve_x(points[i].x, most), curve_y(points[i].y, low));
    }
    sw_buf_printf(out, "\"/>\n");
    for (size_t i = 0; i < count; i++) {
        const double x = curve_x(points[i].x, most);
        const double y = curve_y(points[i].y, low);

        sw_buf_printf(out,
                      "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\" fill=\"%s\"/>\n",
                      x,
                      y,
                      points[i].label[0] == '\0' ? 3 : 6,
                      points[i].label[0] == '\0' ? blue : green);
        if (points[i].label[0] != '\0') {
            write_text(x + 10, y + 18, "start", 12, green, points[i].label, out);
        }
    }
}

/* --- the bars --------------------------------------------------------------------------------- */

static void write_bars(const struct sw_plot_bar *bars, size_t count, struct sw_buf *out)
{
    const double step = (double)(RIGHT - LEFT) / (count == 0 ? 1 : (double)count);
    double most = 1;
    char text[32];

    for (size_t i = 0; i < count; i++) {
        most = bars[i].value > most ? bars[i].value : most;
    }
    write_text(
        LEFT, BARS_TOP - 34, "start", 13, ink, "buckets, by how many entries they have", out);
    for (size_t i = 0; i < count; i++) {
        const double height = (BARS_BOTTOM - BARS_TOP) * bars[i].value / most;
        const double x = LEFT + step * (double)i;

        sw_buf_printf(out,
                      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" "
                      "fill=\"%s\"/>\n",
                      x + step * 0.1,
                      BARS_BOTTOM - height,
                      step * 0.8,
                      height,
                      blue);
        if (bars[i].value > 0) {
            (void)snprintf(text, sizeof text, "%.0f", bars[i].value);
            write_text(x + step / 2, BARS_BOTTOM - height - 5, "middle", 11, ink, text, out);
        }
        write_text(x + step / 2, BARS_BOTTOM + 16, "middle", 11, pale, bars[i].label, out);
    }
    write_line(BARS_BOTTOM, pale, out);
}

void sw_plot_svg(const char *title,
                 const char *subtitle,
                 const struct sw_plot_point *points,
                 size_t point_count,
                 const struct sw_plot_bar *bars,
                 size_t bar_count,
                 struct sw_buf *out)
{
    sw_buf_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                  "height=\"%d\" font-family=\"Helvetica, Arial, sans-serif\">\n"
                  "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
                  WIDTH,
                  HEIGHT,
                  WIDTH,
                  HEIGHT,
                  WIDTH,
                  HEIGHT);
    write_text(LEFT, 38, "start", 20, ink, title, out);
    write_text(LEFT, 60, "start", 13, pale, subtitle, out);
    write_curve(points, point_count, out);
    write_bars(bars, bar_count, out);
    sw_buf_printf(out, "</svg>\n");
}
