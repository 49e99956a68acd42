/* alloc.h: the one door to memory. Everything the library allocates, tensor data and small objects alike, passes here,
   is counted, aligned to 64 bytes, cached for re-use, and can be made to fail in tests. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tessera/memory.h"

/* So many tensors were made, or released when negative: tsr_live_tensors. */
void tsr_count_tensors(int64_t by);

/* Tests: let the nth request from now on (1 = the next) of any thread fail, once; 0 switches that off.
   tsr_alloc_failed tells whether it has happened. */
TSR_API void tsr_alloc_fail_at(int64_t nth);
TSR_API bool tsr_alloc_failed(void);

#endif
