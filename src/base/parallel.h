/* parallel.h: splitting loops over threads (OpenMP). The number of threads comes from TSR_NUM_THREADS, else
   OMP_NUM_THREADS, else the cores. Kernels must give the same bits for any number of threads where they can; where a
   reduction is split, the split depends on the size alone. */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stdint.h>

#include "tessera/runtime.h" /* tsr_num_threads, tsr_set_num_threads */

/* From now on loops of the calling thread run on it alone: for threads that work beside others, such as a loader's. */
void tsr_run_serially(void);

/* Call body(begin, end, user) over disjoint ranges that cover [0, n). Ranges of fewer than `grain` items are not split
   off; below that everything runs on the caller. Nested calls run serially. body must not fail. */
typedef void (*tsr_range_body)(int64_t begin, int64_t end, void *user);
void tsr_parallel_for(int64_t n, int64_t grain, tsr_range_body body, void *user);

#endif
