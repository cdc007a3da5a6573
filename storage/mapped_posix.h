/* Reads of mapped files that the disk does not answer: a page beyond the end of a file that was cut
 * short, or one that fails to be read. The kernel tells by SIGBUS, in the middle of whatever reads.
 * Nobody can go on from there, but the end can be told in words and by exit code, like any other
 * damage, and not look like a fault of the program. For programs, in their first lines. */
#ifndef SW_STORAGE_MAPPED_POSIX_H
#define SW_STORAGE_MAPPED_POSIX_H

/* From now on such a read writes `text` to stderr and ends the process with `exit_code`. `text` is
 * borrowed for ever. */
void sw_mapped_read_failure(const char *text, int exit_code);

#endif
