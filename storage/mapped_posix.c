/* SIGBUS as an end in words. */
#include "storage/mapped_posix.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

static const char *failure_text; /* set once, before the handler is there */
static int failure_code;

/* Only calls that are safe inside a signal handler. */
static void tell_and_end(int number)
{
    size_t size = 0;

    (void)number;
    while (failure_text[size] != '\0') {
        size++;
    }
    if (write(STDERR_FILENO, failure_text, size) < 0) {
        _exit(failure_code); /* nobody listens; the code says it too */
    }
    _exit(failure_code);
}

void sw_mapped_read_failure(const char *text, int exit_code)
{
    struct sigaction action;
    int rc;

    SW_ASSERT(text != NULL);
    SW_ASSERT(exit_code > 0);
    failure_text = text;
    failure_code = exit_code;
    memset(&action, 0, sizeof(action));
    action.sa_handler = tell_and_end;
    rc = sigaction(SIGBUS, &action, NULL);
    SW_ASSERT(rc == 0);
}
