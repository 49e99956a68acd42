/* atomic_file.h: files that appear whole or not at all. */
#ifndef IO_ATOMIC_FILE_H
#define IO_ATOMIC_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "tessera/error.h"

typedef struct atomic_file {
    int fd;
    bool direct;     /* the target is a device or a pipe: written in place */
    char *path;      /* the target, symbolic links followed */
    char *temporary; /* where it is written to; equal to path when direct */
} atomic_file;

/* Begin; after an error there is nothing to undo. Refused while an error is pending. */
tsr_status atomic_file_open(atomic_file *f, const char *path);
/* An error abandons the file. */
tsr_status atomic_file_write(atomic_file *f, const void *data, size_t bytes);
/* Somebody else replaced the temporary file by its name: take up the new one. An error abandons the file. */
tsr_status atomic_file_reopen(atomic_file *f);
/* Sync, rename, sync the folder. An error abandons the file. Either way f is done with. */
tsr_status atomic_file_commit(atomic_file *f);
/* Remove what was written; the old file stays. Does nothing when f is done with. */
void atomic_file_abandon(atomic_file *f);

/* Report errno: "cannot <what> <path>: No space left on device". */
tsr_status io_fail(const char *what, const char *path);

#endif
