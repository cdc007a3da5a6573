/* Assertions state what our own code guarantees; they are on in every build. Bytes from disk,
 * network and users are never asserted, they are checked and answered with an error. */
#ifndef SW_BASE_ASSERT_H
#define SW_BASE_ASSERT_H

#define SW_ASSERT(cond) \
    (__builtin_expect(!(cond), 0) ? sw_assert_failed(__FILE__, __LINE__, #cond) : (void)0)

/* Prints the failed condition and aborts: a node that broke an invariant must not go on. */
_Noreturn void sw_assert_failed(const char *file, int line, const char *text);

#endif
