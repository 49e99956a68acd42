/* alloc.h: the one door to memory. Everything the library allocates, tensor data and small objects alike, passes here,
   is counted, aligned to 64 bytes, cached for re-use, and can be made to fail in tests. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tessera/memory.h"

/* `bytes` of uninitialised memory, 64-byte aligned; 0 bytes give a valid pointer. NULL sets TSR_ENOMEM. */
void *tsr_alloc(size_t bytes);
/* The same, zeroed; count * size is checked for overflow. */
void *tsr_alloc_zeroed(size_t count, size_t size);
/* Like realloc: NULL p allocates; on failure p stays valid. */
void *tsr_realloc(void *p, size_t bytes);
void tsr_free(void *p);
/* A copy of the string, or NULL for NULL or when there is no memory. */
char *tsr_strdup(const char *text);

/* Tests: let the nth request from now on (1 = the next) of any thread fail, once; 0 switches that off.
   tsr_alloc_failed tells whether it has happened. */
TSR_API void tsr_alloc_fail_at(int64_t nth);
TSR_API bool tsr_alloc_failed(void);

#endif
