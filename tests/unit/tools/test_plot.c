/* Pictures: well-formed, with everything inside, whatever the figures and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/plot.h"

static char *drawn(const struct sw_plot_point *points,
                   size_t point_count,
                   const struct sw_plot_bar *bars,
                   size_t bar_count)
{
    struct sw_buf out = {0};

    sw_plot_svg("a <name> & more", "b", points, point_count, bars, bar_count, &out);
    sw_write_u8(&out, 0);
    return (char *)out.data;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    while ((text = strstr(text, what)) != NULL) {
        count++;
        text++;
    }
    return count;
}

static void every_point_and_bar_is_there(void **state)
{
    const struct sw_plot_point points[] = {{100, 0.5, ""}, {200, 0.95, "now"}, {900, 1, ""}};
    const struct sw_plot_bar bars[] = {{"0", 3}, {"32", 12}, {"64", 0}};
    char *svg = drawn(points, 3, bars, 3);

    (void)state;
    assert_int_equal(count_of(svg, "<circle"), 3);
    assert_int_equal(count_of(svg, "<rect"), 1 + 3);
    assert_int_equal(count_of(svg, ">now<"), 1);
    assert_int_equal(count_of(svg, "&lt;name&gt; &amp; more"), 1);
    assert_int_equal(count_of(svg, "<text"), count_of(svg, "</text>"));
    assert_int_equal(count_of(svg, "nan"), 0);
    assert_int_equal(count_of(svg, "inf"), 0);
    assert_string_equal(svg + strlen(svg) - 7, "</svg>\n");
    free(svg);
}

static void nothing_is_a_picture_too(void **state)
{
    char *svg = drawn(NULL, 0, NULL, 0);

    (void)state;
    assert_int_equal(count_of(svg, "<svg"), 1);
    assert_int_equal(count_of(svg, "nan"), 0);
    free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_point_and_bar_is_there),
                                       cmocka_unit_test(nothing_is_a_picture_too)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
