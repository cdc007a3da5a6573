/* Vectors, attributes and conditions as people type them.
 *
 *     vector       0.1, -2e-3 4 ...   or a JSON array of numbers
 *     attributes   topic=raft,year:=2014       = a text, := a number
 *     conditions   topic=raft,year>=2010,year<=2020,tag=a|b,name=pre*
 *
 * Conditions joined by commas must all hold; texts joined by | are alternatives; a text that ends
 * with * is a beginning. A text with one of these signs cannot be written here: use the library. */
#ifndef SW_TOOLS_VECTOR_TEXT_H
#define SW_TOOLS_VECTOR_TEXT_H

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"
#include "client/include/swarm.h"

/* Owned by whoever asked; zero-initialise, and release with sw_vector_text_release. */
struct sw_vector_text {
    float *numbers;
    size_t count;
    char *names; /* copy of the text that attributes or conditions point into */
    struct swarm_attribute attributes[SW_ATTRIBUTE_COUNT_MAX];
    size_t attribute_count;
    struct swarm_condition conditions[SW_CONDITION_COUNT_MAX];
    size_t condition_count;
};

/* INVALID or TOO_LARGE, and why. Each may be called once for a struct. */
enum sw_err
sw_vector_text_numbers(const char *text, struct sw_vector_text *out, char ret_why[SW_WHY_SIZE]);
enum sw_err
sw_vector_text_attributes(const char *text, struct sw_vector_text *out, char ret_why[SW_WHY_SIZE]);
enum sw_err
sw_vector_text_conditions(const char *text, struct sw_vector_text *out, char ret_why[SW_WHY_SIZE]);
void sw_vector_text_release(struct sw_vector_text *text);

#endif
